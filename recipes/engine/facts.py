"""What a job used: time, memory, energy, versions."""

import json
import os
import platform
import resource
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from recipes import extras
from recipes.algorithms import ALGORITHMS
from recipes.engine import sat
from recipes.engine.peers import Peers
from recipes.events import Journal
from recipes.job import Compute


class Clock:
    """Runs from the start of this process, so that imports count in a cold start."""

    def __init__(self, device: torch.device, compute: Compute) -> None:
        self._device = device
        self._began = _process_began()
        self._energy = _energy(device)
        self._witness = sat.witness(device, compute)

    def facts(self, *, first_step: float) -> dict[str, Any]:
        """`seconds`, `first_step`, `energy_wh` and `peak_memory` of this rank's device."""
        used = _energy(self._device)
        spent = None if used is None or self._energy is None else used - self._energy
        return {
            "seconds": round(time.time() - self._began, 2),
            "first_step": round(first_step - self._began, 3) if first_step else None,
            "energy_wh": None if spent is None else round(spent, 3),
            "peak_memory": _peak_memory(self._device),
        }

    def witnessed(self) -> sat.Sat | None:
        """Whether this rank was on its GPU, by NVML; None where it has none."""
        return self._witness.sat() if self._witness else None


def of_all(
    clock: Clock, peers: Peers, journal: Journal, *, first_step: float, idle: bool = False
) -> dict[str, Any]:
    """The facts of the whole gang: energy is summed, memory is that of the fullest device. `idle`:
    what learned does not use the GPU. All ranks call it. Raises WrongDevice."""
    mine = (clock.facts(first_step=first_step), None if idle else clock.witnessed())
    ranks, seats = zip(*peers.gather(mine), strict=True)
    energy = [one["energy_wh"] for one in ranks if one["energy_wh"] is not None]
    return {
        **ranks[0],
        "energy_wh": round(sum(energy), 3) if energy else None,
        "peak_memory": max(one["peak_memory"] for one in ranks),
        **sat.agreed(seats, journal),
    }


LIBRARIES = {
    "images": ("torch", "torchvision", "timm", "numpy", "pillow"),
    "table": ("numpy", "pyarrow"),
}


def versions(data: str = "images", libraries: Iterable[str] = ()) -> dict[str, str]:
    """The packages that a result depends on: those of its data, and those that make up each of
    `libraries`, which are keys of EXTRAS or packages."""
    known: dict[str, str] = {}
    for name in libraries:
        known |= extras.versions(name)
    for name in LIBRARIES[data]:
        with suppress(PackageNotFoundError):
            known[name] = version(name)
    cuda = {"cuda": str(torch.version.cuda)} if torch.version.cuda and data == "images" else {}
    return {"python": platform.python_version(), **known, **cuda}


def versions_of(told: Mapping[str, Any], device: str = "cpu") -> dict[str, str]:
    """What a model of a table depends on; `told` has its `algorithm` and `params`."""
    card = ALGORITHMS.get(told.get("algorithm", ""))
    params = told.get("params") or {}
    return versions("table", card.libraries(params, device) if card else ())


def kept_versions(place: str | None, device: str) -> dict[str, str]:
    """The same of a bundle; of one that cannot be read the least: loading it says why."""
    told: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        told = json.loads((Path(place or "") / "model.json").read_text())
    return versions_of(told, device)


def _process_began() -> float:
    """Unix time at which this process was started or forked, to a hundredth of a second."""
    with open("/proc/self/stat") as stat:
        ticks = int(stat.read().rpartition(")")[2].split()[19])
    up = time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.time() - up + ticks / os.sysconf("SC_CLK_TCK")


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.max_memory_reserved(device))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _energy(device: torch.device) -> float | None:
    """Watt hours that the GPU has used since its driver was loaded; None without a GPU."""
    if device.type != "cuda":
        return None
    try:
        import pynvml  # noqa: PLC0415 - a node without NVIDIA need not have it

        pynvml.nvmlInit()
        name = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
        handle = pynvml.nvmlDeviceGetHandleByUUID(name)
        return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 3_600_000
    except Exception:  # any GPU may lack the counter: the fact is then unknown
        return None

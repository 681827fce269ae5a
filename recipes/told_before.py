"""The catalogue of a machine on which nothing has changed since it was made: read, not made again.

    python -m recipes catalogue --weights FOLDER [--quick] [--kept FILE]

To make it loads torch and most libraries, at each start of an agent; to see whether anything has
changed takes a glance at what is installed. Of an answer that left something out, or that says that
a library cannot be loaded, nothing is kept: what is missing there may be mended without a trace.
"""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from recipes import own_network
from recipes.job import write_whole

OURS = Path(__file__).parent
BOOT = Path("/proc/sys/kernel/random/boot_id")
DRIVER = (Path("/etc/ld.so.cache"), Path("/dev/nvidiactl"))  # it may come without a boot
CPU = ("model name", "flags", "Features")  # of /proc/cpuinfo
LASTS = "lasts"  # of an answer: nothing was left out of it
VARIABLES = ("LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_PATH", "TRACKSIDE_OFFLINE")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m recipes catalogue", description="What this node can do, as JSON."
    )
    parser.add_argument("--weights", type=Path, required=True, help="the folder of weights")
    parser.add_argument("--quick", action="store_true", help="leave out what takes long to count")
    parser.add_argument("--kept", type=Path, help="where the answer is kept for the next start")
    given = parser.parse_args(arguments)
    json.dump(answer(given.weights, quick=given.quick, kept=given.kept), sys.stdout)
    sys.stdout.write("\n")
    return 0


def answer(folder: Path, *, quick: bool, kept: Path | None) -> dict[str, Any]:
    """The whole catalogue. What may change without a trace is asked each time."""
    told = _kept(folder, quick, kept) if kept else _made(folder, quick)
    return {
        **{name: one for name, one in told.items() if name != LASTS},
        "cpu": {"cores": len(os.sched_getaffinity(0)), **told.get("cpu", {})},
        "why_no_own_network": own_network.refusal(),
    }


def _kept(folder: Path, quick: bool, kept: Path) -> dict[str, Any]:
    before = rests_on(folder)
    with suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads(kept.read_text())
        if before and found["rests_on"] == before:
            return dict(found["told"])
    told = _made(folder, quick)
    if before and told.get(LASTS) and rests_on(folder) == before:
        with suppress(OSError):  # a full disk
            write_whole(kept, json.dumps({"rests_on": before, "told": told}))
    return told


def _made(folder: Path, quick: bool) -> dict[str, Any]:
    from recipes import catalogue  # noqa: PLC0415 - loads torch

    return catalogue.catalogue(folder, quick=quick)


def rests_on(folder: Path) -> str:
    """Changes with whatever may change what the catalogue says; "" where that cannot be seen."""
    seen = hashlib.sha256()
    try:
        for one in _traces(folder):
            seen.update(repr(one).encode())
    except OSError:  # a container may hide what is asked of the kernel
        return ""
    return seen.hexdigest()


def _traces(folder: Path) -> Iterator[object]:
    yield sys.version, [os.environ.get(name) for name in VARIABLES]
    yield BOOT.read_text(), [one.stat().st_mtime_ns if one.exists() else 0 for one in DRIVER]
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    yield sorted({line for line in lines if line.startswith(CPU)})
    for place in sys.path:  # pip writes such a folder anew with each installation
        with suppress(OSError):
            yield from sorted(
                (one.path, one.stat().st_mtime_ns)
                for one in os.scandir(place or ".")
                if one.name.endswith((".dist-info", ".egg-info"))
            )
    for one in sorted([*OURS.rglob("*.py"), *OURS.rglob("*.json")]):
        yield one, one.stat().st_size, one.stat().st_mtime_ns
    for one in sorted(folder.glob("*.pth")) + sorted(folder.glob("*.safetensors")):
        yield one.name

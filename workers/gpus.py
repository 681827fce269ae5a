"""The GPUs of this machine: what there is, how it is, who else uses it, why there is none.

NVML is asked in `driver.py`'s threads, so that a card on which the driver hangs costs one tile its
numbers and not the node its heartbeat. Nothing here touches CUDA.
"""

import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pynvml

from trackside.compute.services import GpuFacts, GpuSample
from workers import causes, inventory, occupants, simulated, topology
from workers.condition import Condition, Xids, examine
from workers.driver import Driver, NoAnswer
from workers.faults import Faults

NVIDIA = "0x10de"
# NVML's words for a card that does not come back by itself, and what is said of it.
DEAD = {
    causes.GPU_IS_LOST: "It has fallen off the bus.",
    causes.RESET_REQUIRED: "It needs a reset.",
    causes.NOT_FOUND: "The driver does not find it any more.",
}
SILENT_FOR = 30.0  # seconds that the driver may leave us without an answer about a card


@dataclass
class Gpus:
    """The devices of this node, real or simulated."""

    fake: str = ""
    host: str = ""
    faults: Faults = field(default_factory=lambda: Faults("", ""))  # to simulate
    facts: list[GpuFacts] = field(default_factory=list)
    topology: dict[str, Any] = field(default_factory=dict)
    driver: str = ""
    cuda: str = ""
    why: dict[str, Any] | None = None
    worked: bool = False
    asking: Driver = field(default_factory=Driver)
    xids: Xids = field(default_factory=Xids)
    _cards: tuple[str, ...] = ()
    _silent: dict[str, float] = field(default_factory=dict)

    @property
    def simulated(self) -> bool:
        return bool(self.fake)

    def find(self, versions: dict[str, Any] | None = None, archs: Collection[str] = ()) -> None:
        """Look again at what there is. With torch's versions, also whether torch can use it."""
        if self.fake:
            self.facts = simulated.inventory(self.fake, self.host)
            self.why = None if self.facts else causes.why_no_gpu(causes.Facts())
            self.topology = simulated.topology(self.facts)
            return
        probe, found = self._probe(versions, archs)
        self.why = causes.why_no_gpu(probe)
        self.facts = [] if self.why else found
        self.worked = self.worked or bool(self.facts)

    def _probe(
        self, versions: dict[str, Any] | None, archs: Collection[str]
    ) -> tuple[causes.Facts, list[GpuFacts]]:
        code, said = causes.OK, ""
        seen = inventory.Found([], [], "", "", empty_mig=False)
        try:
            seen = self.asking.ask("this machine", self._look)
            self.driver, self.cuda = seen.driver, seen.cuda
        except pynvml.NVMLError as error:
            code, said = int(error.value), str(error)
        except NoAnswer as silence:
            code, said = causes.TIMEOUT, str(silence)
        probe = causes.Facts(
            on_pci=_on_pci(),
            device_files=any(Path("/dev").glob("nvidia[0-9]*")),
            container=_in_container(),
            nvml=code,
            said=said,
            worked_before=self.worked,
            devices=len(seen.devices),
            empty_mig=seen.empty_mig,
            driver=self.driver,
            module=_module(),
            driver_cuda=self.cuda,
            torch=str((versions or {}).get("torch", "")),
            torch_cuda=_torch_cuda(versions),
            torch_archs=tuple(archs),
            capabilities=tuple(one.capability for one in seen.devices),
        )
        return probe, seen.devices

    def _look(self) -> inventory.Found:
        seen = inventory.look()
        cards = tuple(uuid for uuid, _ in seen.cards)
        if cards != self._cards:
            self.topology = topology.measure(seen.cards)
            self.xids.listen([handle for _, handle in seen.cards])
            self._cards = cards
        return seen

    def sample(self, busy: Collection[str]) -> list[GpuSample]:
        """All devices now; `busy` are those on which jobs of ours run.

        About a device on which the driver keeps silent nothing is said for a while.
        """
        if self.fake:
            return simulated.samples(self.facts, busy, self.faults.now())
        until = time.monotonic() + 2 * self.asking.within
        with suppress(NoAnswer):
            self.asking.ask("events", self.xids.look)
        found = []
        for gpu in self.facts:
            if time.monotonic() < until:
                found += self._sample(gpu, gpu.uuid in busy)
        return found

    def _sample(self, gpu: GpuFacts, busy: bool) -> list[GpuSample]:
        try:
            one = self.asking.ask(gpu.uuid, lambda: _sample(gpu, busy, self.xids))
        except NoAnswer:
            return self._without_answer(gpu)
        self._silent.pop(gpu.uuid, None)
        return [one]

    def _without_answer(self, gpu: GpuFacts) -> list[GpuSample]:
        now = time.monotonic()
        if now - self._silent.setdefault(gpu.uuid, now) < SILENT_FOR:
            return []
        said = f"The driver has not answered about it for {SILENT_FOR:.0f} seconds."
        return [_failed(gpu, said, broken=said)]

    def dead(self, uuids: Collection[str]) -> dict[str, str]:
        """Of these the ones on which no job can go on, by a fresh look; a sentence about each."""
        here = [gpu for gpu in self.facts if gpu.uuid in uuids]
        if self.fake:
            found = simulated.samples(here, uuids, self.faults.now())
        else:
            found = [one for gpu in here for one in self._sample(gpu, busy=True)]
        return died(found)

    def taken(self, uuids: Collection[str], *, shared: bool = False) -> str:
        """Why these devices are not really free, as a sentence; empty when they are.

        On a `shared` one other jobs of ours may run.
        """
        facts = {gpu.uuid: gpu for gpu in self.facts}
        missing = sorted(set(uuids) - set(facts))
        if missing:
            return f"GPU {missing[0]} is not there any more."
        for uuid in uuids:
            if reason := self._taken(facts[uuid], shared):
                return reason
        return ""

    def _taken(self, gpu: GpuFacts, shared: bool) -> str:
        if self.fake:
            found = simulated.samples([gpu], (), self.faults.now())
        else:
            found = self._sample(gpu, busy=shared)
        if not found:
            return f"GPU {gpu.index} is not free: the driver does not answer about it."
        words = found[0].health_note.rstrip(".")
        return f"GPU {gpu.index} is not free: {words}." if found[0].health != "ok" else ""


def died(samples: Collection[GpuSample]) -> dict[str, str]:
    return {one.uuid: one.broken for one in samples if one.health == "failed" and one.broken}


def _sample(gpu: GpuFacts, busy: bool, xids: Xids) -> GpuSample:
    """In the driver's thread."""
    try:
        handle = pynvml.nvmlDeviceGetHandleByUUID(gpu.uuid)
        used = int(pynvml.nvmlDeviceGetMemoryInfo(handle).used)
        others, ours = occupants.users(handle, busy)
        card = pynvml.nvmlDeviceGetHandleByUUID(gpu.parent) if gpu.parent else handle
        found = examine(card, gpu.parent or gpu.uuid, xids)
    except pynvml.NVMLError as error:
        dead = DEAD.get(int(error.value), "")
        return _failed(gpu, dead or str(error), broken=dead)
    health, note = occupants.health(others, ours, busy)
    return GpuSample(
        uuid=gpu.uuid,
        memory_used=used,
        utilization=_number(lambda: pynvml.nvmlDeviceGetUtilizationRates(handle).gpu) or 0.0,
        temperature=_number(lambda: pynvml.nvmlDeviceGetTemperature(card, 0)),
        power=_number(lambda: pynvml.nvmlDeviceGetPowerUsage(handle) / 1000),
        processes=others,
        errors=found.errors,
        **verdict(found, health, note),
    )


def verdict(found: Condition, health: str, note: str) -> dict[str, str]:
    """The sample's words on health: what is wrong with the card outweighs who is on it."""
    if found.dead:
        return {"health": "failed", "health_note": found.dead, "broken": found.dead}
    return {"health": health, "health_note": note[:200], "broken": found.worn}


def _failed(gpu: GpuFacts, note: str, broken: str = "") -> GpuSample:
    return GpuSample(
        uuid=gpu.uuid,
        memory_used=0,
        utilization=0,
        health="failed",
        health_note=note[:200],
        broken=broken,
    )


def _number(read: Any) -> float | None:
    """A reading that not every device offers."""
    try:
        return float(read())
    except pynvml.NVMLError:
        return None


def _on_pci() -> int:
    found = 0
    for vendor in Path("/sys/bus/pci/devices").glob("*/vendor"):
        with suppress(OSError):
            kind = (vendor.parent / "class").read_text()
            found += vendor.read_text().strip() == NVIDIA and kind.startswith("0x03")
    return found


def _in_container() -> bool:
    return Path("/.dockerenv").exists() or Path("/run/.containerenv").exists()


def _module() -> str:
    with suppress(OSError, IndexError):
        words = Path("/proc/driver/nvidia/version").read_text().split("\n")[0].split()
        return next(word for word in words if word[0].isdigit() and "." in word)
    return ""


def _torch_cuda(versions: dict[str, Any] | None) -> str | None:
    """Empty for a torch without CUDA; None as long as the catalogue has not told."""
    if not versions or "torch" not in versions:
        return None
    return str(versions.get("cuda") or "")

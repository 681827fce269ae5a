"""The GPUs of this machine through NVML: what there is, how it is, who else uses it, why there is
none. Nothing here touches CUDA."""

import os
import pwd
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pynvml

from recipes import processes
from trackside.compute.services import GpuFacts, GpuSample
from workers import causes, simulated

NVIDIA = "0x10de"
LOST = (causes.GPU_IS_LOST, causes.RESET_REQUIRED)


@dataclass
class Gpus:
    """The devices of this node, real or simulated. One thread samples at a time."""

    fake: str = ""
    host: str = ""
    facts: list[GpuFacts] = field(default_factory=list)
    driver: str = ""
    cuda: str = ""
    why: dict[str, Any] | None = None
    worked: bool = False

    @property
    def simulated(self) -> bool:
        return bool(self.fake)

    def find(self, versions: dict[str, Any] | None = None, archs: Collection[str] = ()) -> None:
        """Look again at what there is. With torch's versions, also whether torch can use it."""
        if self.fake:
            self.facts, self.why = simulated.inventory(self.fake, self.host), None
            return
        probe, found = self._probe(versions, archs)
        self.why = causes.why_no_gpu(probe)
        self.facts = [] if self.why else found
        self.worked = self.worked or bool(self.facts)

    def _probe(
        self, versions: dict[str, Any] | None, archs: Collection[str]
    ) -> tuple[causes.Facts, list[GpuFacts]]:
        found: list[GpuFacts] = []
        code, said, empty = causes.OK, "", False
        try:
            pynvml.nvmlInit()
            self.driver = _text(pynvml.nvmlSystemGetDriverVersion())
            number = pynvml.nvmlSystemGetCudaDriverVersion_v2()
            self.cuda = f"{number // 1000}.{number % 1000 // 10}"
            count = pynvml.nvmlDeviceGetCount()
            for index in range(count):
                found += _devices(pynvml.nvmlDeviceGetHandleByIndex(index), index)
            empty = bool(count) and not found
        except pynvml.NVMLError as error:
            code, said = int(error.value), str(error)
        probe = causes.Facts(
            on_pci=_on_pci(),
            device_files=any(Path("/dev").glob("nvidia[0-9]*")),
            container=_in_container(),
            nvml=code,
            said=said,
            worked_before=self.worked,
            devices=len(found),
            empty_mig=empty,
            driver=self.driver,
            module=_module(),
            driver_cuda=self.cuda,
            torch=str((versions or {}).get("torch", "")),
            torch_cuda=_torch_cuda(versions),
            torch_archs=tuple(archs),
            capabilities=tuple(one.capability for one in found),
        )
        return probe, found

    def sample(self, busy: Collection[str]) -> list[GpuSample]:
        """All devices now; `busy` are those on which jobs of ours run."""
        if self.fake:
            return simulated.samples(self.facts, busy)
        return [_sample(gpu, gpu.uuid in busy) for gpu in self.facts]

    def taken(self, uuids: Collection[str]) -> str:
        """Why these devices are not really free, as a sentence; empty when they are."""
        if self.fake:
            return ""
        for gpu in self.facts:
            if gpu.uuid in uuids:
                sample = _sample(gpu, busy=False)
                if sample.health != "ok":
                    return f"GPU {gpu.index} is not free: {sample.health_note}."
        missing = set(uuids) - {gpu.uuid for gpu in self.facts}
        return f"GPU {sorted(missing)[0]} is not there any more." if missing else ""


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _devices(handle: Any, index: int) -> list[GpuFacts]:
    """The device, or its MIG slices when it has been cut: each slice is a device of its own."""
    if not _mig(handle):
        return [_facts(handle, index, handle)]
    slices = []
    for number in range(pynvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
        with suppress(pynvml.NVMLError):
            part = pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, number)
            slices.append(_facts(part, index, handle))
    return slices


def _mig(handle: Any) -> bool:
    with suppress(pynvml.NVMLError):
        return bool(pynvml.nvmlDeviceGetMigMode(handle)[0])
    return False


def _facts(handle: Any, index: int, card: Any) -> GpuFacts:
    major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(card)
    limit = None
    if handle is card:
        with suppress(pynvml.NVMLError):
            limit = pynvml.nvmlDeviceGetEnforcedPowerLimit(card) / 1000
    return GpuFacts(
        uuid=_text(pynvml.nvmlDeviceGetUUID(handle)),
        index=index,
        name=_text(pynvml.nvmlDeviceGetName(handle)),
        memory_total=int(pynvml.nvmlDeviceGetMemoryInfo(handle).total),
        capability=f"{major}.{minor}",
        power_limit=limit,
    )


def _sample(gpu: GpuFacts, busy: bool) -> GpuSample:
    try:
        handle = pynvml.nvmlDeviceGetHandleByUUID(gpu.uuid)
        used = int(pynvml.nvmlDeviceGetMemoryInfo(handle).used)
        others, ours = _users(handle, busy)
    except pynvml.NVMLError as error:
        note = "it has fallen off the bus or needs a reset" if error.value in LOST else str(error)
        return GpuSample(
            uuid=gpu.uuid, memory_used=0, utilization=0, health="failed", health_note=note[:200]
        )
    health, note = _health(others, ours, busy)
    return GpuSample(
        uuid=gpu.uuid,
        memory_used=used,
        utilization=_number(lambda: pynvml.nvmlDeviceGetUtilizationRates(handle).gpu) or 0.0,
        temperature=_number(lambda: pynvml.nvmlDeviceGetTemperature(handle, 0)),
        power=_number(lambda: pynvml.nvmlDeviceGetPowerUsage(handle) / 1000),
        health=health,
        health_note=note[:200],
        processes=others,
    )


def _number(read: Any) -> float | None:
    """A reading that not every device offers."""
    try:
        return float(read())
    except pynvml.NVMLError:
        return None


def _users(handle: Any, busy: bool) -> tuple[list[dict[str, Any]], int]:
    """The processes on a device that are not ours, and how many are.

    NVML tells pids of the host. In a container we may not see them: on a device that is busy with
    our own job such a pid is taken for ours.
    """
    others, ours = [], 0
    for one in pynvml.nvmlDeviceGetComputeRunningProcesses(handle):
        if processes.worn(one.pid) or (busy and processes.look(one.pid) is None):
            ours += 1
        else:
            others.append(
                {
                    "pid": int(one.pid),
                    "name": _name(one.pid),
                    "user": _user(one.pid),
                    "memory": int(one.usedGpuMemory or 0),
                }
            )
    return others, ours


def _health(others: list[dict[str, Any]], ours: int, busy: bool) -> tuple[str, str]:
    if others:
        one = others[0]
        return "foreign", f"process {one['pid']} ({one['name']}) of {one['user']} uses it"
    if ours and not busy:
        return "dirty", "a process of an ended job is still on it"
    return "ok", ""


def _name(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return "not visible from here"


def _user(pid: int) -> str:
    try:
        number = os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return "an unknown user"
    with suppress(KeyError):
        return pwd.getpwuid(number).pw_name
    return str(number)


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

"""What NVML lists: cards, and the slices of those that were cut with MIG, each a device."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pynvml

from trackside.compute.services import GpuFacts


@dataclass(frozen=True)
class Found:
    """The devices of this machine as NVML lists them."""

    devices: list[GpuFacts]
    cards: list[tuple[str, Any]]  # (UUID, handle) of every card, cut or whole
    driver: str
    cuda: str
    empty_mig: bool  # a card is cut, but into no slice


def look() -> Found:
    """Raises NVMLError."""
    pynvml.nvmlInit()
    driver = text(pynvml.nvmlSystemGetDriverVersion())
    number = pynvml.nvmlSystemGetCudaDriverVersion_v2()
    devices: list[GpuFacts] = []
    cards = []
    for index in range(pynvml.nvmlDeviceGetCount()):
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        cards.append((text(pynvml.nvmlDeviceGetUUID(handle)), handle))
        devices += _devices(handle, index)
    return Found(
        devices=devices,
        cards=cards,
        driver=driver,
        cuda=f"{number // 1000}.{number % 1000 // 10}",
        empty_mig=bool(cards) and not devices,
    )


def text(value: str | bytes) -> str:
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
    """A slice is never shared: it is a share already, and one with isolation."""
    major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(card)
    whole, limit = handle is card, None
    if whole:
        with suppress(pynvml.NVMLError):
            limit = pynvml.nvmlDeviceGetEnforcedPowerLimit(card) / 1000
    return GpuFacts(
        uuid=text(pynvml.nvmlDeviceGetUUID(handle)),
        index=index,
        name=text(pynvml.nvmlDeviceGetName(handle)),
        memory_total=int(pynvml.nvmlDeviceGetMemoryInfo(handle).total),
        capability=f"{major}.{minor}",
        power_limit=limit,
        parent="" if whole else text(pynvml.nvmlDeviceGetUUID(card)),
        slots=4 if whole else 1,
    )

"""NVML as a driver with these cards would answer it: what is asked of it, and no more."""

import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pynvml as real

GB = 2**30


@dataclass
class Process:
    pid: int
    memory: int | None = GB

    @property
    def usedGpuMemory(self) -> int | None:  # noqa: N802 - NVML's name
        return self.memory


@dataclass(eq=False)
class Card:
    """One device, whole or a slice; the numbers as NVML tells them."""

    uuid: str
    name: str = "NVIDIA H100 80GB HBM3"
    memory: int = 80 * GB
    used: int = GB
    bus: str = "00000000:3B:00.0"
    processes: list[Process] = field(default_factory=list)
    slices: "list[Card]" = field(default_factory=list)
    mig: bool = False
    ecc: int | None = 0
    rows: tuple[int, int, int, int] | None = (0, 0, 0, 0)
    pending: int = 0  # pages to retire, on cards before Ampere
    slowed: int = 0
    links: list[tuple[str, bool]] = field(default_factory=list)  # (address, is a switch)
    code: int = 0  # the error that every question about it ends with
    hangs: threading.Event | None = None  # questions wait until it is set
    utilization: float | None = 10.0
    samples: list[Any] | None = None  # of processes' use of it; None: it has no such counter


class Nvml:
    """Stands in for the module `pynvml`."""

    NVMLError = real.NVMLError
    NVML_NVLINK_MAX_LINKS = 18

    def __init__(self, *cards: Card) -> None:
        self.cards = list(cards)
        self.code = 0
        self.ways: dict[frozenset[str], int] = {}
        self.events: list[Any] = []
        self.listening: list[str] = []
        self.sets = 0

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("NVML_", "nvmlEventType")):
            return getattr(real, name)
        raise AttributeError(f"This NVML has no {name}.")

    def _card(self, card: Card) -> Card:
        if card.hangs is not None:
            card.hangs.wait(60)
        if card.code:
            raise real.NVMLError(card.code)
        return card

    def _refuse(self, missing: bool) -> None:
        if missing:
            raise real.NVMLError(real.NVML_ERROR_NOT_SUPPORTED)

    def nvmlInit(self) -> None:  # noqa: N802
        if self.code:
            raise real.NVMLError(self.code)

    def nvmlSystemGetDriverVersion(self) -> str:  # noqa: N802
        return "580.65.06"

    def nvmlSystemGetCudaDriverVersion_v2(self) -> int:  # noqa: N802
        return 13000

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Card:  # noqa: N802
        return self.cards[index]

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> Card:  # noqa: N802
        everything = [*self.cards, *(part for card in self.cards for part in card.slices)]
        for card in everything:
            if card.uuid == uuid:
                return self._card(card)
        raise real.NVMLError(real.NVML_ERROR_NOT_FOUND)

    def nvmlDeviceGetUUID(self, card: Card) -> str:  # noqa: N802
        return card.uuid

    def nvmlDeviceGetName(self, card: Card) -> bytes:  # noqa: N802
        return card.name.encode()

    def nvmlDeviceGetMemoryInfo(self, card: Card) -> Any:  # noqa: N802
        return SimpleNamespace(total=card.memory, used=self._card(card).used)

    def nvmlDeviceGetCudaComputeCapability(self, card: Card) -> tuple[int, int]:  # noqa: N802
        return 9, 0

    def nvmlDeviceGetEnforcedPowerLimit(self, card: Card) -> int:  # noqa: N802
        return 700_000

    def nvmlDeviceGetMigMode(self, card: Card) -> tuple[int, int]:  # noqa: N802
        return int(card.mig), int(card.mig)

    def nvmlDeviceGetMaxMigDeviceCount(self, card: Card) -> int:  # noqa: N802
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, card: Card, number: int) -> Card:  # noqa: N802
        if number >= len(card.slices):
            raise real.NVMLError(real.NVML_ERROR_NOT_FOUND)
        return card.slices[number]

    def nvmlDeviceGetDeviceHandleFromMigDeviceHandle(self, part: Card) -> Card:  # noqa: N802
        return next(card for card in self.cards if part in card.slices)

    def nvmlDeviceGetIndex(self, card: Card) -> int:  # noqa: N802
        return self.cards.index(card)

    def nvmlDeviceGetProcessUtilization(self, card: Card, since: int) -> list[Any]:  # noqa: N802
        self._refuse(card.samples is None)
        found = [one for one in card.samples or [] if one.timeStamp > since]
        if not found:
            raise real.NVMLError(real.NVML_ERROR_NOT_FOUND)
        return found

    def nvmlDeviceGetComputeRunningProcesses(self, card: Card) -> list[Process]:  # noqa: N802
        return self._card(card).processes

    def nvmlDeviceGetUtilizationRates(self, card: Card) -> Any:  # noqa: N802
        self._refuse(card.utilization is None)
        return SimpleNamespace(gpu=card.utilization)

    def nvmlDeviceGetTemperature(self, card: Card, sensor: int) -> int:  # noqa: N802
        return 50

    def nvmlDeviceGetPowerUsage(self, card: Card) -> int:  # noqa: N802
        self._refuse(card.utilization is None)
        return 300_000

    def nvmlDeviceGetTotalEccErrors(self, card: Card, sort: int, counter: int) -> int:  # noqa: N802
        self._refuse(card.ecc is None)
        assert sort == real.NVML_MEMORY_ERROR_TYPE_UNCORRECTED
        return card.ecc or 0

    def nvmlDeviceGetRemappedRows(self, card: Card) -> tuple[int, int, int, int]:  # noqa: N802
        self._refuse(card.rows is None)
        return card.rows or (0, 0, 0, 0)

    def nvmlDeviceGetRetiredPagesPendingStatus(self, card: Card) -> int:  # noqa: N802
        return card.pending

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, card: Card) -> int:  # noqa: N802
        return card.slowed

    def nvmlDeviceGetPciInfo(self, card: Card) -> Any:  # noqa: N802
        return SimpleNamespace(busId=card.bus.encode())

    def nvmlDeviceGetNvLinkState(self, card: Card, link: int) -> int:  # noqa: N802
        self._refuse(link >= len(card.links))
        return int(bool(card.links[link][0]))

    def nvmlDeviceGetNvLinkRemoteDeviceType(self, card: Card, link: int) -> int:  # noqa: N802
        switch = card.links[link][1]
        kind: int = (
            real.NVML_NVLINK_DEVICE_TYPE_SWITCH if switch else real.NVML_NVLINK_DEVICE_TYPE_GPU
        )
        return kind

    def nvmlDeviceGetNvLinkRemotePciInfo(self, card: Card, link: int) -> Any:  # noqa: N802
        return SimpleNamespace(busId=card.links[link][0])

    def nvmlDeviceGetTopologyCommonAncestor(self, one: Card, other: Card) -> int:  # noqa: N802
        return self.ways.get(frozenset({one.uuid, other.uuid}), real.NVML_TOPOLOGY_SYSTEM)

    def nvmlEventSetCreate(self) -> object:  # noqa: N802
        self.sets += 1
        return object()

    def nvmlEventSetFree(self, events: object) -> None:  # noqa: N802
        self.sets -= 1

    def nvmlDeviceRegisterEvents(self, card: Card, types: int, events: object) -> None:  # noqa: N802
        self.listening.append(card.uuid)

    def nvmlEventSetWait_v2(self, events: object, wait: int) -> Any:  # noqa: N802
        assert wait == 0, "the agent's heartbeat does not wait for bad news"
        if not self.events:
            raise real.NVMLError(real.NVML_ERROR_TIMEOUT)
        return self.events.pop(0)

    def xid(self, card: Card, number: int) -> None:
        """The driver's log has a new line about this card."""
        kind = real.nvmlEventTypeXidCriticalError
        self.events.append(SimpleNamespace(device=card, eventType=kind, eventData=number))

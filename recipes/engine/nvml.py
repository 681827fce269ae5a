"""What NVML says of a rank's GPU and of its machine's others; where it says nothing, why.

A rank may be on a node without NVIDIA's driver, or with one that hangs: nothing here raises.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

WITHIN = 10.0  # seconds that the driver has for an answer
T = TypeVar("T")


@dataclass(frozen=True)
class Device:
    """A GPU, or a slice of one. `processes`: the bytes of each, None where they are not told."""

    uuid: str
    name: str  # GPU 1 (NVIDIA H200)
    processes: dict[int, int | None]


@dataclass(frozen=True)
class Look:
    """The device that was asked about, and the machine's others; `silent`: why nothing is known."""

    mine: Device | None = None
    others: list[Device] = field(default_factory=list)
    busy: int | None = None  # percent of the GPU's time, the most that the process had
    silent: str = ""


def look(uuid: str, pid: int, *, since: int, alone: bool = False) -> Look:
    """Who is on which device now, and how busy `pid` had its own since then (Unix time in
    microseconds); `alone`: the others are not asked about."""
    try:
        import pynvml  # noqa: PLC0415 - a node without NVIDIA need not have it

        mine, busy = _within(lambda: _mine(pynvml, uuid, pid, since))
    except ImportError:
        return Look(silent="nvidia-ml-py is not installed on this node")
    except TimeoutError:
        return Look(silent=f"the driver did not answer within {WITHIN:g} seconds")
    except Exception as error:  # any driver may lack what is asked of it
        return Look(silent=f"the driver says {str(error)!r}")
    others: list[Device] = []
    if not alone:
        with suppress(Exception):  # those before the one that does not answer are known
            _within(lambda: _others(pynvml, mine.uuid, others))
    return Look(mine, list(others), busy)


def _within(call: Callable[[], T]) -> T:
    """What the driver answers in time: a call that hangs there is left to itself."""
    answer: Future[T] = Future()

    def ask() -> None:
        try:
            answer.set_result(call())
        except BaseException as wrong:
            answer.set_exception(wrong)

    threading.Thread(target=ask, name="nvml", daemon=True).start()
    return answer.result(WITHIN)


def _mine(nvml: Any, uuid: str, pid: int, since: int) -> tuple[Device, int | None]:
    nvml.nvmlInit()
    handle = nvml.nvmlDeviceGetHandleByUUID(uuid)
    return _device(nvml, handle), _busy(nvml, handle, pid, since)


def _others(nvml: Any, mine: str, found: list[Device]) -> None:
    for index in range(nvml.nvmlDeviceGetCount()):
        with suppress(nvml.NVMLError):  # one that is dead says nothing of the others
            card = nvml.nvmlDeviceGetHandleByIndex(index)
            if _text(nvml.nvmlDeviceGetUUID(card)) == mine:
                continue  # nor are the slices that it was cut into elsewhere
            for handle in _devices(nvml, card):
                if _text(nvml.nvmlDeviceGetUUID(handle)) != mine:
                    found.append(_device(nvml, handle))


def _devices(nvml: Any, card: Any) -> list[Any]:
    """The card, or the slices that it was cut into: who is on those it tells only of each."""
    with suppress(nvml.NVMLError):
        if nvml.nvmlDeviceGetMigMode(card)[0]:
            return _slices(nvml, card)
    return [card]


def _slices(nvml: Any, card: Any) -> list[Any]:
    made = []
    for number in range(nvml.nvmlDeviceGetMaxMigDeviceCount(card)):
        with suppress(nvml.NVMLError):
            made.append(nvml.nvmlDeviceGetMigDeviceHandleByIndex(card, number))
    return made


def _device(nvml: Any, handle: Any) -> Device:
    uuid, card = _text(nvml.nvmlDeviceGetUUID(handle)), handle
    if uuid.startswith("MIG-"):
        card = nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(handle)
    name = f"GPU {nvml.nvmlDeviceGetIndex(card)} ({_text(nvml.nvmlDeviceGetName(handle))})"
    listed = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
    return Device(uuid, name, {int(one.pid): one.usedGpuMemory for one in listed})


def _busy(nvml: Any, handle: Any, pid: int, since: int) -> int | None:
    """The driver keeps its latest samples alone, and of a slice none."""
    with suppress(nvml.NVMLError):
        samples = nvml.nvmlDeviceGetProcessUtilization(handle, since)
        ours = [int(one.smUtil) for one in samples if one.pid == pid and one.smUtil <= 100]
        return max(ours, default=None)
    return None


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value

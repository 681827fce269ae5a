"""Whether a card is still sound: uncorrectable memory errors, damaged rows, Xid errors, slowing.

A sound card's job goes on; a card that is worn gets no further job, and one that is dead loses its
own. Both stay out of service until somebody puts them back or the machine is restarted.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pynvml

from workers.inventory import text

MOST_EVENTS = 32  # read at one look
# Errors of the kernel module's log that mean the card, not the program that ran on it:
# https://docs.nvidia.com/deploy/xid-errors. The flag: whether what runs on it is lost.
XIDS: dict[int, tuple[str, bool]] = {
    48: ("an uncorrectable memory error", True),
    62: ("a halt of its internal microcontroller", True),
    64: ("a failure to map damaged memory out", False),
    74: ("an NVLink error", True),
    79: ("it has fallen off the bus", True),
    92: ("a high rate of corrected memory errors", False),
    95: ("an uncontained memory error", True),
    119: ("its system processor does not answer", True),
    120: ("an error of its system processor", True),
    140: ("an unrecovered memory error", True),
}
SLOWED = {
    0x08: "hardware slowdown",
    0x20: "heat",
    0x40: "heat",
    0x80: "the power supply",
}


@dataclass
class Condition:
    """What was found out about one card."""

    errors: dict[str, Any] = field(default_factory=dict)
    worn: str = ""  # a sentence: no further job
    dead: str = ""  # a sentence: its job is lost too


class Xids:
    """The driver's critical events, read without waiting."""

    def __init__(self) -> None:
        self._set: Any = None
        self.last: dict[str, int] = {}  # card -> its last Xid of any sort
        self.fatal: dict[str, int] = {}  # card -> the first that means the card

    def listen(self, handles: list[Any]) -> None:
        """To these cards; a card whose driver offers no events is left out."""
        self.stop()
        self._set = pynvml.nvmlEventSetCreate()
        for handle in handles:
            with suppress(pynvml.NVMLError):
                pynvml.nvmlDeviceRegisterEvents(
                    handle, pynvml.nvmlEventTypeXidCriticalError, self._set
                )

    def stop(self) -> None:
        before, self._set = self._set, None
        if before is not None:
            with suppress(pynvml.NVMLError):
                pynvml.nvmlEventSetFree(before)

    def look(self) -> None:
        """Take in what has happened since the last look."""
        if self._set is None:
            return
        for _ in range(MOST_EVENTS):
            try:
                event = pynvml.nvmlEventSetWait_v2(self._set, 0)
            except pynvml.NVMLError:
                return  # none is left, or the set died with its driver
            if event.eventType & pynvml.nvmlEventTypeXidCriticalError:
                self._take(text(pynvml.nvmlDeviceGetUUID(event.device)), int(event.eventData))

    def _take(self, card: str, number: int) -> None:
        self.last[card] = number
        if number in XIDS:
            known = self.fatal.get(card)
            if known is None or not XIDS[known][1]:
                self.fatal[card] = number


def examine(handle: Any, card: str, xids: Xids) -> Condition:
    """The card's condition now. A card that does not offer a reading is not blamed for that."""
    found = Condition()
    ecc = _read(
        lambda: pynvml.nvmlDeviceGetTotalEccErrors(
            handle, pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, pynvml.NVML_VOLATILE_ECC
        )
    )
    if ecc:
        found.errors["ecc"] = int(ecc)
    _rows(handle, found)
    if card in xids.last:
        found.errors["xid"] = xids.last[card]
    if card in xids.fatal:
        by_xid(xids.fatal[card], found)
    slowed = _slowed(handle)
    if slowed:
        found.errors["slowed"] = slowed
    return found


def _rows(handle: Any, found: Condition) -> None:
    """Rows mapped out (Ampere and later), or pages retired (before)."""
    rows = _read(lambda: pynvml.nvmlDeviceGetRemappedRows(handle))
    if rows is not None:
        _, uncorrectable, pending, failed = rows
        if uncorrectable:
            found.errors["retired"] = int(uncorrectable)
        if failed:
            found.worn = "A damaged memory row could not be mapped out: the card needs replacing."
        elif pending:
            found.worn = "Damaged memory rows are mapped out only by a reset of the card."
        return
    if _read(lambda: pynvml.nvmlDeviceGetRetiredPagesPendingStatus(handle)):
        found.worn = "Damaged memory pages are retired only by a reset of the card."


def by_xid(number: int, found: Condition) -> None:
    """What a known one says of the card."""
    what, lost = XIDS[number]
    sentence = f"The driver reported Xid {number}: {what}."
    if lost:
        found.dead = found.dead or sentence
    else:
        found.worn = found.worn or sentence


def _slowed(handle: Any) -> str:
    bits = _read(lambda: pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)) or 0
    return next((why for bit, why in SLOWED.items() if bits & bit), "")


def _read(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except pynvml.NVMLError:
        return None

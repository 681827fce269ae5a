"""Faults of simulated devices, for tests and demos: the JSON file TRACKSIDE_FAKE_FAULTS.

    {"gpu-02": {"1": {"failed": "It has fallen off the bus."},
                "2": {"process": {"pid": 4711, "name": "python", "user": "root", "memory_gb": 20}},
                "3": {"worn": "Damaged memory rows are mapped out only by a reset of the card."}}}

By node and by the device's index; it is read anew whenever it changes. Also: `dirty` true, `silent`
true, `slowed` "heat", `ecc` 3, `retired` 2, `xid` 79.
"""

import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trackside.compute.services import GpuFacts, GpuSample
from workers import occupants
from workers.condition import XIDS, Condition, by_xid

GB = 2**30
ERRORS = ("ecc", "retired", "xid", "slowed")
KNOWN = {*ERRORS, "failed", "worn", "process", "dirty", "silent"}
log = logging.getLogger(__name__)


class BadFaults(Exception):
    """The file cannot be read; the message says where it is wrong."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with one device."""

    failed: str = ""
    worn: str = ""
    process: dict[str, Any] | None = None
    dirty: bool = False
    silent: bool = False
    ecc: int = 0
    retired: int = 0
    xid: int = 0
    slowed: str = ""

    def spoil(self, gpu: GpuFacts, sound: GpuSample) -> GpuSample:
        """The sample as the fault makes it look."""
        errors = {name: value for name in ERRORS if (value := getattr(self, name))}
        found = Condition(worn=self.worn, dead=self.failed)
        if self.xid in XIDS:
            by_xid(self.xid, found)
        one = replace(sound, errors=errors, broken=found.dead or found.worn)
        if found.dead:
            idle = replace(one, memory_used=0, utilization=0.0, power=None)
            return replace(idle, health="failed", health_note=found.dead)
        if self.process:
            return self._occupied(one, self.process, gpu.memory_total)
        if self.dirty:
            health, note = occupants.health([], 1, busy=False)
            return replace(one, health=health, health_note=note)
        return one

    def _occupied(self, one: GpuSample, process: dict[str, Any], total: int) -> GpuSample:
        named = {"pid": 4711, "name": "python", "user": "root", "memory_gb": 8, **process}
        memory = min(int(float(named.pop("memory_gb")) * GB), total)
        health, note = occupants.health([named], 0, busy=False)
        return replace(
            one,
            memory_used=max(one.memory_used, memory),
            utilization=max(one.utilization, 35.0),
            health=health,
            health_note=note,
            processes=[{**named, "memory": memory}],
        )


class Faults:
    """The file's faults for one node. A file that turns bad keeps its last good word."""

    def __init__(self, file: str, node: str) -> None:
        self._file, self._node = file, node
        self._seen: tuple[int, int] | None = None
        self._known: dict[int, Fault] = {}

    def now(self) -> dict[int, Fault]:
        """By a device's index."""
        if not self._file:
            return {}
        try:
            state = Path(self._file).stat()
            stamp = (state.st_mtime_ns, state.st_size)
        except OSError:
            return {}
        if stamp != self._seen:
            self._seen = stamp
            try:
                self._known = read(Path(self._file), self._node)
            except BadFaults as wrong:
                log.warning("%s", wrong)
        return self._known


def read(file: Path, node: str) -> dict[int, Fault]:
    """Raises BadFaults."""
    try:
        whole = json.loads(file.read_text())
        ours = whole.get(node, {})
        return {int(index): _fault(one) for index, one in ours.items()}
    except (OSError, ValueError, AttributeError, TypeError) as wrong:
        raise BadFaults(
            f"TRACKSIDE_FAKE_FAULTS {file} cannot be used: {wrong}. "
            'Write for example {"' + node + '": {"0": {"failed": "It needs a reset."}}}.'
        ) from None


def _fault(values: dict[str, Any]) -> Fault:
    unknown = sorted(set(values) - KNOWN)
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no fault; known are {', '.join(sorted(KNOWN))}")
    return Fault(**values)

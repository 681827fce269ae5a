"""Signs of life: each rank marks its step in a small file of the job folder for the leader.

The file is mapped, so that a mark costs no system call and outlives the rank that wrote it.
"""

import contextlib
import faulthandler
import mmap
import os
import signal
import statistics
import struct
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from recipes import processes

FILE = "pulse"
FIRST = float(os.environ.get("TRACKSIDE_FIRST_STEP_SECONDS", "1200"))
LEAST = float(os.environ.get("TRACKSIDE_HUNG_SECONDS", "60"))
LOOK = 0.5
TIMES = 20  # a rank hangs when a step takes that many times the usual
# Where in a step a rank is. Who waits for the others is in MEET: one who is not, is the cause.
ELSEWHERE, LOAD, LEARN, MEET = range(4)
_SLOT = struct.Struct("<qqqqd")  # beats, step, stage, pid, patience
_DUMP = signal.SIGUSR1
DUMPING = 2.0  # seconds
_STOPPED = "Tt"


@dataclass(frozen=True)
class Mark:
    """What a rank has last said of itself. `patience`: seconds to its next mark; 0: the usual."""

    beats: int = 0
    step: int = 0
    stage: int = ELSEWHERE
    pid: int = 0
    patience: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Hung:
    """No rank makes a step. `rank` is the one that is to blame, None where nobody can tell."""

    rank: int | None
    reason: str


class _Own:
    """This rank's slot."""

    def __init__(self, file: mmap.mmap, place: int) -> None:
        self.file, self.place, self.beats, self.step = file, place, 0, 0

    def beat(self, step: int, stage: int, patience: float) -> None:
        self.beats += 1
        self.step = step
        slot = (self.beats, step, stage, os.getpid(), patience)
        _SLOT.pack_into(self.file, self.place * _SLOT.size, *slot)


_own: _Own | None = None


def start(folder: Path, place: int) -> None:
    """From here on `beat` marks for the rank at that place of this node, if a leader looks."""
    global _own
    _own = None
    with contextlib.suppress(OSError, ValueError), (folder / FILE).open("r+b") as file:
        if (place + 1) * _SLOT.size <= os.fstat(file.fileno()).st_size:
            _own = _Own(mmap.mmap(file.fileno(), 0), place)
            with contextlib.suppress(ValueError, AttributeError):  # no real stderr under a test
                faulthandler.register(_DUMP, file=sys.stderr, all_threads=True)
    beat()


def beat(step: int | None = None, stage: int = ELSEWHERE, *, patience: float = FIRST) -> None:
    """This rank lives. Without a step: it does something else than steps, at its own pace."""
    if _own is not None:
        _own.beat(_own.step if step is None else step, stage, patience)


def read(folder: Path) -> list[Mark]:
    """The marks of all ranks of a node; empty where there are none."""
    try:
        content = (folder / FILE).read_bytes()
    except OSError:
        return []
    whole = len(content) // _SLOT.size * _SLOT.size
    return [Mark(*slot) for slot in _SLOT.iter_unpack(content[:whole])]


def last_step(folder: Path) -> int | None:
    """The last step that any rank had begun; None where no rank has marked one."""
    steps = [mark.step for mark in read(folder) if mark.beats]
    return max(steps, default=None)


class Watcher:
    """The leader's view. Kinds that mark nothing are never found hung."""

    def __init__(self, folder: Path, ranks: range, world: int) -> None:
        self._folder, self._ranks, self._world = folder, ranks, world
        with (folder / FILE).open("wb") as file:
            file.truncate(len(ranks) * _SLOT.size)
        now = self._looked = time.monotonic()
        self._seen: list[Mark] = [Mark()] * len(ranks)
        self._since = [now] * len(ranks)
        self._stepped: list[float | None] = [None] * len(ranks)
        self._paces: deque[float] = deque(maxlen=100)

    def look(self) -> Hung | None:
        """Called as often as one likes."""
        now = time.monotonic()
        if now - self._looked < LOOK:
            return None
        self._looked = now
        for place, mark in enumerate(read(self._folder)[: len(self._seen)]):
            if mark.beats != self._seen[place].beats:
                self._count(place, mark, now)
                self._seen[place], self._since[place] = mark, now
        late = [now - since for since in self._since]
        marked = [place for place, mark in enumerate(self._seen) if mark.beats]
        overdue = [place for place in marked if self._overdue(place, late[place])]
        if not overdue or any(late[place] < LEAST / 2 for place in marked):
            return None  # the others go on: who is late will be met, or missed by them soon
        return self._accuse(marked, max(late[place] for place in overdue))

    def _count(self, place: int, mark: Mark, now: float) -> None:
        steps = mark.step - self._seen[place].step
        before = self._stepped[place]
        if steps > 0:
            if before is not None and not mark.patience:
                self._paces.append((now - before) / steps)
            self._stepped[place] = now

    def _overdue(self, place: int, late: float) -> bool:
        """Who is stopped does nothing of what it asked patience for."""
        if late <= LEAST:
            return False
        return late > self._patience(place) or _state(self._seen[place].pid) in _STOPPED

    def _patience(self, place: int) -> float:
        mark = self._seen[place]
        usual = statistics.median(self._paces) if self._paces else 0.0
        patience = max(LEAST, TIMES * usual, mark.patience)
        apart = len(self._seen) < self._world and mark.stage == MEET
        return 2 * patience if apart else patience  # the node of the guilty rank speaks first

    def _accuse(self, marked: list[int], late: float) -> Hung:
        """Who is stopped, or else who is behind the others."""
        marks = {place: self._seen[place] for place in marked}
        stopped = [place for place, mark in marks.items() if _state(mark.pid) in _STOPPED]
        places = {place: (mark.step, mark.stage) for place, mark in marks.items()}
        behind = [place for place in marks if places[place] == min(places.values())]
        guilty = stopped or (behind if len(behind) == 1 else [])
        self._dump(marks, stopped)
        seconds = f"no sign of it for {late:.0f} seconds"
        if not guilty:
            step = max(step for step, _ in places.values())
            who = f"The {self._world} ranks wait for each other" if self._world > 1 else "The rank"
            what = f"{who} at step {step}, and nothing has moved for {late:.0f} seconds"
            return Hung(rank=None, reason=f"{what}. {_STACKS}")
        rank, step = self._ranks[guilty[0]], marks[guilty[0]].step
        who = f"Rank {rank} of {self._world}"
        if stopped:
            reason = f"{who} was stopped from outside at step {step}: {seconds}."
        else:
            reason = f"{who} stands still at step {step}: {seconds}. {_STACKS}"
        return Hung(rank=rank, reason=reason)

    def _dump(self, marks: dict[int, Mark], stopped: list[int]) -> None:
        """The leader ends the ranks right after this: they get the time to write it all."""
        for place, mark in marks.items():
            if place not in stopped and mark.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(mark.pid, _DUMP)
        if len(marks) > len(stopped):
            time.sleep(DUMPING)


_STACKS = "What each rank was doing is in the log."


def _state(pid: int) -> str:
    process = processes.look(pid)
    return process.state if process else "?"

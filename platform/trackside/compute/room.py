"""Is there room for new work? Running jobs need what is left for their checkpoints and results."""

import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from trackside.compute.requests import BadCompute
from trackside.ui import words

PATIENCE = 2.0


class NoRoom(BadCompute):
    """New work is refused: the storage has less free than its floor."""

    def __init__(self, sentence: str) -> None:
        super().__init__("compute", sentence, "no_room")


@dataclass(frozen=True)
class Room:
    """What one place has, in bytes; `trouble` says why nothing can be told."""

    place: Path
    free: int = 0
    total: int = 0
    trouble: str = ""

    @property
    def short(self) -> bool:
        return bool(self.trouble) or self.free < settings.STORAGE_FLOOR


@dataclass
class _Look:
    """One question to a file system, in a thread of its own: a network file system may hang."""

    place: Path
    began: float = field(default_factory=time.monotonic)
    over: threading.Event = field(default_factory=threading.Event)
    found: Room | None = None

    def __post_init__(self) -> None:
        threading.Thread(target=self._ask, name="room", daemon=True).start()

    def _ask(self) -> None:
        self.found = _ask(self.place)
        self.over.set()


_looks: dict[Path, _Look] = {}


def look(place: Path) -> Room:
    """Answers within PATIENCE; a place that hangs keeps one thread, not one for each question."""
    one = _looks.get(place)
    if one is None or one.over.is_set():
        one = _looks[place] = _Look(place)
    one.over.wait(max(0.0, PATIENCE - (time.monotonic() - one.began)))
    if one.found is None:
        silent = time.monotonic() - one.began
        return Room(place, trouble=f"it has not answered for {words.duration(silent)}")
    return one.found


def _ask(place: Path) -> Room:
    try:
        found = shutil.disk_usage(place)
    except OSError as problem:
        return Room(place, trouble=problem.strerror or str(problem))
    return Room(place, found.free, found.total)


def missing(*more: Path) -> str:
    """Why new work cannot be taken: a sentence, or "". `more` are other places it would fill."""
    for place in (Path(settings.TRACKSIDE_STORAGE), *more):
        room = look(place)
        if room.trouble:
            return f"New work is refused: {place} cannot be used ({room.trouble})."
        if room.short:
            return (
                f"New work is refused: {place} has {words.size(room.free)} free, and "
                f"{words.size(settings.STORAGE_FLOOR)} are kept for jobs that run. Delete datasets "
                "or models that nobody needs, or ask an administrator for more space."
            )
    return ""


def require() -> None:
    """Raises NoRoom."""
    sentence = missing()
    if sentence:
        raise NoRoom(sentence)

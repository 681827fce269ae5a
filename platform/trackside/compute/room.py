"""Is there room for new work? Running jobs need what is left for their checkpoints and results."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from trackside.compute.requests import BadCompute
from trackside.ui import words


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


def look(place: Path) -> Room:
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

"""Whose turn it is: priority first, and waiting makes up for it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

PERIOD = 1800.0  # seconds: waiting so long is worth a point of priority
CAP = 200.0  # at most so many: the whole range, so that waiting wins in the end
STARVE_AFTER = 1800.0  # who waits longer is not back-filled any more
GRACE = 60.0  # between the end of a job and its devices being free


@dataclass(frozen=True)
class Place:
    """What the order of a waiting job rests on. `turn` is None for who stands where it came."""

    job: int
    priority: int
    since: float  # from when it counts as waiting
    turn: float | None = None  # among those of the same rank


def ordered(places: Iterable[Place], now: float) -> list[int]:
    """The jobs, whose turn is next first."""

    def key(one: Place) -> tuple[float, float, int]:
        turn = float(one.job) if one.turn is None else one.turn
        return -effective(one.priority, now - one.since), turn, one.job

    return [one.job for one in sorted(places, key=key)]


def effective(priority: int, waited: float) -> float:
    """The priority with what waiting has added to it."""
    return priority + min(CAP, max(waited, 0.0) / PERIOD)

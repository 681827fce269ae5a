"""Whose turn it is: priority first, and waiting makes up for it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The site's rules of order, in seconds and points of priority."""

    period: float = 1800.0  # waiting so long is worth a point of priority
    cap: float = 200.0  # at most so many: the whole range, so that waiting wins in the end
    starve_after: float = 1800.0  # who waits longer is not back-filled any more
    grace: float = 60.0  # between the end of a job and its devices being free


POLICY = Policy()


@dataclass(frozen=True)
class Place:
    """What the order of a waiting job rests on. `turn` is None for who stands where it came."""

    job: int
    priority: int
    since: float  # from when it counts as waiting
    turn: float | None = None  # among those of the same rank


def ordered(places: Iterable[Place], now: float, policy: Policy = POLICY) -> list[int]:
    """The jobs, whose turn is next first."""

    def key(one: Place) -> tuple[float, float, int]:
        turn = float(one.job) if one.turn is None else one.turn
        return -effective(one.priority, now - one.since, policy), turn, one.job

    return [one.job for one in sorted(places, key=key)]


def effective(priority: int, waited: float, policy: Policy = POLICY) -> float:
    """The priority with what waiting has added to it."""
    return priority + min(policy.cap, max(waited, 0.0) / policy.period)

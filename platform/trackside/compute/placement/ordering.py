"""Whose turn it is: priority first, and waiting makes up for it. Pure."""

from collections.abc import Iterable, Sequence
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
    created: float
    turn: float | None = None


def ordered(places: Iterable[Place], now: float, policy: Policy = POLICY) -> list[int]:
    """The jobs, whose turn is next first.

    Somebody who was moved has waited, for the order, as long as the one behind the gap.
    """
    line = sorted(places, key=lambda one: (_turn(one), one.job))
    since = _since(line)
    rank = {one.job: effective(one.priority, now - since[one.job], policy) for one in line}
    return [one.job for one in sorted(line, key=lambda one: -rank[one.job])]


def effective(priority: int, waited: float, policy: Policy = POLICY) -> float:
    """The priority with what waiting has added to it."""
    return priority + min(policy.cap, max(waited, 0.0) / policy.period)


def _turn(one: Place) -> float:
    return float(one.job) if one.turn is None else one.turn


def _since(line: Sequence[Place]) -> dict[int, float]:
    """From when each counts as waiting: `line` is in the order of turns.

    Who was moved to the end counts as the last that came.
    """
    since: dict[int, float] = {}
    behind = max((one.created for one in line), default=0.0)
    for one in reversed(line):
        since[one.job] = one.created if one.turn is None else behind
        behind = since[one.job]
    return since

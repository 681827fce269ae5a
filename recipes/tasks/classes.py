"""The order of a target's classes: of two, the second is the positive one. Light: the web asks."""

from collections.abc import Iterable


def ordered(known: Iterable[str], positive: str = "") -> list[str]:
    """Numbers by size, then words by letter; `positive`, if one is named, last."""
    return sorted(known, key=lambda one: (bool(positive) and one == positive, *_order(one)))


def _order(value: str) -> tuple[int, float, str]:
    try:
        return 0, float(value), value
    except ValueError:
        return 1, 0.0, value


def no_such(target: str, positive: str, classes: list[str]) -> str:
    """Why a positive class cannot be that one; "" where it can."""
    if not positive or positive in classes:
        return ""
    both = " and ".join(map(repr, classes))
    return f"The positive class {positive!r} is no value of the target {target!r}: it has {both}."

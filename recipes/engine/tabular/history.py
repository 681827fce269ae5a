"""The rounds of a fit, as they were told: what the report keeps, and which one its model is of."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

MOST = 1000  # rounds in the report
LOSSES = ("train_loss", "val_loss")
Rounds = Sequence[Mapping[str, Any]]


def thinned(rounds: Rounds) -> list[Mapping[str, Any]]:
    if len(rounds) <= MOST:
        return list(rounds)
    kept = np.unique(np.linspace(0, len(rounds) - 1, MOST).round().astype(int))
    return [rounds[place] for place in kept.tolist()]


def own(learned: Mapping[str, Any]) -> int | None:
    """Up to which round of its own fit a learner keeps what it learned, by its facts; None: it
    counts none. A library that counts rounds without a tree has less trees than rounds."""
    if not learned.get("rounds"):
        return None
    up_to = max(int(learned["rounds"]), int(learned.get("best") or 0))
    return up_to - int(learned.get("went_on_from") or 0)


def added(learned: Mapping[str, Any]) -> int | None:
    """How many of the trees or epochs that it has are of its own fit; None: it counts none."""
    if not learned.get("rounds"):
        return None
    return int(learned["rounds"]) - int(learned.get("went_on_from") or 0)


def kept(rounds: Rounds, learned: Mapping[str, Any]) -> dict[str, Any] | None:
    """That round with its losses; early stopping goes back to an earlier one than the last."""
    up_to = own(learned)
    found = [one for one in rounds if up_to is None or one["round"] <= max(1, up_to)]
    if not found:
        return None
    return {"epoch": found[-1]["round"], **{name: found[-1].get(name) for name in LOSSES}}

"""What scorers ask of a library's model before they convert it."""

import re
from typing import Any

from recipes.scorers.scorer import CannotTake

NODES = 500_000  # of trees, that converters written in Python go through within some seconds


def library_of(native: Any) -> str:
    """xgboost, lightgbm or sklearn."""
    return type(native).__module__.partition(".")[0]


def bounded(native: Any) -> None:
    """Raises CannotTake for trees so many and large that they would take minutes and gigabytes."""
    found = nodes(native)
    if found > NODES:
        raise CannotTake(f"Its trees have {found:,} nodes; up to {NODES:,} are converted.")


def nodes(native: Any) -> int:
    """Of all trees; 0 of what has none."""
    if library_of(native) == "xgboost":
        return sum(one.count("\n") for one in native.get_dump())
    if library_of(native) == "lightgbm":
        leaves = re.findall(r"^num_leaves=(\d+)$", native.model_to_string(), re.MULTILINE)
        return sum(2 * int(one) - 1 for one in leaves)
    trees = getattr(native, "estimators_", ())
    if len(trees):
        return sum(int(one.tree_.node_count) for one in trees)
    steps = getattr(native, "_predictors", ())  # of boosted trees: a list a round, one a class
    return sum(len(one.nodes) for step in steps for one in step)

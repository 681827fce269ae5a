"""What a model of two classes comes to at each of its thresholds, and what that is worth. Pure."""

import math
from typing import Any

Json = dict[str, Any]
COUNTS = ("tp", "fp", "tn", "fn")
# figure: label, what it says
FIGURES = {
    "accuracy": ("Accuracy", "the share of rows that is predicted right"),
    "precision": ("Precision", "of the rows predicted positive, the share that is"),
    "recall": ("Recall", "of the positive rows, the share that is found"),
    "f1": ("F1 score", "the harmonic mean of precision and recall"),
    "mcc": ("Matthews correlation", "1 is perfect, 0 is guessing"),
    "fpr": ("False positive rate", "of the negative rows, the share that is taken for positive"),
}
MOVED = ("accuracy", "precision", "recall", "f1", "mcc")  # metrics that depend on it
GAINS = {"tp": 1.0, "fp": -0.3, "tn": 0.0, "fn": 0.0}  # a row; what a person sees first


def at_all(report: Json) -> list[Json]:
    """Counts and figures at each threshold of the report."""
    return [{**one, **figures(*(one[name] for name in COUNTS))} for one in report["thresholds"]]


def figures(tp: int, fp: int, tn: int, fn: int) -> dict[str, float]:
    """Each by its name in FIGURES; 0 where there is nothing to divide by."""
    below = math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return {
        "accuracy": _share(tp + tn, tp + fp + tn + fn),
        "precision": _share(tp, tp + fp),
        "recall": _share(tp, tp + fn),
        "f1": _share(2 * tp, 2 * tp + fp + fn),
        "mcc": _share(tp * tn - fp * fn, below),
        "fpr": _share(fp, fp + tn),
    }


def _share(above: float, below: float) -> float:
    return above / below if below else 0.0


def applied(report: Json, kept: float | None) -> Json:
    """The report as if the kept threshold had been the model's own, which becomes `own`."""
    own = report.get("threshold")
    found = {**report, "own": own}
    if own is None or kept is None or kept == own:
        return found
    test = report.get("test") or {}
    if test.get("thresholds"):
        found["test"] = {**test, **_moved(test, kept)}
    return found | _moved(report, kept)


def _moved(part: Json, threshold: float) -> Json:
    now = nearest(at_all(part), threshold)
    metrics = {**part["metrics"], **{one: now[one] for one in MOVED if one in part["metrics"]}}
    counts = [[now["tn"], now["fp"]], [now["fn"], now["tp"]]]
    return {"threshold": now["threshold"], "confusion": counts, "metrics": metrics}


def nearest(rows: list[Json], threshold: float) -> Json:
    return min(rows, key=lambda one: abs(one["threshold"] - threshold))


def gain(row: Json, gains: dict[str, float]) -> float:
    """What all rows are worth together at this threshold."""
    return float(sum(row[name] * gains[name] for name in COUNTS))


def best(rows: list[Json], gains: dict[str, float]) -> Json:
    """Where the gain is highest; the middle one of equals."""
    most = max(gain(one, gains) for one in rows)
    equal = [one for one in rows if gain(one, gains) >= most - 1e-9]
    return equal[len(equal) // 2]


def asked(given: Any, otherwise: float) -> float:
    """A number of the address; what is none is the other one."""
    try:
        value = float(given)
    except (TypeError, ValueError):
        return otherwise
    return value if math.isfinite(value) and abs(value) <= 1e12 else otherwise

"""What the results page shows of a model of a table. docs/jobs.md has the shape."""

from typing import Any

import numpy as np

from recipes.engine import metrics
from recipes.engine.metrics import Floats, Ints
from recipes.engine.report import per_class, thin
from recipes.engine.tabular import figures

BINS, DECILES, DOTS = 20, 10, 1000


def make(
    task: str, true: Floats, given: Floats, classes: list[str], threshold: float | None
) -> dict[str, Any]:
    """The part of the report that belongs to these predictions."""
    if task == "regression":
        return _regression(true, given)
    labels = true.astype(np.int64)
    if task == "two_class":
        return _two_class(labels, given[:, 1], classes, 0.5 if threshold is None else threshold)
    table = metrics.confusion(labels, given.argmax(1), len(classes))
    return {
        "classes": classes,
        "confusion": table.tolist(),
        "per_class": [
            one | _against_the_rest((labels == place).astype(np.int64), given[:, place])
            for place, one in enumerate(per_class(labels, given, classes, table))
        ],
    }


def _against_the_rest(true: Ints, proba: Floats) -> dict[str, Any]:
    """Of one class of several; nothing, as it has no ROC curve, where no other row is judged, or
    none of its own."""
    if not 0 < true.sum() < len(true):
        return {}
    edges, (others, own) = _density(true, proba)
    return {
        "calibration": _calibration(true, proba),
        "lift": _lift(true, proba),
        "density": {"edges": edges, "own": own, "others": others},
    }


def _two_class(true: Ints, proba: Floats, classes: list[str], threshold: float) -> dict[str, Any]:
    edges, spread = _density(true, proba)
    counts = figures.counted(true, proba, figures.THRESHOLDS)
    tp, fp, tn, fn = figures.counted(true, proba, np.array([threshold]))[:, 0].astype(int).tolist()
    roc, pr = metrics.roc(true, proba), metrics.precision_recall(true, proba)
    return {
        "classes": classes,
        "threshold": threshold,
        "confusion": [[tn, fp], [fn, tp]],
        "thresholds": [
            {"threshold": float(at), "tp": int(a), "fp": int(b), "tn": int(c), "fn": int(d)}
            for at, (a, b, c, d) in zip(figures.THRESHOLDS, counts.T, strict=True)
        ],
        "auc": metrics.area(roc),
        "ap": metrics.average_precision(pr),
        "roc": thin(roc),
        "pr": thin(pr),
        "calibration": _calibration(true, proba),
        "lift": _lift(true, proba),
        "density": {"edges": edges, "counts": dict(zip(classes, spread, strict=True))},
    }


def _calibration(true: Ints, proba: Floats) -> list[dict[str, Any]]:
    """What was predicted and what was true, in ten ranges of the probability."""
    place = np.minimum((proba * DECILES).astype(int), DECILES - 1)
    return [
        {
            "predicted": float(proba[place == one].mean()),
            "observed": float(true[place == one].mean()),
            "rows": int((place == one).sum()),
        }
        for one in range(DECILES)
        if (place == one).any()
    ]


def _lift(true: Ints, proba: Floats) -> list[list[float]]:
    """[share of the rows, share of the second class among them], the most probable first.

    Rows of the same probability are one step: their order says nothing.
    """
    if not true.sum():
        return []
    hits, misses, _ = metrics.cumulated(true, proba)
    return [[0.0, 0.0], *thin(np.stack([(hits + misses) / len(true), hits / hits[-1]], 1))]


def _density(true: Ints, proba: Floats) -> tuple[list[float], list[list[int]]]:
    """The edges of the probability's ranges, and the rows in them: of 0, then of 1."""
    edges = np.linspace(0, 1, BINS + 1)
    counts = [np.histogram(proba[true == one], edges)[0].tolist() for one in range(2)]
    return np.round(edges, 4).tolist(), counts


def _histogram(error: Floats) -> tuple[Ints, Floats]:
    """Also of errors so large and alike that no number lies between some of the edges."""
    low, high = float(error.min()), float(error.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, BINS + 1)
    return np.histogram(error, edges)[0], edges


def _regression(true: Floats, given: Floats) -> dict[str, Any]:
    error = given - true
    counts, edges = _histogram(error)
    kept = np.sort(np.random.default_rng(0).permutation(len(true))[:DOTS])
    order = np.argsort(true, kind="stable")
    return {
        "scatter": np.stack([true[kept], given[kept]], 1).tolist(),
        "residuals": {"edges": edges.tolist(), "counts": counts.tolist()},
        "deciles": [
            {
                "from": float(true[rows[0]]),
                "to": float(true[rows[-1]]),
                "rows": len(rows),
                "true": float(true[rows].mean()),
                "predicted": float(given[rows].mean()),
                "mae": float(np.abs(error[rows]).mean()),
            }
            for rows in np.array_split(order, min(DECILES, len(order)))
        ],
    }

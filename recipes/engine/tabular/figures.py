"""The figures that judge a model of a table. Definitions: recipes/tasks."""

import numpy as np

from recipes.engine import metrics
from recipes.engine.metrics import Floats, Ints

Figures = dict[str, float | None]
THRESHOLDS = np.round(np.linspace(0, 1, 101), 2)
BY_THRESHOLD = ("f1", "accuracy", "mcc")  # what a threshold may be chosen for; else f1 is


def judge(task: str, true: Floats, given: Floats, threshold: float | None) -> Figures:
    """All metrics of the task. `given`: probabilities [rows, classes], or values [rows]."""
    if task == "regression":
        return regression(true, given)
    if task == "two_class":
        at = 0.5 if threshold is None else threshold
        return two_class(true.astype(np.int64), given[:, 1], at)
    return metrics.judge(true.astype(np.int64), given)


def two_class(true: Ints, proba: Floats, threshold: float) -> Figures:
    """`proba` is that of the second class."""
    counts = counted(true, proba, np.array([threshold]))
    at = {name: float(value[0]) for name, value in rates(counts).items()}
    both = np.stack([1 - proba, proba], 1)
    return {
        "roc_auc": metrics.area(metrics.roc(true, proba)),
        "average_precision": metrics.average_precision(metrics.precision_recall(true, proba)),
        **at,
        "log_loss": metrics.log_loss(true, both),
        "brier": float(((proba - true) ** 2).mean()),
    }


def counted(true: Ints, proba: Floats, thresholds: Floats) -> Floats:
    """Rows [tp, fp, tn, fn], a column a threshold: at or above it is the second class."""
    hits, misses = np.sort(proba[true == 1]), np.sort(proba[true != 1])
    tp = len(hits) - np.searchsorted(hits, thresholds, side="left")
    fp = len(misses) - np.searchsorted(misses, thresholds, side="left")
    made: Floats = np.stack([tp, fp, len(misses) - fp, len(hits) - tp]).astype(np.float64)
    return made


def chosen(given: Floats, threshold: float | None) -> Ints:
    """The number of the predicted class of each row."""
    at = given.argmax(1) if threshold is None else given[:, 1] >= threshold
    made: Ints = at.astype(np.int64)
    return made


def best_threshold(true: Ints, proba: Floats, metric: str) -> float:
    """The one of THRESHOLDS with the best value of that metric, the middle one of equals."""
    wanted = metric if metric in BY_THRESHOLD else "f1"
    values = rates(counted(true, proba, THRESHOLDS))[wanted]
    best = np.flatnonzero(values >= values.max() - 1e-12)
    return float(THRESHOLDS[best[len(best) // 2]])


def rates(counts: Floats) -> dict[str, Floats]:
    """The metrics that depend on the threshold, of the rows of `counted`."""
    tp, fp, tn, fn = counts
    precision, recall = _ratio(tp, tp + fp), _ratio(tp, tp + fn)
    below = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return {
        "accuracy": _ratio(tp + tn, tp + fp + tn + fn),
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
        "precision": precision,
        "recall": recall,
        "mcc": _ratio(tp * tn - fp * fn, below),
    }


def regression(true: Floats, given: Floats) -> Figures:
    error = given - true
    spread = float(((true - true.mean()) ** 2).sum())
    there = true != 0
    logs = bool((true > -1).all() and (given > -1).all() and (true >= 0).all())
    rated = np.abs(error[there] / true[there])
    moving = len(true) > 1 and true.std() > 0 and given.std() > 0
    return {
        "r2": 1 - float((error**2).sum()) / spread if spread else None,
        "rmse": float(np.sqrt((error**2).mean())),
        "mae": float(np.abs(error).mean()),
        "mape": float(rated.mean()) if len(rated) else None,
        "rmsle": float(np.sqrt(((np.log1p(given) - np.log1p(true)) ** 2).mean())) if logs else None,
        "explained_variance": 1 - float(error.var()) * len(true) / spread if spread else None,
        "pearson": float(np.corrcoef(true, given)[0, 1]) if moving else None,
    }


def _ratio(above: Floats, below: Floats) -> Floats:
    """0 where there is nothing to divide by."""
    made: Floats = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
    return made

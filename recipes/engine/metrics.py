"""The figures that judge a classifier, from its probabilities. Definitions: recipes/tasks."""

from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]

CLIP = 1e-15


def confusion(true: Ints, predicted: Ints, classes: int) -> Ints:
    """Row: true class, column: predicted class."""
    flat: Ints = np.bincount(true * classes + predicted, minlength=classes * classes)
    return flat.reshape(classes, classes)


def per_class(table: Ints) -> tuple[Floats, Floats, Floats]:
    """Precision, recall and F1 of each class; 0 where nothing is predicted or nothing is there."""
    hits = np.diag(table).astype(np.float64)
    precision = _ratio(hits, table.sum(0))
    recall = _ratio(hits, table.sum(1))
    return precision, recall, _ratio(2 * precision * recall, precision + recall)


def roc(true: Ints, score: Floats) -> Floats | None:
    """Points (false positive rate, true positive rate, threshold); None with one class only."""
    hits, misses, thresholds = cumulated(true, score)
    if not len(hits) or not hits[-1] or not misses[-1]:
        return None
    first = np.array([[0.0, 0.0, max(1.0, float(thresholds[0]))]])
    points = np.stack([misses / misses[-1], hits / hits[-1], thresholds], 1)
    return np.concatenate([first, points])


def precision_recall(true: Ints, score: Floats) -> Floats | None:
    """Points (recall, precision, threshold), from the highest threshold on; None without a hit."""
    hits, misses, thresholds = cumulated(true, score)
    if not len(hits) or not hits[-1]:
        return None
    first = np.array([[0.0, 1.0, max(1.0, float(thresholds[0]))]])
    points = np.stack([hits / hits[-1], hits / (hits + misses), thresholds], 1)
    return np.concatenate([first, points])


def area(points: Floats | None) -> float | None:
    """The area under a ROC curve."""
    return None if points is None else float(np.trapezoid(points[:, 1], points[:, 0]))


def average_precision(points: Floats | None) -> float | None:
    """The sum of precisions, each weighted by the recall that it adds."""
    if points is None:
        return None
    return float((np.diff(points[:, 0]) * points[1:, 1]).sum())


def log_loss(true: Ints, probas: Floats) -> float:
    given = probas[np.arange(len(true)), true]
    return float(-np.log(np.clip(given, CLIP, 1)).mean())


def judge(true: Ints, probas: Floats) -> dict[str, float | None]:
    """All metrics of the task, by name."""
    classes = probas.shape[1]
    predicted = probas.argmax(1)
    table = confusion(true, predicted, classes)
    there = table.sum(1) > 0
    precision, recall, f1 = (part[there] for part in per_class(table))
    return {
        "accuracy": float((predicted == true).mean()),
        "f1": float(f1.mean()),
        "precision": float(precision.mean()),
        "recall": float(recall.mean()),
        "roc_auc": _mean([area(roc(true == one, probas[:, one])) for one in range(classes)]),
        "average_precision": _mean(
            [
                average_precision(precision_recall(true == one, probas[:, one]))
                for one in range(classes)
            ]
        ),
        "log_loss": log_loss(true, probas),
    }


def cumulated(true: Ints, score: Floats) -> tuple[Floats, Floats, Floats]:
    """Hits and misses at or above each distinct score, highest first."""
    order = np.argsort(-score, kind="stable")
    score, true = score[order], np.asarray(true)[order].astype(np.float64)
    ends = np.append(np.diff(score) != 0, True)[: len(score)]
    last = np.flatnonzero(ends)
    hits: Floats = np.asarray(np.cumsum(true)[last], dtype=np.float64)
    misses: Floats = np.asarray(last + 1 - hits, dtype=np.float64)
    return hits, misses, score[last]


def _ratio(above: Floats, below: Any) -> Floats:
    below = np.asarray(below, dtype=np.float64)
    ratio: Floats = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
    return ratio


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None

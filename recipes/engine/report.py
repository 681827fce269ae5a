"""What the results page shows of a model. docs/jobs.md has the shape."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from recipes.data.listing import Row
from recipes.engine import metrics
from recipes.engine.metrics import Floats, Ints
from recipes.events import finite

POINTS = 200  # of a curve
MISTAKES = 200


def make(
    rows: Sequence[Row], true: Ints, probas: Floats, classes: list[str], *, split: str
) -> dict[str, Any]:
    """The report of these predictions, without the history."""
    table = metrics.confusion(true, probas.argmax(1), len(classes))
    report = {
        "classes": classes,
        "split": split,
        "images": len(rows),
        "confusion": table.tolist(),
        "per_class": per_class(true, probas, classes, table),
        "mistakes": _mistakes(rows, true, probas, classes),
    }
    cleaned: dict[str, Any] = finite(report)
    return cleaned


def predictions(
    rows: Sequence[Row], true: Ints, probas: Floats, classes: list[str]
) -> list[dict[str, Any]]:
    """One object a picture, as in predictions.jsonl."""
    return [
        {
            "number": row.number,
            "path": row.path,
            "true": classes[truth],
            "predicted": classes[int(given.argmax())],
            "probas": {name: round(float(p), 6) for name, p in zip(classes, given, strict=True)},
        }
        for row, truth, given in zip(rows, true.tolist(), probas, strict=True)
    ]


def read_predictions(bundle: Path) -> list[dict[str, Any]]:
    """predictions.jsonl of a bundle; [] where there is none."""
    path = bundle / "predictions.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def per_class(true: Ints, probas: Floats, classes: list[str], table: Ints) -> list[dict[str, Any]]:
    """The figures and curves of each class; `table` is the confusion."""
    precision, recall, f1 = metrics.per_class(table)
    found = []
    for one, name in enumerate(classes):
        roc = metrics.roc(true == one, probas[:, one])
        pr = metrics.precision_recall(true == one, probas[:, one])
        found.append(
            {
                "name": name,
                "precision": float(precision[one]),
                "recall": float(recall[one]),
                "f1": float(f1[one]),
                "support": int(table[one].sum()),
                "auc": metrics.area(roc),
                "ap": metrics.average_precision(pr),
                "roc": thin(roc),
                "pr": thin(pr),
            }
        )
    return found


def _mistakes(
    rows: Sequence[Row], true: Ints, probas: Floats, classes: list[str]
) -> list[dict[str, Any]]:
    """The wrong predictions, the most confident first."""
    predicted, given = probas.argmax(1), probas.max(1)
    wrong = np.flatnonzero(predicted != true)
    wrong = wrong[np.argsort(-given[wrong], kind="stable")][:MISTAKES]
    return [
        {
            "number": rows[place].number,
            "path": rows[place].path,
            "true": classes[true[place]],
            "predicted": classes[predicted[place]],
            "proba": round(float(given[place]), 6),
        }
        for place in wrong.tolist()
    ]


def thin(points: Floats | None) -> list[list[float]]:
    """At most POINTS of a curve, its ends among them."""
    if points is None:
        return []
    kept = np.unique(np.linspace(0, len(points) - 1, min(POINTS, len(points))).round().astype(int))
    thinned: list[list[float]] = np.round(points[kept], 6).tolist()
    return thinned

"""A bundle's report as pages show it: confusion matrix, curves, mistakes. Pure but for reading."""

import json
from itertools import islice
from pathlib import Path
from typing import Any

Json = dict[str, Any]
WIDTH, HEIGHT = 420, 300  # of a drawn curve
LEFT, RIGHT, TOP, BOTTOM = 40, 12, 10, 30
SHADES = 4
MOST_PICTURES = 60
MODES = (("count", "Count"), ("row", "Row %"), ("column", "Column %"))  # of a confusion matrix
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def read(bundle: Path) -> Json:
    """`report.json`; empty when it is not there or torn."""
    try:
        report = json.loads((bundle / "report.json").read_text())
    except (OSError, ValueError):
        return {}
    return report if isinstance(report, dict) else {}


def mode_of(asked: str | None) -> str:
    return asked if asked in dict(MODES) else "count"


def confusion(report: Json, mode: str = "count") -> list[Json]:
    """One row a true class. `mode`: count, row (percent of the true) or column (of the predicted).

    Each cell: `{"predicted","count","text","shade","right"}`; the shade goes with its share.
    """
    classes, matrix = report["classes"], report["confusion"]
    columns = [sum(row[n] for row in matrix) for n in range(len(classes))]
    rows = []
    for true, counts in enumerate(matrix):
        total = sum(counts)
        cells = []
        for predicted, count in enumerate(counts):
            whole = columns[predicted] if mode == "column" else total
            share = count / whole if whole else 0.0
            cells.append(
                {
                    "predicted": classes[predicted],
                    "count": count,
                    "text": f"{count:,}" if mode == "count" else f"{100 * share:.1f} %",
                    "shade": _shade(share, count, right=predicted == true),
                    "right": predicted == true,
                }
            )
        rows.append({"true": classes[true], "cells": cells, "total": total})
    return rows


def _shade(share: float, count: int, *, right: bool) -> str:
    if not count:
        return ""
    return f"{'g' if right else 'b'}{max(1, min(SHADES, round(share * SHADES + 0.25)))}"


def confused(report: Json, most: int = 5) -> list[Json]:
    """The most frequent mistakes as pairs of classes."""
    classes, matrix = report["classes"], report["confusion"]
    pairs = [
        {"true": classes[t], "predicted": classes[p], "count": count}
        for t, row in enumerate(matrix)
        for p, count in enumerate(row)
        if t != p and count
    ]
    return sorted(pairs, key=lambda one: -one["count"])[:most]


def summary(report: Json, things: str = "pictures", thing: str = "picture") -> str:
    """The confusion matrix in one sentence."""
    right = sum(row[n] for n, row in enumerate(report["confusion"]))
    total = sum(sum(row) for row in report["confusion"])
    if not total:
        return f"No {thing} was judged."
    text = f"{right:,} of {total:,} {things} are right ({100 * right / total:.1f} %)."
    worst = confused(report, 1)
    if worst:
        one = worst[0]
        text += f" Most often {one['true']} is taken for {one['predicted']}: {one['count']} times."
    return text


def curve(report: Json, which: str, classes: list[str] | None = None) -> Json:
    """ROC or precision-recall curves as SVG paths, one a class, with what they come to."""
    listed = [one for one in report.get("per_class", []) if one.get(which)]
    shown = [one for one in listed if classes is None or one["name"] in classes][:5]
    lines = [
        {
            "name": one["name"],
            "path": path([(point[0], point[1]) for point in one[which]]),
            "figure": one.get("auc" if which == "roc" else "ap"),
            "style": f"c{n}",
        }
        for n, one in enumerate(shown)
    ]
    return {"lines": lines, "ticks": ticks(), "more": len(listed) - len(shown), **frame()}


def frame() -> Json:
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "top": TOP,
        "bottom": HEIGHT - BOTTOM,
    }


def ticks() -> list[Json]:
    return [{"text": f"{one:g}", "x": f"{_x(one):.1f}", "y": f"{_y(one):.1f}"} for one in TICKS]


def path(points: list[tuple[float, float]]) -> str:
    places = [f"{_x(x):.1f} {_y(y):.1f}" for x, y in points if x is not None and y is not None]
    return "M" + "L".join(places) if places else ""


def _x(value: float) -> float:
    return LEFT + min(1.0, max(0.0, value)) * (WIDTH - LEFT - RIGHT)


def _y(value: float) -> float:
    return HEIGHT - BOTTOM - min(1.0, max(0.0, value)) * (HEIGHT - TOP - BOTTOM)


def history(report: Json, metrics: list[str]) -> Json:
    """The epochs as two drawings: losses, and the given metrics."""
    epochs = [one for one in report.get("history", []) if one.get("epoch")]
    losses = [
        _column(epochs, "Train loss", lambda one: one.get("train_loss")),
        _column(epochs, "Validation loss", lambda one: one.get("val_loss")),
    ]
    scores = [
        _column(epochs, name, lambda one, name=name: (one.get("metrics") or {}).get(name))
        for name in metrics
    ]
    best = next((one["epoch"] for one in reversed(epochs) if one.get("best")), None)
    return {
        "epochs": epochs,
        "best": best,
        "loss": _drawn(epochs, losses, None),
        "metrics": _drawn(epochs, scores, (0.0, 1.0)),
    }


def _column(epochs: list[Json], name: str, value: Any) -> Json:
    return {"name": name, "values": [value(one) for one in epochs]}


def _drawn(epochs: list[Json], columns: list[Json], span: tuple[float, float] | None) -> Json:
    """Lines over the epochs, scaled to what they hold."""
    columns = [one for one in columns if any(v is not None for v in one["values"])]
    seen = [v for column in columns for v in column["values"] if isinstance(v, int | float)]
    if not seen or not epochs:
        return {"lines": [], **frame()}
    low, high = (min(seen), max(seen)) if span is None else (min(*seen, 1.0), max(*seen, 0.0))
    room = (high - low) or 1.0
    low, high = max(0.0, low - 0.08 * room), high + 0.08 * room
    if span is not None:
        high = min(high, 1.0)
    room = (high - low) or 1.0
    most = max(1, len(epochs) - 1)
    lines = []
    for n, column in enumerate(columns):
        values = enumerate(column["values"])
        points = [(place / most, (v - low) / room) for place, v in values if v is not None]
        last = next((v for v in reversed(column["values"]) if v is not None), None)
        lines.append(
            {"name": column["name"], "path": path(points), "style": f"c{n}", "figure": last}
        )
    marks = [{"y": f"{_y(t):.1f}", "text": f"{low + t * room:.2f}"} for t in TICKS]
    return {"lines": lines, "marks": marks, "first": 1, "last": len(epochs), **frame()}


def cell(bundle: Path, true: str, predicted: str, most: int = MOST_PICTURES) -> list[Json]:
    """The pictures behind a cell of the confusion matrix, the surest first."""
    found = [
        one
        for one in predictions(bundle)
        if one.get("true") == true and one.get("predicted") == predicted
    ]
    return sorted(found, key=lambda one: -proba(one))[:most]


def predictions(bundle: Path) -> list[Json]:
    """`predictions.jsonl`, one a validation picture; torn lines are left out."""
    rows = []
    try:
        with (bundle / "predictions.jsonl").open() as source:
            for line in islice(source, 200_000):
                try:
                    rows.append(json.loads(line))
                except ValueError:
                    continue
    except OSError:
        return []
    return rows


def proba(one: Json) -> float:
    """The probability of the predicted class, however the line holds its probabilities."""
    if "proba" in one:
        return float(one["proba"])
    probas = one.get("probas") or {}
    if isinstance(probas, dict):
        return float(probas.get(one.get("predicted"), 0.0))
    return float(max(probas, default=0.0))

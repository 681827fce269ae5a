"""The charts of a classification of rows, from its report. Pure."""

from typing import Any

from trackside.lab import thresholds
from trackside.lab.drawing import Axis, Chart, number
from trackside.ui import words

Json = dict[str, Any]
MOST = 5  # classes in one drawing


def figure(
    title: str,
    chart: Chart,
    help_: str,
    head: tuple[str, ...] = (),
    rows: list[list[str]] | None = None,
) -> Json:
    """A card of a page: the drawing, what it means, and its figures as a table."""
    return {
        "title": title, "chart": chart.drawn(), "help": help_, "head": head, "rows": rows or [],
    }  # fmt: skip


def positive(report: Json) -> str:
    return str(report["classes"][1])


def decision(report: Json, at: float) -> list[Json]:
    rows = thresholds.at_all(report)
    chart = Chart("Figures at each threshold", Axis("Threshold"), Axis("Value"))
    for name in ("precision", "recall", "f1", "accuracy"):
        now = thresholds.nearest(rows, at)[name]
        points = [(one["threshold"], one[name]) for one in rows if _defined(name, one)]
        chart.line(thresholds.FIGURES[name][0], points, number(now, 0.001))
    chart.mark(at, f"threshold {at:.2f}")
    names = ("precision", "recall", "f1", "accuracy", "mcc", "fpr")
    return [
        figure(
            "Decision chart",
            chart,
            f"A row is predicted as {positive(report)} when its probability is at or above the "
            "threshold. A higher threshold is surer (precision) and finds less (recall).",
            ("Threshold", *(thresholds.FIGURES[name][0] for name in names)),
            [[f"{one['threshold']:.2f}", *(f"{one[n]:.3f}" for n in names)] for one in rows[::5]],
        )
    ]


def _defined(name: str, row: Json) -> bool:
    """Where nothing is predicted as positive, there is no precision."""
    return name != "precision" or row["tp"] + row["fp"] > 0


def roc(report: Json, at: float, wanted: list[str]) -> list[Json]:
    chart = Chart("ROC curve", Axis("False positive rate"), Axis("True positive rate"))
    lines = _curves(report, "roc", "auc", wanted)
    for name, points, value in lines:
        chart.line(name, points, words.figure(value))
    chart.guide([(0, 0), (1, 1)], "guessing")
    if report.get("thresholds"):
        now = thresholds.nearest(thresholds.at_all(report), at)
        chart.dots([(now["fpr"], now["recall"])])
    return [
        figure(
            "ROC curve",
            chart,
            "Up: the share of a class that is found. To the right: the share of the others that is "
            "taken for it. " + _dot(report),
            ("Class", "Area under the curve"),
            [[name, words.figure(value)] for name, _, value in lines],
        )
    ]


def precision_recall(report: Json, at: float, wanted: list[str]) -> list[Json]:
    chart = Chart("Precision and recall", Axis("Recall"), Axis("Precision"))
    lines = _curves(report, "pr", "ap", wanted)
    for name, points, value in lines:
        chart.line(name, points, words.figure(value))
    if report.get("thresholds"):
        now = thresholds.nearest(thresholds.at_all(report), at)
        chart.dots([(now["recall"], now["precision"])])
        share = (now["tp"] + now["fn"]) / max(1, report["rows"])
        chart.guide([(0, share), (1, share)], "guessing")
    return [
        figure(
            "Precision-recall curve",
            chart,
            "Up: of the rows predicted as a class, the share that belongs to it. To the right: the "
            "share of the class that is found. " + _dot(report),
            ("Class", "Average precision"),
            [[name, words.figure(value)] for name, _, value in lines],
        )
    ]


def _curves(report: Json, which: str, area: str, wanted: list[str]) -> list[Any]:
    """Name, points and area."""
    found = each_class(report, which, wanted)
    return [(name, held[which], held.get(area)) for name, held in found]


def each_class(report: Json, which: str, wanted: list[str]) -> list[tuple[str, Json]]:
    """Name and figures of the second class of two, or of each class against the others."""
    if report.get(which):
        return [(positive(report), report)]
    listed = [one for one in report.get("per_class", []) if one.get(which)]
    shown = [one for one in listed if not wanted or one["name"] in wanted][:MOST]
    return [(one["name"], one) for one in shown]


def _dot(report: Json) -> str:
    return "The dot is the threshold." if report.get("thresholds") else ""

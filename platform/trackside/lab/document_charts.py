"""The drawings of a model's document, by the functions that draw the results pages. Pure."""

from collections.abc import Callable
from typing import Any

from trackside.lab import charts_classes, charts_probability, charts_values, learning_curve, reports
from trackside.lab.document_blocks import table, text
from trackside.lab.drawing import number
from trackside.lab.entrants import Entrant

Json = dict[str, Any]
PARTIAL = 3  # columns whose partial dependence is drawn
RANKED = 20
MATRIX = 20  # classes up to which the matrix has room on a page
BY_CLASS = 200  # rows of the table by class


def performance(one: Entrant) -> list[Json]:
    report = one.report
    at = float(report.get("threshold") or 0.0)
    drawn: list[Json] = []
    for draw in CLASSES if report.get("confusion") else ():
        drawn += draw(report, at, [])
    if report.get("thresholds"):
        drawn += charts_classes.decision(report, at)
    for needs, value in VALUES:
        if report.get(needs):
            drawn += value(report, one.target)
    if report.get("history"):
        drawn += charts_values.rounds(report, one.facts.get("best_epoch"), one.unit)
    card = one.card.metrics.get(one.metric)
    if report.get("learning") and card is not None:
        drawn += learning_curve.drawn(report["learning"], card)
    if one.card.data == "images":
        drawn = [each | {"help": _of_pictures(each["help"])} for each in drawn]
    return [*_confusion(one), *_per_class(one), *(_figure(each) for each in drawn)]


def _of_pictures(said: str) -> str:
    return said.replace("rows", "pictures").replace("A row", "A picture")


def _figure(drawn: Json) -> Json:
    return {"kind": "figure", "title": drawn["title"], "chart": drawn["chart"],
            "help": drawn["help"]}  # fmt: skip


CLASSES: tuple[Callable[[Json, float, list[str]], list[Json]], ...] = (
    charts_classes.roc,
    charts_classes.precision_recall,
    charts_probability.calibration,
    charts_probability.lift,
    charts_probability.density,
)
VALUES: tuple[tuple[str, Callable[[Json, str], list[Json]]], ...] = (
    ("scatter", charts_values.scatter),
    ("residuals", charts_values.residuals),
    ("deciles", charts_values.deciles),
)


def _confusion(one: Entrant) -> list[Json]:
    if not one.report.get("confusion"):
        return []
    if len(one.classes) > MATRIX:
        pairs = reports.confused(one.report, 20)
        rows = [[each["true"], each["predicted"], f"{each['count']:,}"] for each in pairs]
        head = ["True", "Predicted", "Times"]
        return [table(head, rows, "The most frequent mistakes", right=2)]
    at = one.report.get("threshold")
    said = "Confusion matrix: rows are the true classes, columns the predicted ones"
    return [
        {
            "kind": "matrix",
            "caption": said if at is None else f"{said}, at a threshold of {at:.2f}",
            "classes": one.classes,
            "rows": [
                {"true": row["true"],
                 "cells": [{"text": f"{cell['count']:,}", "shade": cell["shade"]}
                           for cell in row["cells"]]}
                for row in reports.confusion(one.report)
            ],
        }
    ]  # fmt: skip


def _per_class(one: Entrant) -> list[Json]:
    listed = one.report.get("per_class") or []
    if len(listed) > BY_CLASS:
        more = f"The {BY_CLASS} most frequent classes; {len(listed) - BY_CLASS:,} more were judged."
        most = sorted(listed, key=lambda each: -int(each["support"]))[:BY_CLASS]
        return [*_class_table(most), text(more)]
    return _class_table(listed)


def _class_table(listed: list[Json]) -> list[Json]:
    names = ("precision", "recall", "f1", "auc", "ap")
    rows = [
        [each["name"], f"{each['support']:,}", *(number(each.get(name), 0.001) for name in names)]
        for each in listed
    ]
    head = ["Class", "Judged", "Precision", "Recall", "F1", "ROC AUC", "Avg. precision"]
    return [table(head, rows, "By class", right=1)] if rows else []


def importance(one: Entrant) -> list[Json]:
    held = one.report.get("importance") or {}
    ways = [name for name in ("permutation", "shap") if held.get(name)] or ["model"]
    blocks = [block for name in ways if held.get(name) for block in _ranks(held[name])]
    for each in (one.report.get("partial") or [])[:PARTIAL]:
        drawn = charts_values.partial(one.report, one.target, each["name"])
        blocks += [_figure(one | {"title": f"Partial dependence: {one['title']}"}) for one in drawn]
    return blocks


def _ranks(held: Json) -> list[Json]:
    columns = held["columns"][:RANKED]
    most = max((each["share"] or 0 for each in columns), default=0) or 1
    rows = [
        {
            "name": each["name"],
            "text": f"{100 * (each['share'] or 0):.1f} %",
            "width": max(0.0, 100 * (each["share"] or 0) / most),
        }
        for each in columns
    ]
    said = f"{held['what']}. Each column's share of the whole."
    return [{"kind": "text", "text": said}, {"kind": "bars", "rows": rows}]

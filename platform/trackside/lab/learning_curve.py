"""The tab of the learning curve: the same model on ever more of the training rows."""

from typing import Any

from django.http import HttpRequest

from recipes.tasks.task import Metric
from trackside.lab.charts_classes import figure
from trackside.lab.drawing import Chart, axis, number
from trackside.lab.entrants import Entrant

Json = dict[str, Any]
SIDES = (("Validation rows", "val"), ("Training rows", "train"))
NOTICED = 0.05  # of what all rows brought: less is called little
DRAWN = {
    "random": "Each part is drawn at random, with the classes in proportion, and is one of the "
    "larger ones.",
    "newest": "Each part are the newest of the training rows.",
}


def learning(request: HttpRequest, model: Entrant, report: Json) -> Json:
    """What templates/lab/table_learning.html shows."""
    cards = model.card.metrics
    points = report["learning"]["points"]
    there = [one for one in cards.values() if _known(points, one.name)]
    if not there:
        return {"drawings": [], "metrics": []}
    asked = request.GET.get("metric", "") or model.metric
    card = next((one for one in there if one.name == asked), there[0])
    return {
        "drawings": drawn(report["learning"], card),
        "metrics": there,
        "wanted": card,
        "verdict": verdict(points, card),
    }


def _known(points: list[Json], metric: str) -> list[Json]:
    """The points at which the metric could be computed."""
    return [one for one in points if one["val"].get(metric) is not None]


def drawn(curve: Json, card: Metric) -> list[Json]:
    points = curve["points"]
    values = [one[side].get(card.name) for _, side in SIDES for one in points]
    chart = Chart(
        f"{card.label} by the number of training rows",
        axis("Training rows", [0, *(one["rows"] for one in points)]),
        axis(card.label, values),
    )
    for name, side in SIDES:
        line = [(one["rows"], one[side].get(card.name)) for one in points]
        chart.line(name, line, number(line[-1][1], 0.001), dots=True)
    rows = [
        [
            f"{one['rows']:,}",
            f"{one['share']:.0%}",
            *(number(one[side].get(card.name), 0.001) for _, side in SIDES),
            "the model itself" if one["seconds"] is None else f"{one['seconds']:,.1f} s",
        ]
        for one in points
    ]
    return [
        figure(
            f"{card.label} by training rows",
            chart,
            f"The same model, fitted anew on a part of the training rows and judged on the same "
            f"validation rows. {DRAWN[curve['order']]} Lines far apart: it learns its rows by "
            "heart, and more rows or a simpler model help.",
            ("Training rows", "Share", *(name for name, _ in SIDES), "Time"),
            rows,
        )
    ]


def verdict(points: list[Json], card: Metric) -> str:
    """Whether more rows would help, by what the last ones brought; "" where nothing can be said."""
    known = _known(points, card.name)
    if len(known) < 2:
        return ""
    first, before, last = (known[place]["val"][card.name] for place in (0, -2, -1))
    brought = (
        f"{card.label} {number(before, 0.001)} with {known[-2]['rows']:,} rows, "
        f"{number(last, 0.001)} with {known[-1]['rows']:,}"
    )
    moved = (last - before) if card.higher_is_better else (before - last)
    noticed = NOTICED * max(abs(last - first), abs(last) / 20)
    if moved > noticed:
        return f"{brought}: the last rows still helped, and more of them probably would."
    if moved < -noticed:
        said = "That may be chance, or they differ from the others: look at them."
        return f"{brought}: worse with the last rows. {said}"
    return f"{brought}: the last rows changed little. Better columns help more than more rows."

"""What the pages of evaluations draw: a metric as time goes by, and how far columns moved. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from trackside.lab.charts_classes import figure
from trackside.lab.drawing import Axis, Chart, axis, number

Json = dict[str, Any]
WIDTH, HEIGHT, GAP = 132, 40, 1.0  # of a small chart
DATES = 6  # that stand below a history
FEW = 2  # evaluations that make a line
DRAWN = 200  # of the newest evaluations


def history(
    points: Sequence[tuple[datetime, float | None]], label: str, champion: float | None, name: str
) -> list[Json]:
    """The metric of each evaluation, the oldest first; a line for the active version's training.

    `points`: at most DRAWN.
    """
    values = [value for _, value in points]
    if not any(value is not None for value in values):
        return []
    shown = range(0, len(points), max(1, -(-len(points) // DATES)))
    texts = tuple((float(place), f"{points[place][0]:%d %b %H:%M}") for place in shown)
    across = Axis("Evaluation", -0.5, max(FEW, len(points)) - 0.5, texts)
    chart = Chart(f"{label} of each evaluation", across, axis("", [*values, champion]))
    last = next(value for value in reversed(values) if value is not None)
    line = [(float(place), value) for place, value in enumerate(values)]
    chart.line(label, line, number(last), dots=True)
    if champion is not None:
        chart.guide([(-0.5, champion), (across.high, champion)], name)
    rows = [[f"{when:%Y-%m-%d %H:%M}", number(value)] for when, value in points]
    many = len(points) == DRAWN
    said = (
        f"Each dot is one of the last {DRAWN} evaluations."
        if many
        else "Each dot is an evaluation."
    )
    if champion is not None:
        said += " The dashed line is what the active version reached in its training."
    return [figure(f"{label} over time", chart, said, ("When", label), rows)]


def small(column: Json) -> Json:
    """How a column was spread (outline) and is now (bars), for a table's cell."""
    drawn = column.get("drawn") or {}
    before, now = drawn.get("before") or [], drawn.get("now") or []
    most = max([*before, *now, 0.0]) or 1.0
    room = WIDTH / max(1, len(now))
    names = _ends(column, drawn)
    bars = [
        {
            "x": f"{place * room + GAP / 2:.1f}",
            "y": f"{HEIGHT - HEIGHT * share / most:.1f}",
            "width": f"{max(1.0, room - GAP):.1f}",
            "height": f"{HEIGHT * share / most:.1f}",
            "title": f"{name}: {100 * was:.1f} % before, {100 * share:.1f} % now",
        }
        for place, (name, was, share) in enumerate(zip(names, before, now, strict=False))
    ]
    steps = [
        f"{place * room:.1f} {HEIGHT - HEIGHT * was / most:.1f}H{(place + 1) * room:.1f}"
        for place, was in enumerate(before)
    ]
    return {
        "width": WIDTH, "height": HEIGHT, "bars": bars,
        "before": "M" + "L".join(steps) if steps else "", "label": _label(column, names),
    }  # fmt: skip


def _label(column: Json, names: list[str]) -> str:
    low = f", from {names[0]} to {names[-1]}" if names else ""
    return f"{column.get('name', '')} before (outline) and now (bars){low}"


def _ends(column: Json, drawn: Json) -> list[str]:
    """What each bar stands for."""
    if drawn.get("values") is not None:
        return [str(one) for one in drawn["values"]]
    edges = drawn.get("edges") or []
    if column.get("kind") == "datetime":
        texts = [f"{datetime.fromtimestamp(one, UTC):%Y-%m-%d}" for one in edges]
    else:
        texts = [number(one) for one in edges]
    return [f"{low} to {high}" for low, high in pairwise(texts)]


def told(column: Json) -> Json:
    """One line of a table of drift."""
    missing = column.get("missing") or [0, 0]
    return {
        **column,
        "chart": small(column),
        "psi_text": f"{column['psi']:.3f}",
        "p_text": _chance(column.get("p")),
        "missing_text": [f"{100 * one:.1f} %" for one in missing],
        "means_text": [number(one) for one in column.get("means") or []],
    }


def _chance(p: float | None) -> str:
    if p is None:
        return "\u2013"
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}"

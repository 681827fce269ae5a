"""Drawings of contributions: a swarm of rows, one column's values, the bars of a row. Pure."""

from collections import Counter
from math import exp
from typing import Any

from trackside.lab.charts_classes import figure
from trackside.lab.drawing import Axis, Chart, axis, number

Json = dict[str, Any]
WIDTH, LEFT, RIGHT, TOP, LINE, FOOT = 620, 150, 30, 8, 30, 34
BINS, SHADES, SHOWN = 90, 5, 12  # places along the line, tones of a value, columns or categories
UNITS = {"log-odds": "log-odds", "margin": "raw score", "probability": "probability", "value": ""}


def swarm(shap: Json, output: int) -> Json:
    """A line a column, a dot a row: right of 0 it raised the prediction, its tone is its value."""
    columns = shap["columns"][:SHOWN]
    moved = [one["moved"][output] for one in columns]
    x = axis("", [value for each in moved for value in each], zero=True)
    room = WIDTH - LEFT - RIGHT
    bottom = TOP + LINE * len(columns)
    lines = [
        {
            "name": _cut(one["name"], 22),
            "title": one["name"],
            "y": TOP + LINE * place + LINE // 2,
            "dots": _dots(x, room, TOP + LINE * place + LINE / 2, one, each),
        }
        for place, (one, each) in enumerate(zip(columns, moved, strict=True))
    ]
    return {
        "width": WIDTH,
        "height": bottom + FOOT,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "top": TOP,
        "bottom": bottom,
        "zero": f"{LEFT + x.share(0) * room:.1f}",
        "ticks": [{"at": f"{LEFT + x.share(v) * room:.1f}", "text": t} for v, t in x.ticks()],
        "lines": lines,
        "label": "How the contributions of the rows are spread, by column: "
        + ", ".join(one["name"] for one in columns),
    }


def _dots(x: Axis, room: int, middle: float, one: Json, moved: list[float]) -> list[Json]:
    tones = shades(one["values"], one["type"])
    taken: Counter[int] = Counter()
    bins = [round(x.share(value) * BINS) for value in moved]
    most = max(Counter(bins).values(), default=1)
    step = min(3.0, (LINE - 6) / most)
    made = []
    for value, place, tone in zip(moved, bins, tones, strict=True):
        taken[place] += 1
        aside = (taken[place] // 2) * (1 if taken[place] % 2 else -1)
        at = {"x": f"{LEFT + x.share(value) * room:.1f}", "y": f"{middle + aside * step:.1f}"}
        made.append({**at, "tone": tone})
    return made


def shades(values: list[Any], kind: str) -> list[str]:
    """v0 (low) to v4 (high) by the place among the values; vx: no order, or missing."""
    if kind in ("category", "text"):
        return ["vx"] * len(values)
    known = sorted({one for one in values if one is not None})
    most = max(1, len(known) - 1)
    places = {one: min(SHADES - 1, at * SHADES // (most + 1)) for at, one in enumerate(known)}
    if len(known) > 1:
        places[known[-1]] = SHADES - 1
    return ["vx" if one is None else f"v{places[one]}" for one in values]


def dependence(shap: Json, output: int, wanted: str) -> list[Json]:
    """One column: its contribution at each of its values."""
    listed = shap["columns"]
    one = next((one for one in listed if one["name"] == wanted), listed[0] if listed else None)
    if one is None:
        return []
    pairs = [
        (value, moved)
        for value, moved in zip(one["values"], one["moved"][output], strict=True)
        if value is not None
    ]
    unit = UNITS[shap["scale"]]
    y = axis(f"Contribution{f', {unit}' if unit else ''}", [v for _, v in pairs], zero=True)
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v, _ in pairs)
    chart, rows = (_by_number if numbers else _by_value)(one, pairs, y)
    missing = sum(value is None for value in one["values"])
    gone = f" It is missing in {missing} of the rows drawn." if missing else ""
    text = "Above 0 the value raises the prediction, below it lowers it." + gone
    head = (one["name"], "Rows", "Mean contribution")
    return [figure(one["name"], chart, text, head, rows)] if pairs else []


def _by_number(one: Json, pairs: list[Any], y: Axis) -> tuple[Chart, list[Any]]:
    x = axis(one["name"], [value for value, _ in pairs])
    chart = Chart(f"Contribution by {one['name']}", x, y)
    chart.guide([(x.low, 0), (x.high, 0)]).dots(pairs)
    ordered, rows = sorted(pairs), []
    size = -(-len(ordered) // 10)
    for start in range(0, len(ordered), size):
        part = ordered[start : start + size]
        ends = f"{number(part[0][0])} to {number(part[-1][0])}"
        mean = sum(value for _, value in part) / len(part)
        rows.append([ends, str(len(part)), number(mean)])
    return chart, rows


def _by_value(one: Json, pairs: list[Any], y: Axis) -> tuple[Chart, list[Any]]:
    counts = Counter(value for value, _ in pairs)
    names = [value for value, _ in counts.most_common(SHOWN)]
    if one["type"] == "datetime":
        names.sort()
    means = [sum(moved for value, moved in pairs if value == name) / counts[name] for name in names]
    texts = tuple((k + 0.5, _cut(said(name), 12)) for k, name in enumerate(names))
    few = texts[:: max(1, -(-len(texts) // 7))]
    x = Axis(one["name"], 0, len(names), few)
    chart = Chart(f"Mean contribution by {one['name']}", x, y)
    chart.bars(list(range(len(names) + 1)), means)
    rows = [
        [said(name), str(counts[name]), number(mean)]
        for name, mean in zip(names, means, strict=True)
    ]
    return chart, rows


def bars(item: Json, scale: str) -> Json:
    """One row's strongest columns as bars from a middle line, the longest being half the width."""
    listed = [*item["columns"]]
    if item["others"]["count"]:
        count = item["others"]["count"]
        words = f"{count} other column{'s' if count > 1 else ''}"
        listed.append({"name": words, "moved": item["others"]["moved"], "rest": True})
    most = max((abs(one["moved"]) for one in listed), default=0) or 1
    return {
        "lines": [
            {
                "name": one["name"],
                "value": "" if one.get("rest") else said(one.get("value")),
                "rest": one.get("rest", False),
                "up": one["moved"] >= 0,
                "x": f"{50 + min(0.0, one['moved'] / most) * 50:.2f}",
                "width": f"{abs(one['moved']) / most * 50:.2f}",
                "text": f"{one['moved']:+.3g}",
            }
            for one in listed
        ],
        "unit": UNITS[scale],
        "base": _level(item["base"], scale),
        "total": _level(item["total"], scale),
    }


def _level(value: float | None, scale: str) -> str:
    if value is None:
        return number(None)
    if scale == "log-odds":
        return f"{100 / (1 + exp(-max(-700.0, min(700.0, value)))):.1f} %"
    if scale == "probability":
        return f"{100 * value:.1f} %"
    return number(value)


def said(value: Any) -> str:
    """A value of a row in words."""
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value) if isinstance(value, int | float) else str(value)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}\u2026"

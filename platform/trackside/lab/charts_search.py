"""The charts of a search: the metric over its trials, by a setting, and all settings at once. Pure.

A scale puts the values of a setting on a straight line: by size, by order of size, or side by side.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from recipes.params import Number, Param
from recipes.tasks.task import Metric
from trackside.lab.charts_classes import figure
from trackside.lab.drawing import Axis, Chart, axis, number, step_of
from trackside.lab.labels import metric_text, param_text, zero_text

Json = dict[str, Any]
WIDTH, HEIGHT, SIDE, TOP, BOTTOM = 900, 320, 64, 14, 44  # of the parallel view
GOOD = 0.25  # of the trials stand out


@dataclass(frozen=True)
class Scale:
    """Where the values of a setting stand. `texts`: what is written at some of the places."""

    label: str
    place: Callable[[Any], float]
    low: float
    high: float
    texts: tuple[tuple[float, str], ...]

    def share(self, value: Any) -> float:
        room = self.high - self.low
        return (self.place(value) - self.low) / room if room else 0.5

    def axis(self) -> Axis:
        pad = 0.04 * (self.high - self.low) or 0.5
        return Axis(self.label, self.low - pad, self.high + pad, self.texts)


def scale_of(field: Param, tried: Json, values: list[Any]) -> Scale:
    """Of a searched setting, from what was to be tried of it and what was."""
    if not isinstance(field, Number):
        known = list(dict.fromkeys([*tried.get("values", ()), *values]))
        texts = tuple((float(n), param_text(field, one)) for n, one in enumerate(known))
        return Scale(field.label, lambda one: float(known.index(one)), 0.0, len(known) - 1.0, texts)
    asked = [*tried.get("values", ()), *(tried[end] for end in ("low", "high") if end in tried)]
    known_ends = [float(one) for one in (*asked, *values)]
    zero = zero_text(field) if 0.0 in known_ends else ""
    amounts = [one for one in known_ends if one or not zero] or [1.0]
    low, high = min(amounts), max(amounts)
    made = _by_order(field.label, low, high) if tried.get("log") and low > 0 else None
    made = made or Scale(field.label, float, low, high, _between(low, high, field.whole))
    return _beyond(made, zero) if zero else made


def _between(low: float, high: float, whole: bool) -> tuple[tuple[float, str], ...]:
    """Both ends, and round numbers that are not too near to them."""
    step = max(1.0, step_of(high - low)) if whole else step_of(high - low)
    first, last = math.ceil(low / step), math.floor(high / step)
    inner = [n * step for n in range(first, last + 1)]
    inner = [one for one in inner if min(one - low, high - one) > 0.45 * step]
    texts = [(low, number(low)), *((one, number(one, step)) for one in inner)]
    return tuple(texts if low == high else [*texts, (high, number(high))])


def _beyond(scale: Scale, zero: str) -> Scale:
    """Where 0 is no amount, as of a depth without a limit, it stands above the largest."""
    top = scale.high + ((scale.high - scale.low) / 5 or 1.0)

    def place(value: Any) -> float:
        return scale.place(value) if value else top

    return replace(scale, place=place, high=top, texts=(*scale.texts, (top, zero)))


def _by_order(label: str, low: float, high: float) -> Scale:
    ends = math.log10(low), math.log10(high)
    inner = range(math.ceil(ends[0] + 0.1), math.floor(ends[1] - 0.1) + 1)
    places = [ends[0], *(float(one) for one in inner), ends[1]] if ends[0] < ends[1] else [ends[0]]
    texts = tuple((place, number(10**place)) for place in places)
    return Scale(label, lambda one: math.log10(one), *ends, texts)


def over_trials(trials: list[Json], card: Metric) -> Json:
    """Each trial as a dot, the best so far as a line."""
    done = [one for one in trials if one["value"] is not None]
    chart = Chart(
        f"{card.label} of each trial",
        axis("Trial", [1, max((one["number"] for one in trials), default=1)]),
        axis(card.label, [one["value"] for one in done]),
    )
    best: float | None = None
    line: list[tuple[float, float | None]] = []
    for one in done:
        value = float(one["value"])
        line += [(one["number"], best)] if line else []  # a step, no slope
        if best is None or (value > best if card.higher_is_better else value < best):
            best = value
        line.append((one["number"], best))
    chart.line("Best so far", line, metric_text(best, card))
    chart.dots([(one["number"], one["value"]) for one in done])
    return figure(
        f"{card.label} over the trials",
        chart,
        "Each dot is a trial. A line that no longer rises or falls says that more trials would "
        "bring little." if len(done) > 1 else "Each dot is a trial.",
    )  # fmt: skip


def by_setting(trials: list[Json], name: str, scale: Scale, card: Metric) -> Json:
    """The metric of each trial by the value of one setting."""
    done = [one for one in trials if one["value"] is not None]
    chart = Chart(
        f"{card.label} by {scale.label}",
        scale.axis(),
        axis(card.label, [one["value"] for one in done]),
    )
    chart.dots([(scale.place(one["params"][name]), one["value"]) for one in done])
    return figure(
        f"{card.label} by {scale.label}",
        chart,
        "Each dot is a trial; its other settings differ too. Good ones at one end say that the "
        "best may lie beyond what was tried.",
    )


def parallel(trials: list[Json], scales: dict[str, Scale], card: Metric) -> Json | None:
    """Every trial as a line over all settings and the metric; None where there is only one line."""
    done = [one for one in trials if one["value"] is not None]
    if len(done) < 2 or not scales:
        return None
    values = axis(card.label, [one["value"] for one in done])
    room = (WIDTH - 2 * SIDE) / len(scales)
    columns = [(SIDE + n * room, scale.label, scale.texts, scale.share)
               for n, (_, scale) in enumerate(scales.items())]  # fmt: skip
    ranked = sorted(done, key=lambda one: one["value"], reverse=card.higher_is_better)
    good = max(1, round(GOOD * len(ranked)))
    axes = [
        {"x": f"{x:.1f}", "label": label, "ticks": _ticks(texts, scale)}
        for (x, label, texts, _), scale in zip(columns, scales.values(), strict=True)
    ]
    last = SIDE + len(scales) * room
    ticks = [{"y": _y(values.share(v)), "text": t} for v, t in values.ticks()]
    lines = []
    for place, one in reversed(list(enumerate(ranked))):  # the best are drawn last
        points = [
            (x, share(one["params"][name]))
            for (x, _, _, share), name in zip(columns, scales, strict=True)
        ]
        points.append((last, values.share(one["value"])))
        lines.append(
            {
                "d": "M" + "L".join(f"{x:.1f} {_y(share)}" for x, share in points),
                "kind": "best" if place == 0 else "good" if place < good else "",
                "title": f"Trial {one['number']}: {metric_text(one['value'], card)}",
            }
        )
    return {
        "width": WIDTH, "height": HEIGHT, "top": TOP, "bottom": HEIGHT - BOTTOM, "lines": lines,
        "axes": [*axes, {"x": f"{last:.1f}", "label": card.label, "ticks": ticks}],
        "label": f"{len(done)} trials over {len(scales)} settings and {card.label}",
    }  # fmt: skip


def _ticks(texts: tuple[tuple[float, str], ...], scale: Scale) -> list[Json]:
    room = scale.high - scale.low
    return [
        {"y": _y((place - scale.low) / room if room else 0.5), "text": text}
        for place, text in texts
    ]


def _y(share: float) -> str:
    return f"{HEIGHT - BOTTOM - min(1.0, max(0.0, share)) * (HEIGHT - TOP - BOTTOM):.1f}"

"""Charts of figures as SVG, drawn on the server: scales, ticks, lines, dots and bars. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from trackside.ui.words import number as number

Json = dict[str, Any]
Points = Sequence[Sequence[float | None]]  # [x, y]; more than two values are left out
WIDTH, HEIGHT = 620, 372
LEFT, RIGHT, TOP, BOTTOM = 64, 30, 28, 46  # room for 20,000 in a phone's letters, half beside it
TICKS = 6
FEW_DOTS = 60
STEPS = (1, 2, 2.5, 5, 10)
DASHES = 8  # series that css/pages/lab.css tells apart
MOST, LEAST = 1e300, 1e-290  # beyond, the room between two numbers, or a step in it, is none


@dataclass(frozen=True)
class Axis:
    """`texts`: what stands at some values, in place of round numbers."""

    label: str
    low: float = 0.0
    high: float = 1.0
    texts: tuple[tuple[float, str], ...] = ()

    def share(self, value: float) -> float:
        """Where the value stands, from 0 to 1; what is beyond the ends stands at them."""
        room = self.high - self.low
        return min(1.0, max(0.0, (value - self.low) / room)) if room else 0.5

    def ticks(self) -> list[tuple[float, str]]:
        if self.texts:
            return list(self.texts)
        step = step_of(self.high - self.low)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [(n * step, number(n * step, step)) for n in range(first, last + 1)]


def axis(label: str, values: Iterable[float | None], *, zero: bool = False) -> Axis:
    """An axis that holds the values, from one round number to another; None is no value.

    What is beyond MOST stands at its end: a column may have the largest numbers that there are.
    """
    known = [one for one in values if one is not None and math.isfinite(one)] or [0.0, 1.0]
    low, high = (max(-MOST, min(MOST, end(known))) for end in (min, max))
    low, high = (min(low, 0.0), max(high, 0.0)) if zero else (low, high)
    if high - low < LEAST:
        pad = abs(low) / 2 if abs(low) > LEAST else 0.5
        low, high = low - pad, high + pad
    step = step_of(high - low)
    ends = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    return Axis(label, *ends)


def step_of(room: float) -> float:
    """A round step that cuts the room into about TICKS pieces."""
    if not room > 0 or not math.isfinite(room):
        return 1.0
    rough = room / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    return next(one * power for one in STEPS if one * power >= rough * (1 - 1e-9))


@dataclass
class Chart:
    """`drawn()` is what lab/_chart.html shows. `label` says in words what is to be seen."""

    label: str
    x: Axis
    y: Axis
    lines: list[Json] = field(default_factory=list)
    shapes: list[Json] = field(default_factory=list)

    def line(self, name: str, points: Points, figure: str = "", *, dots: bool = False) -> "Chart":
        places = self._places(points)
        style = f"c{len(self.lines) % DASHES}"
        shown = {"name": name, "path": path(places), "style": style, "figure": figure}
        self.lines.append({**shown, "dots": _pairs(places) if dots or len(places) == 1 else []})
        return self

    def guide(self, points: Points, name: str = "") -> "Chart":
        """A dashed line to compare with."""
        self.shapes.append({"what": "guide", "path": path(self._places(points)), "name": name})
        return self

    def mark(self, value: float, name: str) -> "Chart":
        """An upright line at a value of x."""
        return self.guide([(value, self.y.low), (value, self.y.high)], name)

    def dots(self, points: Points) -> "Chart":
        for x, y in self._places(points):
            self.shapes.append({"what": "dot", "x": f"{x:.1f}", "y": f"{y:.1f}"})
        return self

    def bars(
        self, edges: Sequence[float], heights: Sequence[float | None], style: str = ""
    ) -> "Chart":
        """A bar between each two edges; `style` b1 is one to be laid over another."""
        floor = self._y(max(0.0, self.y.low))
        for k, height in enumerate(heights):
            if height is None:
                continue
            left, right, top = self._x(edges[k]), self._x(edges[k + 1]), self._y(height)
            room = {"x": f"{left + 0.75:.1f}", "width": f"{max(0.5, right - left - 1.5):.1f}"}
            tall = {"y": f"{min(top, floor):.1f}", "height": f"{abs(floor - top):.1f}"}
            ends = f"{number(edges[k])} to {number(edges[k + 1])}"
            title = f"{ends}: {number(height)}"
            self.shapes.append({"what": "bar", "style": style, "title": title, **room, **tall})
        return self

    def drawn(self) -> Json:
        return {
            "label": self.label,
            "width": WIDTH,
            "height": HEIGHT,
            "left": LEFT,
            "right": WIDTH - RIGHT,
            "top": TOP,
            "bottom": HEIGHT - BOTTOM,
            "x": self.x,
            "y": self.y,
            "x_ticks": [{"at": f"{self._x(v):.1f}", "text": t} for v, t in self.x.ticks()],
            "y_ticks": [{"at": f"{self._y(v):.1f}", "text": t} for v, t in self.y.ticks()],
            "lines": self.lines,
            "shapes": self.shapes,
            "dot": self._dot(),
            "guides": [one["name"] for one in self.shapes if one.get("name")],
        }

    def _dot(self) -> float:
        """How large dots are: a few, or some on a line, are seen as such."""
        few = sum(one["what"] == "dot" for one in self.shapes) <= FEW_DOTS
        return 5 if self.lines else 4 if few else 2.5

    def _places(self, points: Points) -> list[tuple[float, float]]:
        return [
            (self._x(one[0]), self._y(one[1]))
            for one in points
            if one[0] is not None and one[1] is not None
        ]

    def _x(self, value: float) -> float:
        return LEFT + self.x.share(value) * (WIDTH - LEFT - RIGHT)

    def _y(self, value: float) -> float:
        return HEIGHT - BOTTOM - self.y.share(value) * (HEIGHT - TOP - BOTTOM)


def path(places: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places) if places else ""


def _pairs(places: list[tuple[float, float]]) -> list[Json]:
    return [{"x": f"{x:.1f}", "y": f"{y:.1f}"} for x, y in places]

"""A column's figures from columns.json, made ready to be shown: words, and bars of an SVG."""

import math
from dataclasses import dataclass
from typing import Any

from trackside.datasets.columns_kept import Column

WIDTH, HEIGHT = 240, 44  # of the little picture
TOP = 5
TEXT_MOST = 80
MIXED = "Its types are mixed"  # as an import's remark begins
FEW_DIGITS = 1000  # from here on two decimals are enough


@dataclass(frozen=True)
class Bar:
    """One bar of the histogram; `says` is what it stands for."""

    x: float
    y: float
    width: float
    height: float
    says: str


@dataclass(frozen=True)
class Top:
    value: str
    count: int
    share: float  # percent of all rows

    @property
    def says(self) -> str:
        return "< 0.1 %" if 0 < self.share < 0.1 else f"{self.share:.1f} %"


@dataclass(frozen=True)
class Portrait:
    """Figures are texts, "" where they make no sense for the type."""

    place: int
    name: str
    type: str
    given: bool
    missing: int
    missing_share: float  # percent
    distinct: str
    figures: tuple[tuple[str, str], ...]
    bars: tuple[Bar, ...]
    top: tuple[Top, ...]
    examples: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def gaps(self) -> bool:
        """Whether somebody may want to say which texts are missing values in it."""
        return self.missing > 0 or any(one.startswith(MIXED) for one in self.warnings)

    @property
    def sight(self) -> str:
        """The histogram in words, for who does not see it."""
        first, last = self.bars[0], self.bars[-1]
        tallest = max(self.bars, key=lambda one: one.height)
        return f"{len(self.bars)} bars, first {first.says}; last {last.says}; most {tallest.says}"


def portrait(place: int, column: Column, rows: int) -> Portrait:
    missing = int(column.get("missing") or 0)
    distinct = column.get("distinct")
    few = bool(column.get("top")) and distinct is not None and distinct <= TOP  # all are named
    return Portrait(
        place=place,
        name=column["name"],
        type=column["type"],
        given=bool(column.get("given")),
        missing=missing,
        missing_share=100 * missing / rows if rows else 0,
        distinct="more than 100,000" if distinct is None else f"{distinct:,}",
        figures=_figures(column),
        bars=() if few else _bars(column.get("histogram")),
        top=_top(column.get("top"), rows),
        examples=tuple(figure(one) for one in column.get("examples") or ()),
        warnings=tuple(column.get("warnings") or ()),
    )


def _figures(column: Column) -> tuple[tuple[str, str], ...]:
    quantiles = column.get("quantiles") or {}
    told = (
        ("Min", column.get("min")),
        ("Median", quantiles.get("50")),
        ("Mean", column.get("mean")),
        ("Max", column.get("max")),
        ("Std", column.get("std")),
    )
    return tuple((name, figure(value)) for name, value in told if value is not None)


def figure(value: Any) -> str:
    """A number in as many digits as a person compares, a text cut to a line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return _number(value)
    text = str(value)
    return text if len(text) <= TEXT_MOST else f"{text[:TEXT_MOST]}…"


def _number(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    if value and not 1e-3 <= abs(value) < 1e9:  # beyond, zeros would be counted
        return f"{value:.4g}"
    digits = 4 if abs(value) < FEW_DIGITS else 2
    return f"{value:,.{digits}f}".rstrip("0").rstrip(".") if value % 1 else f"{value:,.0f}"


def _bars(histogram: Any) -> tuple[Bar, ...]:
    if not histogram or not histogram.get("counts"):
        return ()
    counts, edges = histogram["counts"], histogram["edges"]
    most, wide = max(counts) or 1, WIDTH / len(counts)
    return tuple(
        Bar(
            x=round(place * wide, 2),
            y=round(HEIGHT - _tall(count, most), 2),
            width=round(max(1, wide - 1), 2),
            height=round(_tall(count, most), 2),
            says=f"{figure(edges[place])} to {figure(edges[place + 1])}: {count:,}",
        )
        for place, count in enumerate(counts)
    )


def _tall(count: int, most: int) -> float:
    """What is there at all is seen."""
    return max(1.0, HEIGHT * count / most) if count else 0.0


def _top(top: Any, rows: int) -> tuple[Top, ...]:
    return tuple(
        Top(figure(one["value"]), one["count"], 100 * one["count"] / rows if rows else 0)
        for one in (top or ())[:TOP]
    )

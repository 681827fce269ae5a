"""Figures of a column of numbers or dates, and its histogram, from arrays that pass by."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

SAMPLE = 250_000  # values, at least; of up to twice as many all are kept
LARGE = 1e300
BINS = 30
QUANTILES = (5, 25, 50, 75, 95)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
Floats = npt.NDArray[np.float64]


class Sample:
    """All values while they are few, then a fair share: each has the same chance to be in it."""

    def __init__(self) -> None:
        self.whole = True
        self._share = 1.0
        self._kept: list[Floats] = []
        self._count = 0
        self._chance = np.random.default_rng(0)

    def add(self, values: Floats) -> None:
        if self._share < 1:
            values = values[self._chance.random(len(values)) < self._share]
        self._kept.append(values)
        self._count += len(values)
        while self._count > 2 * SAMPLE:
            held = np.concatenate(self._kept)
            self._kept = [held[self._chance.random(len(held)) < 0.5]]
            self._count = len(self._kept[0])
            self._share /= 2
            self.whole = False

    def all(self) -> Floats:
        return np.concatenate(self._kept) if self._kept else np.empty(0)

    def counted(self, edges: Floats) -> list[int]:
        return [int(one) for one in np.histogram(self.all(), edges)[0]]


class Figures:
    """Of the finite values; dates are days since 1970, times microseconds."""

    def __init__(self) -> None:
        self.sample = Sample()
        self.infinite = 0
        self.count = 0
        self.least: Any = None  # exact, as Python has it
        self.most: Any = None
        self._mean = 0.0
        self._spread = 0.0  # sum of squares around the mean

    def add(self, there: pa.Array) -> None:
        """`there` has no nulls."""
        values = as_floats(there)
        finite = np.isfinite(values)
        if not finite.all():
            self.infinite += int(len(values) - finite.sum())
            values, there = values[finite], there.filter(pa.array(finite))
        if not len(values):
            return
        ends = pc.min_max(there).as_py()
        self.least = ends["min"] if self.least is None else min(self.least, ends["min"])
        self.most = ends["max"] if self.most is None else max(self.most, ends["max"])
        self._add_moments(values)
        self.sample.add(values)

    def told(self, type_: str) -> dict[str, Any]:
        """min, max, mean, std (of a sample: divided by n - 1) and quantiles."""
        if not self.count:
            return {}
        values = self.sample.all()
        parts = [one / 100 for one in QUANTILES]
        if type_ in ("integer", "number"):
            quantiles = _part(values) * np.quantile(values / _part(values), parts)
        else:  # days that there are
            quantiles = np.quantile(values, parts, method="lower")
        told = {
            "min": _exact(self.least),
            "max": _exact(self.most),
            "quantiles": {
                str(name): _named(value, type_)
                for name, value in zip(QUANTILES, quantiles, strict=True)
            },
        }
        if type_ in ("integer", "number"):
            told["mean"] = _finite(self._mean)
            told["std"] = (
                _finite((self._spread / (self.count - 1)) ** 0.5) if self.count > 1 else None
            )
        return told

    def edges(self, edges: Floats, type_: str) -> list[Any]:
        return [_named(float(edge), type_) for edge in edges]

    def _add_moments(self, values: Floats) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            mean, count = float(values.mean()), len(values)
            spread = float(((values - mean) ** 2).sum())
            both = self.count + count
            apart = mean - self._mean
            self._mean += apart * count / both
            self._spread += spread + apart * apart * self.count * count / both
            self.count = both


def bins(figures: Figures, type_: str) -> Floats | None:
    """The edges of at most BINS bins from the least value to the most. Whole numbers and dates get
    bins of a whole width, so that each has as many of them. None without values."""
    if not figures.count:
        return None
    ends = as_floats(pa.array([figures.least, figures.most]))
    low, high = float(ends[0]), float(ends[1])
    if type_ != "number" and high - low < 2**53:
        width = max(1.0, np.ceil((high - low + 1) / BINS))
        count = int((high - low) // width) + 1
        whole: Floats = low + width * np.arange(count + 1)
        return whole
    if low == high:
        beside = np.nextafter(low, -np.inf if low > 0 else np.inf)  # the largest number has no next
        return np.sort([low, beside])
    part = _part(ends)
    return part * np.linspace(low / part, high / part, BINS + 1)


def _part(values: Floats) -> float:
    """By what numbers are divided before they are added up: sums of the largest would overflow."""
    return 4.0 if np.abs(values).max() > LARGE else 1.0


def counted(there: pa.Array, edges: Floats | None, before: list[int] | None) -> list[int]:
    """The counts with those of `there` added."""
    if edges is None:
        return []
    values = as_floats(there)
    found = np.histogram(values[np.isfinite(values)], edges)[0]
    old = before or [0] * len(found)
    return [int(one) + two for one, two in zip(found, old, strict=True)]


def as_floats(values: pa.Array) -> Floats:
    """Numbers for numbers, days for dates, microseconds for times."""
    if pa.types.is_date(values.type):
        values = values.cast(pa.int32())
    elif pa.types.is_timestamp(values.type):
        values = values.cast(pa.timestamp("us")).cast(pa.int64())
    found: Floats = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return found


def _exact(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, int | float) else int(value)


def _named(value: float, type_: str) -> Any:
    """A day or a time as ISO text. What is beyond the year 9999 has no name."""
    try:
        if type_ == "date":
            return (EPOCH + timedelta(days=value)).date().isoformat()
        if type_ == "datetime":
            return (EPOCH + timedelta(microseconds=int(value))).isoformat(sep=" ")
    except OverflowError:
        return None
    return _finite(value)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

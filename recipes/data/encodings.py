"""How one column becomes numbers. All of it is learned from the training rows; states are JSON.

Each encoding has `learn(values, handling, target)`, `blocks(values)` -> float64 [rows, outputs]
with NaN for what is missing, `outputs` (their names) and `state` (what `of` makes it from).
"""

from typing import Any, ClassVar, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recipes.data.table import NOTHING, State, Values, as_text
from recipes.data.words import Hashed, TfIdf
from recipes.engine.metrics import Floats, Ints

OTHER = "(other)"
REMEMBERED = 10_000  # categories beyond those with a column that are still told from unseen ones
LARGEST = float(np.finfo(np.float32).max)
DAY = 86_400
YEARS = 9999  # up to which, and down to minus which, a calendar tells the parts of a day


class Encoding(Protocol):
    """What each of them is."""

    state: State
    scaled: bool  # may be filled and scaled as numbers are
    unseen: int  # values met since it was made that were no category of the training rows

    @property
    def outputs(self) -> list[str]: ...
    def blocks(self, values: Values) -> Floats: ...


class Numeric:
    """A number, or 1 and 0."""

    scaled = True
    unseen = 0

    def __init__(self, state: State) -> None:
        self.state = state

    @classmethod
    def learn(cls, values: Values, handling: State, target: Floats) -> "Numeric":
        return cls({})

    @property
    def outputs(self) -> list[str]:
        return [""]

    def blocks(self, values: Values) -> Floats:
        return _floats(values)[:, None]


UNITS = {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}  # of a time, in a second


class Moments(Numeric):
    """A date as numbers that a model can use."""

    PARTS: ClassVar = {
        "year": pc.year,
        "month": pc.month,
        "day": pc.day,
        "weekday": pc.day_of_week,
        "hour": pc.hour,
    }

    @property
    def outputs(self) -> list[str]:
        return [*self.PARTS, "days"]

    def blocks(self, values: Values) -> Floats:
        # Seconds: in microseconds a date in the year 300000 does not fit.
        whole = values.cast(pa.timestamp("s"), safe=False)
        known = pc.less_equal(pc.abs(whole.cast(pa.int64())), YEARS * 365 * DAY)
        exact = values if pa.types.is_timestamp(values.type) else whole
        a_day = DAY * UNITS[exact.type.unit]
        moment = pc.if_else(known, exact, None)
        parts = [_floats(part(moment)) for part in self.PARTS.values()]
        return np.stack([*parts, _floats(exact.cast(pa.int64())) / a_day], 1)


class Categories:
    """Known categories, the most frequent first, then one for missing and one for the rest."""

    scaled = False

    def __init__(self, state: State) -> None:
        self.state = state
        self.unseen = 0
        self._known = pa.array(state["categories"], pa.string())
        self._rare = pa.array(state.get("rare", []), pa.string())

    @classmethod
    def learn(cls, values: Values, handling: State, target: Floats) -> "Categories":
        text = _filled(values, handling)
        counted = pc.value_counts(text.drop_null())
        pairs = zip(
            counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True
        )
        ordered = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
        kept = [name for name, _ in ordered[: handling["max_categories"]]]
        made = cls(
            {
                "categories": kept,
                "missing": handling["missing"],
                "constant": handling["constant"],
                "other": len(ordered) > len(kept),
                "rare": [name for name, _ in ordered[len(kept) :][:REMEMBERED]],
            }
        )
        made._learn(made.codes(values), target)
        made.unseen = 0
        return made

    def _learn(self, codes: Ints, target: Floats) -> None:
        """What an encoding needs beside the categories."""

    @property
    def names(self) -> list[str]:
        made = list(self.state["categories"])
        for name, there in (
            (NOTHING, self.state["missing"] == "as_category"),
            (OTHER, self.state["other"]),
        ):
            if there:
                made.append(_free(name, made))
        return made

    @property
    def outputs(self) -> list[str]:
        return self.names

    def codes(self, values: Values) -> Ints:
        """A place among `names` a row; -1 is unseen, -2 missing where that is no category.

        Of a column with more than REMEMBERED rare categories nobody can tell what is unseen.
        """
        text = _filled(values, self.state)
        found = pc.index_in(text, value_set=self._known).fill_null(-1)
        codes = np.array(found.to_numpy(), np.int64)
        missing = np.asarray(text.is_null().to_numpy(), bool)
        strange = (codes < 0) & ~missing
        if len(self._rare) < REMEMBERED:
            rare = np.asarray(pc.is_in(text, value_set=self._rare).to_numpy(), bool)
            self.unseen += int((strange & ~rare).sum())
        codes[strange] = len(self.names) - 1 if self.state["other"] else -1
        own = self.state["missing"] == "as_category"
        codes[missing] = len(self.state["categories"]) if own else -2
        return codes

    def blocks(self, values: Values) -> Floats:
        made = np.empty((len(values), len(self.names)))
        self.mark(values, made)
        return made

    def mark(self, values: Values, out: np.ndarray[Any, Any]) -> None:
        """The same into a part of a matrix that is there, whatever its precision."""
        codes = self.codes(values)
        out[:] = 0
        there = np.flatnonzero(codes >= 0)
        out[there, codes[there]] = 1


class Ordinal(Categories):
    """The rank of the category by its frequency; -1 is unseen."""

    scaled = True

    @property
    def outputs(self) -> list[str]:
        return ["rank"]

    def blocks(self, values: Values) -> Floats:
        codes = self.codes(values).astype(np.float64)
        return np.where(codes == -2, np.nan, codes)[:, None]


class Table(Categories):
    """One row of numbers a category: `values`, and `else` for what is unseen or missing."""

    scaled = True

    @property
    def outputs(self) -> list[str]:
        return [self.TITLE + suffix for suffix in self.state["suffixes"]]

    TITLE = ""

    def blocks(self, values: Values) -> Floats:
        table = np.array([*self.state["values"], self.state["else"]], np.float64)
        codes = self.codes(values)
        found: Floats = table[np.where(codes < 0, len(table) - 1, codes)]
        return found


class Frequency(Table):
    """The share of the training rows that have the value."""

    TITLE = "frequency"

    def _learn(self, codes: Ints, target: Floats) -> None:
        counts = np.bincount(codes[codes >= 0], minlength=len(self.names))
        shares = counts / max(1, len(codes))
        self.state |= {"values": shares[:, None].tolist(), "else": [0.0], "suffixes": [""]}


class Means(Table):
    """The mean of the target in the category, drawn towards the mean of all by SMOOTH rows."""

    TITLE = "target"
    SMOOTH = 10.0

    def _learn(self, codes: Ints, target: Floats) -> None:
        prior = target.mean(0) if len(target) else np.zeros(target.shape[1])
        sums = np.zeros((len(self.names), target.shape[1]))
        there = codes >= 0
        np.add.at(sums, codes[there], target[there])
        counts = np.bincount(codes[there], minlength=len(self.names))[:, None]
        means = (sums + self.SMOOTH * prior) / (counts + self.SMOOTH)
        suffixes = [""] if target.shape[1] == 1 else [f" {k}" for k in range(target.shape[1])]
        self.state |= {
            "values": means.tolist(),
            "else": prior.tolist(),
            "suffixes": suffixes,
        }


KNOWN: dict[str, Any] = {  # by type of handling, or by its encoding
    "numeric": Numeric,
    "boolean": Numeric,
    "datetime": Moments,
    "onehot": Categories,
    "ordinal": Ordinal,
    "target": Means,
    "frequency": Frequency,
    "hash": Hashed,
    "tfidf": TfIdf,
}


def name_of(handling: State) -> str:
    """The key in KNOWN."""
    kind = str(handling["type"])
    return str(handling["encoding"]) if kind in ("category", "text") else kind


def _free(name: str, taken: list[str]) -> str:
    """A value may itself be called "(other)"."""
    while name in taken:
        name += "*"
    return name


def _filled(values: Values, handling: State) -> Values:
    """As text, a missing one as the constant where that stands in for it."""
    text = as_text(values)
    constant = handling["missing"] == "impute_constant"
    return text.fill_null(handling["constant"]) if constant else text


def _floats(values: Values) -> Floats:
    """NaN is missing, and so is what is infinite. What float32 cannot hold is its largest."""
    numbers = np.array(values.cast(pa.float64(), safe=False).to_numpy(), np.float64)
    numbers[~np.isfinite(numbers)] = np.nan
    return np.clip(numbers, -LARGEST, LARGEST)

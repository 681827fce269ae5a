"""The encoder of a table: columns in, one matrix of numbers out, as the training rows taught it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from recipes.data.encodings import KNOWN, LARGEST, Categories, Encoding, Means, Ordinal, name_of
from recipes.engine.metrics import Floats, Ints

Matrix = np.ndarray[Any, np.dtype[np.float32]]
Handling = dict[str, Any]
FLAT = 1e-12  # a spread smaller than this share of the values is the error of adding them up
FOLDS = 5  # in which training rows get the target mean of the other rows


@dataclass(frozen=True)
class Scale:
    """What stands in for a missing number, and what is taken off and divided by. One an output."""

    fill: list[float | None]  # None: NaN stays
    shift: list[float]
    factor: list[float]

    def apply(self, block: Floats) -> Floats:
        for place, fill in enumerate(self.fill):
            if fill is not None:
                column = block[:, place]
                column[np.isnan(column)] = fill
        scaled: Floats = (block - np.array(self.shift)) / np.array(self.factor)
        return scaled


@dataclass(frozen=True)
class Encoded:
    """One input column: how it is handled, what it learned, and where its outputs stand."""

    name: str
    handling: Handling
    encoding: Encoding
    scale: Scale | None
    start: int

    @property
    def outputs(self) -> list[str]:
        return [f"{self.name}: {one}" if one else self.name for one in self.encoding.outputs]

    @property
    def place(self) -> slice:
        return slice(self.start, self.start + len(self.encoding.outputs))

    def write(self, values: pa.ChunkedArray, out: Matrix) -> None:
        """Into its place of a matrix. One column a category is mostly zeros: marked at once."""
        if type(self.encoding) is Categories:
            self.encoding.mark(values, out)
        else:
            out[:] = _narrow(self.block(values))

    def block(self, values: pa.ChunkedArray) -> Floats:
        made = self.encoding.blocks(values)
        return self.scale.apply(made) if self.scale else made


class Encoder:
    """All input columns, in the order of the table."""

    def __init__(self, columns: Sequence[Encoded]) -> None:
        self.columns = list(columns)

    @property
    def outputs(self) -> list[str]:
        return [name for one in self.columns for name in one.outputs]

    @property
    def ranks(self) -> dict[int, int]:
        """Of outputs that are categories' ranks, by their places: how many there are."""
        return {
            one.start: len(one.encoding.names)
            for one in self.columns
            if isinstance(one.encoding, Ordinal) and one.handling["scaling"] == "none"
        }

    @property
    def dropping(self) -> list[str]:
        """Columns whose missing values make a row drop out."""
        return [one.name for one in self.columns if one.handling["missing"] == "drop_rows"]

    def transform(self, table: pa.Table) -> Matrix:
        """float32 [rows, outputs]; NaN only where the algorithm takes it."""
        made = np.empty((len(table), len(self.outputs)), np.float32)
        for one in self.columns:
            one.write(table.column(one.name), made[:, one.place])
        return made

    def unseen(self) -> dict[str, int]:
        """Values that were no category of the training rows, since the encoder was made."""
        return {one.name: one.encoding.unseen for one in self.columns if one.encoding.unseen}

    def state(self) -> list[dict[str, Any]]:
        """What `of` makes the same encoder from."""
        return [
            {
                "name": one.name,
                "handling": one.handling,
                "learned": one.encoding.state,
                "scale": one.scale and [one.scale.fill, one.scale.shift, one.scale.factor],
            }
            for one in self.columns
        ]

    @classmethod
    def of(cls, state: list[dict[str, Any]]) -> "Encoder":
        columns: list[Encoded] = []
        start = 0
        for one in state:
            encoding = KNOWN[name_of(one["handling"])](one["learned"])
            scale = Scale(*one["scale"]) if one["scale"] else None
            columns.append(Encoded(one["name"], one["handling"], encoding, scale, start))
            start += len(encoding.outputs)
        return cls(columns)


def learn(
    table: pa.Table, features: dict[str, Handling], target: Floats, *, seed: int
) -> tuple[Encoder, Matrix]:
    """The encoder of these training rows, and their matrix.

    `target` is [rows, 1], or [rows, classes] of 1 and 0. A training row's own target has no part
    in its target means: else the model would learn to read it there.
    """
    names, empty = table.column_names, np.empty((len(table), 0), np.float32)
    encoder, blocks = _learn(names, table.column, features, target, seed, whole=True)
    return encoder, np.concatenate([empty, *blocks.values()], 1)


def learn_by_column(
    names: list[str],
    values: Callable[[str], pa.ChunkedArray],
    features: dict[str, Handling],
    target: Floats,
    *,
    seed: int,
) -> "tuple[Encoder, dict[int, Matrix]]":
    """The same encoder with no more than one column at a time, of which `values` gives the rows.

    With it what the training rows have in place of what the encoder would make of them, their
    target means: by the place of the first output.
    """
    return _learn(names, values, features, target, seed, whole=False)


def _learn(
    names: list[str],
    column: Callable[[str], pa.ChunkedArray],
    features: dict[str, Handling],
    target: Floats,
    seed: int,
    *,
    whole: bool,
) -> "tuple[Encoder, dict[int, Matrix]]":
    """`whole`: the training rows' own numbers of all columns are wanted."""
    columns: list[Encoded] = []
    own: dict[int, Matrix] = {}
    start = 0
    for name in (one for one in names if one in features and features[one]["role"] == "input"):
        handling, values = features[name], column(name)
        encoding: Encoding = KNOWN[name_of(handling)].learn(values, handling, target)
        crossed = isinstance(encoding, Means)
        scale = None
        if whole or encoding.scaled:
            block = _cross(values, handling, target, seed) if crossed else encoding.blocks(values)
            scale = _scale(block, handling) if encoding.scaled else None
            if whole or crossed:
                own[start] = _narrow(scale.apply(block) if scale else block)
        columns.append(Encoded(name, handling, encoding, scale, start))
        encoding.unseen = 0
        start += len(encoding.outputs)
    return Encoder(columns), own


def _narrow(block: Floats) -> Matrix:
    """Finite stays finite: what float32 cannot hold becomes the largest that it can."""
    return np.clip(block, -LARGEST, LARGEST).astype(np.float32)


def _cross(values: pa.ChunkedArray, handling: Handling, target: Floats, seed: int) -> Floats:
    """Target means of each row from the other folds."""
    fold: Ints = np.random.default_rng(seed).integers(0, FOLDS, len(values))
    made = np.empty((len(values), target.shape[1]))
    for one in range(FOLDS):
        inside, outside = np.flatnonzero(fold == one), np.flatnonzero(fold != one)
        means = Means.learn(values.take(pa.array(outside)), handling, target[outside])
        made[inside] = means.blocks(values.take(pa.array(inside)))
    return made


def _scale(block: Floats, handling: Handling) -> Scale:
    made = [_one_scale(block[:, place], handling) for place in range(block.shape[1])]
    return Scale([one[0] for one in made], [one[1] for one in made], [one[2] for one in made])


def _one_scale(column: Floats, handling: Handling) -> tuple[float | None, float, float]:
    there = column[~np.isnan(column)]
    if not len(there):
        there = np.zeros(1)
    fills: dict[str, float | None] = {
        "impute_mean": float(there.mean()),
        "impute_median": float(np.median(there)),
        "as_category": float(np.median(there)),
    }
    fill = fills.get(handling["missing"])
    if handling["missing"] == "impute_constant" and handling["type"] != "category":
        fill = float(handling["constant"])
    if handling["type"] == "category":
        fill = fill if fill is not None else -1.0
    if handling["scaling"] == "standard":
        return fill, float(there.mean()), _width(float(there.std()), there)
    if handling["scaling"] == "minmax":
        return fill, float(there.min()), _width(float(there.max() - there.min()), there)
    return fill, 0.0, 1.0


def _width(spread: float, values: Floats) -> float:
    """What is divided by: 1 where the values are the same but for rounding."""
    return spread if spread > FLAT * float(np.abs(values).max()) else 1.0

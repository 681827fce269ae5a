"""What the model looks at: importance of its columns, and how the prediction moves with them."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recipes.data.encode import Encoded, Matrix
from recipes.engine.metrics import Floats, Ints
from recipes.engine.tabular.model import Model
from recipes.engine.tabular.rows import Ready
from recipes.engine.tabular.seen import plain

PREDICTED = 400_000  # rows, over all columns that are shuffled
MOST_ROWS, LEAST_ROWS, REPEATS = 2000, 100, 2
SHOWN, POINTS, PARTIAL_ROWS = 60, 20, 300
SECONDS = 60.0  # that shuffling may take, about: neighbours and vectors predict slowly
SHUFFLED = 500  # columns; of more, those that the model itself finds most important
FIRST, PARTIAL = 10, 60  # columns with a dependence: whatever it takes, and at most
MEANS = 2000  # of all these columns at one of their values: a mean a class, so fewer of many


@dataclass(frozen=True)
class Sample:
    """Some rows that the model did not learn from: inputs, encoded inputs and truth."""

    table: pa.Table
    matrix: Matrix
    target: Floats


class Dependence(NamedTuple):
    """An entry a column, and how many columns have none: by `text`, `empty`, `slow` or `many`
    (docs/jobs.md)."""

    columns: list[dict[str, Any]]
    left_out: dict[str, int]


def sampled(model: Model, ready: Ready, rows: Ints, seed: int) -> Sample:
    """Of these rows as many as the columns, and the pace of the model, leave time for."""
    columns = max(1, min(SHUFFLED, len(model.encoder.columns)))
    most = int(np.clip(PREDICTED // (columns * REPEATS), LEAST_ROWS, MOST_ROWS))
    rows = rows[np.random.default_rng(seed).permutation(len(rows))[:most]]
    chosen = ready.take(rows)
    matrix = model.encoder.transform(chosen)
    began = time.monotonic()
    model.learner.predict(matrix)
    fits = SECONDS / max(1e-9, (time.monotonic() - began) * columns * REPEATS)
    kept = slice(0, max(min(LEAST_ROWS, len(rows)), int(len(rows) * min(1.0, fits))))
    return Sample(chosen[kept], matrix[kept], ready.target[rows[kept]])


def importance(
    model: Model, sample: Sample, seed: int, told: Callable[[float], None] = lambda part: None
) -> dict[str, Any]:
    """`model`: what it says of itself, or null; `permutation`: what it loses without a column.

    `told` hears after each column how large a part is made.
    """
    own = _own(model)
    columns = model.encoder.columns
    if own is not None and len(columns) > SHUFFLED:
        order = np.argsort(-own[1], kind="stable")[:SHUFFLED]
        columns = [columns[place] for place in np.sort(order).tolist()]
    rng = np.random.default_rng(seed)
    before = _error(model, sample.matrix, sample.target)
    lost = []
    for one in columns[:SHUFFLED]:
        after = [_shuffled(model, sample, one, rng) for _ in range(REPEATS)]
        lost.append(float(np.mean(after)) - before)
        told(len(lost) / min(len(columns), SHUFFLED))
    what = "How much the error on rows it has not seen grows when the column's values are shuffled"
    names = [one.name for one in columns[:SHUFFLED]]
    return {
        "model": own and ranked(own[0], [one.name for one in model.encoder.columns], own[1]),
        "permutation": ranked(what, names, np.maximum(0, lost)),
    }


def partial(
    model: Model,
    sample: Sample,
    names: list[str],
    spare: float,
    classes: int = 1,
    told: Callable[[float], None] = lambda part: None,
) -> Dependence:
    """For these columns: the mean prediction at each of some values.

    Those after the first few may take `spare` seconds together, about.
    """
    known = {one.name: one for one in model.encoder.columns}
    most = int(np.clip(MEANS // max(1, classes), FIRST, PARTIAL))
    shown, few = names[:most], sample.matrix[:PARTIAL_ROWS]
    left = Counter(many=len(known) - len(shown))
    made = []
    began, first = time.monotonic(), 0.0
    for place, one in enumerate(known[name] for name in shown):
        passed = time.monotonic() - began
        first = passed if place <= FIRST else first
        if place >= FIRST and passed * (place + 1) / place - first > spare:
            left["slow"] = len(shown) - place
            break
        told(place / len(shown))
        values = _values(sample.table.column(one.name), one)
        if values is None:
            left["text" if one.handling["type"] == "text" else "empty"] += 1
            continue
        points = _points(model, few, one, values)
        made.append({"name": one.name, "type": one.handling["type"], "points": points})
    return Dependence(made, {why: count for why, count in left.items() if count})


def _own(model: Model) -> tuple[str, Floats] | None:
    """The learner's figures, summed over the outputs of each column."""
    found = model.learner.importance()
    if found is None:
        return None
    sums = [float(found[1][one.place].sum()) for one in model.encoder.columns]
    return found[0], np.array(sums)


def _shuffled(model: Model, sample: Sample, one: Encoded, rng: np.random.Generator) -> float:
    """The error when the column's values stand at other rows."""
    matrix = sample.matrix.copy()
    matrix[:, one.place] = matrix[rng.permutation(len(matrix)), one.place]
    return _error(model, matrix, sample.target)


def _error(model: Model, matrix: Matrix, target: Floats) -> float:
    """The square root of the mean squared error: of a value, or of the probabilities.

    Not the log loss: a few rows to whose class a forest gives a probability of 0 would outweigh
    all others, and its most important columns seem to have no importance.
    """
    given = model.learner.predict(matrix)
    if given.ndim == 2:
        true = np.eye(given.shape[1])[target.astype(np.int64)]
        return float(np.sqrt(((given - true) ** 2).sum(1).mean()))
    return float(np.sqrt(((given - target) ** 2).mean()))


def ranked(what: str, names: list[str], values: Any) -> dict[str, Any]:
    """The largest first, each with its share of the whole."""
    total = float(np.sum(values)) or 1.0
    order = np.argsort(-np.asarray(values), kind="stable")[:SHOWN]
    columns = [
        {"name": names[place], "value": float(values[place]), "share": float(values[place]) / total}
        for place in order.tolist()
    ]
    return {"what": what, "columns": columns}


def _values(column: pa.ChunkedArray, one: Encoded) -> pa.Array | None:
    """Some values of the column, in order; None for words."""
    there = column.drop_null()
    if one.handling["type"] == "text" or not len(there):
        return None
    if one.handling["type"] in ("category", "boolean"):
        counted = pc.value_counts(there)
        order = np.argsort(-counted.field("counts").to_numpy(), kind="stable")[:POINTS]
        return counted.field("values").take(pa.array(order))
    ordered = there.combine_chunks().take(pc.sort_indices(there))
    places = np.unique(np.linspace(0, len(ordered) - 1, POINTS * 5).round().astype(int))
    distinct = pc.unique(ordered.take(pa.array(places)))
    kept = np.unique(np.linspace(0, len(distinct) - 1, POINTS).round().astype(int))
    return distinct.take(pa.array(kept))


def _points(model: Model, rows: Matrix, one: Encoded, values: pa.Array) -> list[dict[str, Any]]:
    """The mean prediction of the rows with each of the values in turn. As many values as fit are
    predicted together: a call costs more than its rows."""
    at_once, means = max(1, model.rows_at_once // max(1, len(rows))), []
    for start in range(0, len(values), at_once):
        block = one.block(pa.chunked_array([values.slice(start, at_once)]))
        matrix = np.tile(rows, (len(block), 1))
        matrix[:, one.place] = np.repeat(block, len(rows), 0)
        given = model.learner.predict(matrix)
        means += given.reshape(len(block), len(rows), *given.shape[1:]).mean(1).tolist()
    return [
        {"value": plain(value), "mean": mean}
        for value, mean in zip(values.to_pylist(), means, strict=True)
    ]

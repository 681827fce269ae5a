"""How good a model is on parts of the judged rows: the categories of a column, or its ranges."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recipes.data import places
from recipes.data import table as source
from recipes.data.listing import BadData
from recipes.engine.metrics import Floats, Ints
from recipes.engine.tabular import figures
from recipes.engine.tabular.seen import plain

Json = dict[str, Any]
GROUPS, RANGES = 20, 8
MISSING, REST = "missing", "rest"


def compare(bundle: Path, about: Json, folder: Path, column: str) -> list[Json]:
    """The whole and each group: {"kind", "name", "from", "to", "rows", "metrics", "true",
    "predicted"}. `true` and `predicted` are means: of the target, or the second class's share.
    """
    judged = pq.read_table(bundle / "predictions.parquet")
    numbers = judged.column("number").to_numpy()
    values = _column(folder, column, numbers)
    true, given = _judged(judged, about["classes"])
    groups = [({"kind": "whole", "name": ""}, np.arange(len(true))), *parts(values)]
    return [
        {**label, "rows": len(rows), **_figures(about, true[rows], given[rows])}
        for label, rows in groups
    ]


def parts(values: pa.ChunkedArray) -> list[tuple[Json, Ints]]:
    """What each group is, and the places of its rows: ranges of numbers, else values."""
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_finite(values), values, pa.scalar(None, values.type))
    if pa.types.is_null(values.type):  # a column without any value
        return [({"kind": MISSING, "name": ""}, np.arange(len(values)))]
    missing = np.asarray(values.is_null().to_numpy(zero_copy_only=False), bool)
    there = np.flatnonzero(~missing)
    known = values.take(pa.array(there)).combine_chunks()
    wordy = pa.types.is_string(known.type) or pa.types.is_boolean(known.type)
    few = pc.count_distinct(known).as_py() <= GROUPS
    found = _categories(known) if wordy or few else _ranges(known)
    made = [(label, there[rows]) for label, rows in found]
    if missing.any():
        made.append(({"kind": MISSING, "name": ""}, np.flatnonzero(missing)))
    return made


def _categories(known: pa.Array) -> list[tuple[Json, Ints]]:
    """The most frequent first; numbers in their order."""
    encoded = known.dictionary_encode()
    codes = encoded.indices.to_numpy()
    names = [plain(one) for one in encoded.dictionary.to_pylist()]
    counts = np.bincount(codes, minlength=len(names))
    order = np.argsort(-counts, kind="stable")[:GROUPS].tolist()
    if names and not isinstance(names[0], str):
        order = sorted(order, key=lambda place: names[place])
    made: list[tuple[Json, Ints]] = [
        ({"kind": "value", "name": names[place]}, np.flatnonzero(codes == place)) for place in order
    ]
    rest = np.flatnonzero(~np.isin(codes, order))
    if len(rest):
        made.append(({"kind": REST, "name": len(names) - len(order)}, rest))
    return made


def _ranges(known: pa.Array) -> list[tuple[Json, Ints]]:
    """About as many rows in each; equal values stay together."""
    ranks = pc.rank(known, tiebreaker="min").to_numpy().astype(np.int64) - 1
    place = ranks * RANGES // max(1, len(ranks))
    made: list[tuple[Json, Ints]] = []
    for one in np.unique(place):
        rows = np.flatnonzero(place == one)
        ends = pc.min_max(known.take(pa.array(rows))).as_py()
        label = {"kind": "range", "name": "", "from": plain(ends["min"]), "to": plain(ends["max"])}
        made.append((label, rows))
    return made


def _column(folder: Path, column: str, numbers: Ints) -> pa.ChunkedArray:
    file = source.opened(folder)
    if column not in file.schema_arrow.names:
        raise BadData(f"The dataset has no column {column!r}.")
    if len(numbers) and int(numbers.max()) >= file.metadata.num_rows:
        raise BadData("The dataset has fewer rows than when the model was trained.")
    return places.taken(file, [column], numbers).column(0)


def _judged(judged: pa.Table, classes: list[str]) -> tuple[Floats, Floats]:
    if not classes:
        true, given = (judged.column(one).to_numpy() for one in ("true", "prediction"))
        return np.asarray(true, np.float64), np.asarray(given, np.float64)
    codes = pc.index_in(judged.column("true"), value_set=pa.array(classes)).to_numpy()
    probas = [judged.column(f"proba_{name}").to_numpy() for name in classes]
    return codes.astype(np.float64), np.stack(probas, 1)


def _figures(about: Json, true: Floats, given: Floats) -> Json:
    metrics = figures.judge(about["task"], true, given, about["threshold"])
    if about["task"] == "multiclass":
        return {"metrics": metrics, "true": None, "predicted": None}
    said = given
    if about["task"] == "two_class":
        threshold = about["threshold"]
        said = (given[:, 1] >= (0.5 if threshold is None else threshold)).astype(np.float64)
    return {"metrics": metrics, "true": float(true.mean()), "predicted": float(said.mean())}

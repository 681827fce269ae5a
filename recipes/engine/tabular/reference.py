"""What a model of a table learned from, as far as a later evaluation compares with it.

`reference.parquet` of a bundle holds a fair sample of the training rows: their inputs as they stood
in the table, of free text its length alone, of other texts the beginning.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recipes.data.table import as_text
from recipes.engine import drifted
from recipes.engine.metrics import Floats, Ints

Json = dict[str, Any]
FILE = "reference.parquet"
ROWS, FEWEST, CELLS = 10_000, 500, 2_000_000
TOLD_APART = 3_000  # rows of each side that the classifier of the drift learns from
LONGEST = 200  # characters of a text
WIDEST = 300  # columns up to which there is one


def rows_for(columns: int) -> int:
    """How many rows a sample of so many columns has at most."""
    return max(FEWEST, min(ROWS, CELLS // max(1, columns)))


def sample(table: pa.Table, rows: Ints, features: dict[str, Json], seed: int) -> pa.Table:
    """Of these rows of the training, what the bundle keeps."""
    inputs = [name for name in table.column_names if features[name]["role"] == "input"]
    most = rows_for(len(inputs))
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    return condensed(table.select(inputs).take(pa.array(rows)), features)


def condensed(table: pa.Table, features: dict[str, Json]) -> pa.Table:
    """Free text as its length in characters, other texts cut; all else as it stands."""
    names, columns = table.column_names, table.columns
    kinds = [str(features[name]["type"]) for name in names]
    made = [_condensed(one, kind) for one, kind in zip(columns, kinds, strict=True)]
    return pa.table(dict(zip(names, made, strict=True)))


def _condensed(column: pa.ChunkedArray, kind: str) -> pa.ChunkedArray:
    if kind == "text":
        return pc.utf8_length(as_text(column)).cast(pa.int64())
    if pa.types.is_string(column.type):
        return pc.utf8_slice_codeunits(column, 0, LONGEST)
    return column


def read(bundle: Path) -> pa.Table | None:
    """None in a bundle that was made before there was a reference."""
    return pq.read_table(bundle / FILE) if (bundle / FILE).is_file() else None


def compared(before: pa.Table, now: pa.Table, features: dict[str, Json]) -> Json:
    """The drift of each column and of all together (docs/jobs.md, An evaluation)."""
    names = [name for name in before.column_names if name in now.column_names]
    kinds = {name: str(features[name]["type"]) for name in names}
    columns = [
        {"name": name, "kind": kinds[name]} | found
        for name in names
        if (found := _compared(before.column(name), now.column(name), kinds[name]))
    ]
    return {
        "rows": [len(before), len(now)],
        "columns": drifted.ranked(columns),
        "classifier": _classified(before, now, names, kinds) if len(names) <= WIDEST else None,
    }


def _compared(before: pa.ChunkedArray, now: pa.ChunkedArray, kind: str) -> Json:
    if kind in ("category", "boolean"):
        return drifted.categories(as_text(before).to_pylist(), as_text(now).to_pylist())
    return drifted.numbers(_floats(before), _floats(now))


def _floats(column: pa.ChunkedArray) -> Floats:
    """Numbers with NaN for what is missing or infinite; times are seconds since 1970."""
    kind = column.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("s"), safe=False).cast(pa.int64())
    elif pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    made: Floats = column.cast(pa.float64(), safe=False).to_numpy().astype(np.float64)
    made[~np.isfinite(made)] = np.nan
    return made


def _classified(
    before: pa.Table, now: pa.Table, names: list[str], kinds: dict[str, str]
) -> Json | None:
    """A category is the number of its place among the reference's, the most frequent first."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 - slow to import

    sides = [_few(before), _few(now)]
    matrices = [np.empty((len(one), len(names))) for one in sides]
    for place, name in enumerate(names):
        columns = [one.column(name) for one in sides]
        if kinds[name] in ("category", "boolean"):
            known = pc.value_counts(as_text(columns[0]).drop_null())
            order = np.argsort(-known.field("counts").to_numpy(), kind="stable")
            listed = known.field("values").take(pa.array(order))
            columns = [pc.index_in(as_text(one), value_set=listed) for one in columns]
        for matrix, column in zip(matrices, columns, strict=True):
            matrix[:, place] = _floats(column)
    return drifted.apart(
        matrices[0],
        matrices[1],
        lambda: HistGradientBoostingClassifier(max_iter=30, max_depth=4, random_state=0),
    )


def _few(table: pa.Table) -> pa.Table:
    if len(table) <= TOLD_APART:
        return table
    places = np.sort(np.random.default_rng(1).choice(len(table), TOLD_APART, replace=False))
    return table.take(pa.array(places))

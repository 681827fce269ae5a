"""What the training rows held, column by column: what a made-up row may hold. `seen.json`."""

import datetime
import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recipes.data.encode import Encoded
from recipes.data.listing import BadData
from recipes.engine.tabular.model import Model
from recipes.whatif import Row, Seen, moment

FILE = "seen.json"
ROWS = 50_000  # that are looked at
KNOWN, STEPS, CUT = 100, 21, 400
TYPES = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us"),
}


def of(table: pa.Table, model: Model, types: dict[str, str]) -> list[Seen]:
    """Of training rows. `types` are those of columns.json."""
    return [_one(table.column(one.name), one, types[one.name]) for one in model.encoder.columns]


def read(bundle: Path) -> list[Seen]:
    """Raises BadData for a bundle without it."""
    try:
        found: list[Seen] = json.loads((bundle / FILE).read_text())
    except FileNotFoundError:
        raise BadData("The model was trained before there was a what-if: train it again.") from None
    return found


def table_of(rows: list[Row], columns: list[Seen]) -> pa.Table:
    """Rows that `recipes.whatif.cleaned` made, as the model takes them."""
    made = {}
    for one in columns:
        values = [row[one["name"]] for row in rows]
        if one["type"] in ("date", "datetime"):
            values = [None if v is None else moment(v, one["type"]) for v in values]
        made[one["name"]] = pa.array(values, TYPES[one["type"]])
    return pa.table(made)


def plain(value: Any) -> Any:
    """A value of a table as JSON has it; what is no number is missing."""
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | bool | int | float | None) else str(value)


def _one(column: pa.ChunkedArray, one: Encoded, kind: str) -> Seen:
    there = column.drop_null()
    if pa.types.is_floating(there.type):
        there = there.filter(pc.is_finite(there))
    handled = one.handling["type"]
    made: Seen = {
        "name": one.name,
        "type": kind,
        "handled": handled,
        "missing": len(there) < len(column),
        "may_miss": one.handling["missing"] != "drop_rows",
        "usual": None,
        "steps": [],
        "known": [],
        "whole": False,
    }
    if not len(there) or handled == "text":
        return made
    if handled in ("category", "boolean"):
        return made | _categories(there, len(column) - len(there) if made["may_miss"] else 0)
    steps = _steps(there)
    return made | {"steps": steps, "usual": steps[len(steps) // 2]}


def _categories(there: pa.ChunkedArray, missing: int) -> Seen:
    """`missing` rows lack it: more than any category has, and having none is the usual."""
    counted = pc.value_counts(there)
    counts, values = counted.field("counts").to_numpy(), counted.field("values")
    order = np.argsort(-counts, kind="stable")[:KNOWN]
    known = [plain(one) for one in values.take(pa.array(order)).to_pylist()]
    kept = [one for one in known if not isinstance(one, str) or len(one) <= CUT]
    none = missing > counts.max() or known[0] not in kept
    return {"known": kept, "whole": len(kept) == len(counts), "usual": None if none else known[0]}


def _steps(there: pa.ChunkedArray) -> list[Any]:
    """Real values from the smallest to the largest, as many rows between each two."""
    flat = there.combine_chunks()
    ordered = flat.take(pc.sort_indices(flat))
    places = np.linspace(0, len(ordered) - 1, STEPS).round().astype(int)
    return [plain(one) for one in ordered.take(pa.array(places)).to_pylist()]

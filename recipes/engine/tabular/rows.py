"""The rows of a training: read once, without those that cannot take part, and split."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from recipes.data import table as source
from recipes.data.listing import BadData
from recipes.data.row_split import RowParts, split_rows
from recipes.data.table import Target
from recipes.engine.memory import OutOfMemory
from recipes.engine.metrics import Floats, Ints
from recipes.engine.tabular.design import TableDesign
from recipes.engine.tabular.model import complete

GIB = 1 << 30
COPIES = 3  # of the matrix that stand in memory at once, in the worst case


@dataclass(frozen=True)
class Ready:
    """Inputs, truth and weights, row by row. `numbers` are the rows' places in the dataset."""

    table: pa.Table
    target: Floats
    weights: Floats | None
    numbers: Ints
    classes: list[str]
    parts: RowParts
    notes: list[str]

    def take(self, rows: Ints) -> pa.Table:
        return self.table.take(pa.array(rows))


def read(design: TableDesign) -> Ready:
    """Raises BadData, or OutOfMemory where the encoded table would not fit."""
    file = source.opened(design.dataset)
    names = {*design.inputs, design.target, design.weight, design.time} - {""}
    gone = sorted(names - set(file.schema_arrow.names))
    if gone:
        raise BadData(f"The table lacks the column {gone[0]!r} that its columns.json names.")
    _fits(design, file.metadata.num_rows)
    whole = file.read(columns=[one for one in file.schema_arrow.names if one in names])
    kept, notes = np.arange(len(whole)), []
    there = complete(whole, [n for n in design.inputs if _drops(design, n)]).to_numpy(False)
    if not there.all():
        kept = kept[there]
        notes.append(f"{int((~there).sum()):,} rows are dropped: a value is missing there.")
    target = _target(whole.column(design.target).take(pa.array(kept)), design)
    kept = kept[target.keep]
    table = whole.take(pa.array(kept))
    time = _order(table.column(design.time), design) if design.time else None
    parts = split_rows(target.values, design.split, classes=len(target.classes), time=time)
    return Ready(
        table=table.select(design.inputs),
        target=target.values,
        weights=_weights(table, target, design),
        numbers=kept,
        classes=target.classes,
        parts=parts,
        notes=[*notes, *target.notes, *parts.notes],
    )


def _drops(design: TableDesign, name: str) -> bool:
    return bool(design.features[name]["missing"] == "drop_rows")


def _target(column: pa.ChunkedArray, design: TableDesign) -> Target:
    if design.task.name == "regression":
        return source.numbers_of(column, design.target)
    return source.classes_of(column, design.target, design.task.name)


def _order(column: pa.ChunkedArray, design: TableDesign) -> Ints:
    """Numbers that stand in the order of time."""
    if column.null_count:
        raise BadData(
            f"The time {design.time!r} is missing in {column.null_count:,} rows, so they have no "
            "place in the order. Fill them, or split at random."
        )
    if pa.types.is_string(column.type) or pa.types.is_boolean(column.type):
        raise BadData(
            f"The time {design.time!r} holds {column.type}. A date, a date and time or a number "
            "orders rows: correct its type in the dataset."
        )
    found: Ints = np.argsort(np.argsort(column.to_numpy(), kind="stable"), kind="stable")
    return found


def _weights(table: pa.Table, target: Target, design: TableDesign) -> Floats | None:
    """The column's weights, times what makes all classes count the same."""
    weights: Floats | None = None
    if design.weight:
        weights = source.weights_of(table.column(design.weight), design.weight)
        if not weights.sum():
            raise BadData(f"All weights in {design.weight!r} are 0.")
    if design.rebalance and target.classes:
        counts = np.maximum(1, np.bincount(target.labels, minlength=len(target.classes)))
        balanced = (len(target.values) / (len(counts) * counts))[target.labels]
        weights = balanced if weights is None else weights * balanced
    return weights


def _fits(design: TableDesign, rows: int) -> None:
    """Refuse what would be killed for its memory half an hour later."""
    known = {one["name"]: one for one in design.columns}
    wide = sum(_width(design.features[name], known[name]["distinct"]) for name in design.inputs)
    need, free = rows * wide * 4 * COPIES, _free_memory()
    if need > free:
        raise OutOfMemory(
            f"Encoded, the table has {rows:,} rows and {wide:,} columns: it needs about "
            f"{need / GIB:.1f} GiB and the node has {free / GIB:.1f} free. Leave columns out, "
            "lower 'Most categories', or encode categories as rank, frequency or target mean."
        )


def _width(handling: dict[str, object], distinct: int | None) -> int:
    most = int(str(handling["max_categories"]))
    if handling["type"] == "text":
        return most
    if handling["type"] == "datetime":
        return 6
    if handling["type"] == "category" and handling["encoding"] in ("onehot", "hash"):
        return min(most, (distinct or most) + 1)
    return 1


def _free_memory() -> int:
    with open("/proc/meminfo") as told:
        lines = dict(line.split(":", 1) for line in told)
    return int(lines["MemAvailable"].split()[0]) * 1024

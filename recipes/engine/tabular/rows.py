"""The rows of a training: read once, without those that cannot take part, and split."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recipes import drift
from recipes.data import places
from recipes.data import table as source
from recipes.data.listing import BadData
from recipes.data.row_split import RowParts, split_rows
from recipes.data.table import Target
from recipes.engine.metrics import Floats, Ints
from recipes.engine.tabular import room, sampling, second, tested
from recipes.engine.tabular.design import TableDesign
from recipes.engine.tabular.gpu_room import Gpu
from recipes.engine.tabular.model import complete
from recipes.engine.tabular.sampling import Sample
from recipes.engine.tabular.tested import Asked, Tested
from recipes.tasks.task import MOST_CLASSES


@dataclass(frozen=True)
class Ready:
    """Inputs, truth and weights, row by row. `numbers` are the rows' places in the dataset, `time`
    is their order in time, where a column has that role.

    The rows of a second dataset stand behind the others and are not held: their columns may have
    other types that fit.
    """

    table: pa.Table
    target: Floats
    weights: Floats | None
    numbers: Ints
    classes: list[str]
    parts: RowParts
    notes: list[str]
    second: Tested | None = None
    time: Ints | None = None
    in_pages: bool = False  # encoded, the rows would need more memory than there is
    gpu_pages: int = 0  # bytes of the GPU for these pages; 0: they are learned on the CPU
    left_out: tuple[str, ...] = ()  # which rows of the table are not among these, and why
    sample: dict[str, Any] | None = None  # of a table's rows that are not all: sampling.py

    def column(self, name: str, rows: Ints) -> pa.ChunkedArray:
        """An input of these rows of the first dataset."""
        return self.table.column(name).take(pa.array(rows))

    def take(self, rows: Ints) -> pa.Table:
        """The inputs of these rows of the first dataset."""
        return self.table.take(pa.array(rows))

    def judging(self, part: str) -> Iterator[pa.Table]:
        """The inputs of a part's rows, in blocks where they are those of the second dataset."""
        if part == "test" and self.second is not None:
            return self.second.blocks()
        return iter([self.take(getattr(self.parts, part))])


def read(
    design: TableDesign, ranks: int = 1, *, from_disk: bool = False, gpu: Gpu | None = None
) -> Ready:
    """Raises BadData, or OutOfMemory where the encoded table of `ranks` on this machine would not
    fit here or on the `gpu`, and cannot be learned `from_disk`."""
    file = source.opened(design.dataset)
    names = {*design.inputs, design.target, design.weight, design.time} - {""}
    gone = sorted(names - set(file.schema_arrow.names))
    if gone:
        raise BadData(f"The table lacks the column {gone[0]!r} that its columns.json names.")
    testing = _opened(design)
    classes = _most_classes(design)
    fits = room.check(design, file, classes, ranks=ranks, from_disk=from_disk, gpu=gpu)
    sample = sampling.drawn(design, file)
    columns = [one for one in file.schema_arrow.names if one in names]
    table, kept, dropped = _whole(design, file, columns, sample)
    target = _target(table.column(design.target), design, sample)
    if len(target.keep) < len(kept):
        table, kept = table.take(pa.array(target.keep)), kept[target.keep]
    notes = [*sample.notes, *dropped, *_unmet(target, design, sample), *target.notes]
    time = _order(table.column(design.time), design) if design.time else None
    parts = split_rows(target.values, design.split, classes=len(target.classes), time=time)
    ready = Ready(
        table=table.select(design.inputs),
        target=target.values,
        weights=_weights(table, target, design, kept, parts),
        numbers=kept,
        classes=target.classes,
        parts=parts,
        notes=[*([fits.why] if fits.why else []), *notes, *parts.notes],
        time=time,
        in_pages=bool(fits.why),
        gpu_pages=fits.gpu,
        left_out=(*dropped, *target.notes),
        sample=sample.told(len(kept)),
    )
    most = room.judged(fits.left, len(target.classes), ranks)
    return _tested(ready, design, testing, most) if testing else ready


def _opened(design: TableDesign) -> pq.ParquetFile | None:
    """The second dataset, refused before the first is read."""
    if design.second is None:
        return None
    types = {one["name"]: one["type"] for one in design.columns}
    learned = {name: types[name] for name in [*design.inputs, design.target]}
    written = drift.written(design.features)
    if design.task.name != "regression":
        written.add(design.target)
    return second.opened(design.second, learned, written)


def _tested(ready: Ready, design: TableDesign, file: pq.ParquetFile, most: int) -> Ready:
    """With the rows of the second dataset as test part, at most so many."""
    if design.second is None:
        return ready
    asked = Asked(design.inputs, design.dropping, design.target, ready.classes)
    made = tested.read(design.second, file, asked, most)
    count, behind = len(ready.table), len(made.numbers)
    return replace(
        ready,
        target=np.concatenate([ready.target, made.target]),
        weights=None if ready.weights is None else np.append(ready.weights, np.ones(behind)),
        numbers=np.concatenate([ready.numbers, made.numbers]),
        parts=replace(ready.parts, test=np.arange(count, count + behind)),
        notes=[*ready.notes, *made.notes],
        second=made,
    )


def _whole(
    design: TableDesign, file: pq.ParquetFile, columns: list[str], sample: Sample
) -> tuple[pa.Table, Ints, list[str]]:
    """The rows that no gap drops, their places, and a note of those that are dropped."""
    kept, dropped = [np.empty(0, np.int64)], 0

    def parts() -> Iterator[pa.Table]:
        nonlocal dropped
        for rows, block in places.blocks(file, columns, sample.rows):
            there = complete(block, design.dropping).to_numpy(zero_copy_only=False)
            dropped += len(rows) - int(there.sum())
            kept.append(rows[there])
            yield block if there.all() else block.filter(pa.array(there))

    table = places.joined(file, columns, parts())
    some = "1 row is" if dropped == 1 else f"{dropped:,} rows are"
    notes = [f"{some} dropped: a value is missing there."] if dropped else []
    return table, np.concatenate(kept), notes


def _target(column: pa.ChunkedArray, design: TableDesign, sample: Sample) -> Target:
    try:
        return _truth(column, design)
    except BadData as wrong:
        if sample.rows is None:
            raise
        raise BadData(
            f"{wrong} That is so in the {len(column):,} rows to learn from: take more of them, or "
            "others, in Train / Test set."
        ) from None


def _unmet(target: Target, design: TableDesign, sample: Sample) -> list[str]:
    """That the sample lacks classes of the table."""
    there = next(one["distinct"] for one in design.columns if one["name"] == design.target)
    lacking = (there or 0) - len(target.classes)
    if sample.rows is None or not target.classes or lacking <= 0:
        return []
    some = "1 class of the table has" if lacking == 1 else f"{lacking} classes of the table have"
    return [f"{some} no row among those to learn from: the model does not know them."]


def _truth(column: pa.ChunkedArray, design: TableDesign) -> Target:
    if design.task.name == "regression":
        return source.numbers_of(column, design.target)
    return source.classes_of(column, design.target, design.task.name, design.positive)


def _order(column: pa.ChunkedArray, design: TableDesign) -> Ints:
    """Numbers that stand in the order of time, equal ones where the times are."""
    if column.null_count:
        raise BadData(
            f"The time {design.time!r} is missing in {column.null_count:,} rows, so they have no "
            "place in the order. Fill them, or split at random."
        )
    source.check_order(column, design.time)
    found: Ints = np.unique(column.to_numpy(), return_inverse=True)[1].astype(np.int64)
    return found


def _weights(
    table: pa.Table, target: Target, design: TableDesign, numbers: Ints, parts: RowParts
) -> Floats | None:
    """The column's weights, times what makes all classes count the same in the training rows."""
    weights: Floats | None = None
    if design.weight:
        weights = source.weights_of(table.column(design.weight), design.weight, numbers)
        for held in parts.folds or [parts.val]:
            if not weights[np.setdiff1d(parts.train, held)].any():
                raise BadData(
                    f"All weights in {design.weight!r} are 0 in the rows that would train: "
                    "nothing counts there."
                )
    if design.rebalance and target.classes:
        counts = np.bincount(target.labels[parts.train], minlength=len(target.classes))
        balanced = len(parts.train) / (len(counts) * np.maximum(1, counts))
        own = balanced[target.labels]
        weights = own if weights is None else weights * own
    return weights


def _most_classes(design: TableDesign) -> int:
    """Of the target, as far as its profile tells."""
    if design.task.name == "regression":
        return 0
    told = next(one["distinct"] for one in design.columns if one["name"] == design.target)
    return min(told or MOST_CLASSES, MOST_CLASSES)

"""A table through a model, a block at a time: memory is bounded by bytes, not by rows.

for block in predicted(model, file, threads=2):
    block.table, block.given
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recipes.data.encode import Matrix
from recipes.engine.metrics import Floats, Ints
from recipes.engine.tabular.model import BLOCK, Model

BYTES = 64 << 20  # of the table's values in a block; a single row may have more
READ = 8_192  # rows that are decoded at once
AHEAD = 2  # blocks that wait between reading, predicting and what follows

Made = TypeVar("Made")
Stream = Generator[Made, None, None]
Predict = Callable[[Matrix], Floats]


@dataclass(frozen=True)
class Stretch:
    """The rows from `start` to before `stop`, and the columns of them that are read."""

    start: int
    stop: int
    columns: list[str]


@dataclass(frozen=True)
class Block:
    """Rows of the table in their order, and what the model says of those that drop nothing.

    `there` are their places in the block, `matrix` what they became, `given` their probabilities
    [rows, classes] or values [rows]. All three are empty where every row drops out.
    """

    table: pa.Table
    there: Ints
    matrix: Matrix
    given: Floats

    @property
    def whole(self) -> bool:
        return len(self.there) == len(self.table)


def predicted(
    model: Model, file: pq.ParquetFile, *, threads: int = 1, predict: Predict | None = None
) -> Stream[Block]:
    """The blocks of the file, predicted by `predict` in place of the model's own learner.

    With several threads, reading and encoding, predicting, and what the caller does with a block go
    on at the same time. Close it, or take all of it.
    """
    return through(model, blocks(file, model.rows_at_once), threads, predict)


def through(
    model: Model, tables: Iterator[pa.Table], threads: int = 1, predict: Predict | None = None
) -> Stream[Block]:
    """The same of tables that somebody else cuts."""
    read = _encoded(model, tables)
    if threads == 1:
        return _given(read, predict or model.learner.predict)
    return ahead(_given(ahead(read), predict or model.learner.predict))


def blocks(
    file: pq.ParquetFile, rows: int = BLOCK, most: int = BYTES, of: Stretch | None = None
) -> Stream[pa.Table]:
    """All rows of the file, or of a stretch, in tables of so many rows: the last one has the rest.

    Where their bytes are too many they are cut once more; a table of a single row may have more.
    """
    waiting: list[pa.Table] = []
    size, left = 0, rows
    for part in _parts(file, rows, most, of):
        for some in (part.slice(0, left), part.slice(left)):  # no part is longer than a block
            if waiting and len(some) and size + some.nbytes > most:
                yield pa.concat_tables(waiting)
                waiting, size = [], 0
            if len(some):
                waiting.append(some)
                size, left = size + some.nbytes, left - len(some)
            if not left:
                yield pa.concat_tables(waiting)
                waiting, size, left = [], 0, rows
    if waiting:
        yield pa.concat_tables(waiting)


def _parts(file: pq.ParquetFile, rows: int, most: int, of: Stretch | None) -> Iterator[pa.Table]:
    size = _at_once(file, rows, most)
    for batch in file.iter_batches(batch_size=size) if of is None else _within(file, size, of):
        yield from _cut(pa.Table.from_batches([batch]), most)


def _within(file: pq.ParquetFile, size: int, of: Stretch) -> Iterator[pa.RecordBatch]:
    """Of the row groups that have rows of the stretch, those rows."""
    counts = [file.metadata.row_group(n).num_rows for n in range(file.metadata.num_row_groups)]
    begins = [0, *accumulate(counts)]
    groups = [n for n in range(len(counts)) if begins[n] < of.stop and begins[n + 1] > of.start]
    at = begins[groups[0]] if groups else 0
    for batch in file.iter_batches(size, row_groups=groups, columns=of.columns):
        low, high = max(0, of.start - at), min(len(batch), of.stop - at)
        at += len(batch)
        if low < high:
            yield batch.slice(low, high - low)


def _at_once(file: pq.ParquetFile, rows: int, most: int) -> int:
    """Rows to decode at once, by what the widest row group says of its size."""
    groups = [file.metadata.row_group(place) for place in range(file.metadata.num_row_groups)]
    widest = max((one.total_byte_size / max(1, one.num_rows) for one in groups), default=1)
    return max(1, min(READ, rows, int(most / max(1, widest))))


def _cut(part: pa.Table, most: int) -> Iterator[pa.Table]:
    """Halves of halves: texts that stand in a file once may be long and in every row."""
    if len(part) > 1 and part.nbytes > most:
        half = len(part) // 2
        yield from _cut(part.slice(0, half), most)
        yield from _cut(part.slice(half), most)
    elif len(part):
        yield part


def _encoded(model: Model, tables: Iterator[pa.Table]) -> Stream[tuple[pa.Table, Ints, Matrix]]:
    for table in tables:
        there = np.flatnonzero(model.complete(table).to_numpy(zero_copy_only=False))
        inputs = table.select([one.name for one in model.encoder.columns])
        if len(there) < len(table):
            inputs = inputs.take(pa.array(there))
        yield table, there, model.encoder.transform(inputs)


def _given(read: Iterator[tuple[pa.Table, Ints, Matrix]], predict: Predict) -> Stream[Block]:
    for table, there, matrix in read:
        yield Block(table, there, matrix, predict(matrix) if len(there) else np.empty(0))


def ahead(made: Stream[Made]) -> Stream[Made]:
    """The same, made by a thread of its own, a little ahead of who takes it."""
    end = object()

    def one() -> "Made | object":
        return next(made, end)

    with closing(made), ThreadPoolExecutor(1) as thread:
        waiting = deque(thread.submit(one) for _ in range(AHEAD))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(thread.submit(one))
            yield item  # type: ignore[misc]

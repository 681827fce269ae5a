"""A table through a model, a block at a time: memory is bounded by bytes, not by rows.

for block in predicted(model, file, threads=2):
    block.table, block.given
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
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
    read = _encoded(model, blocks(file, model.rows_at_once))
    if threads == 1:
        return _given(read, predict or model.learner.predict)
    return _ahead(_given(_ahead(read), predict or model.learner.predict))


def blocks(file: pq.ParquetFile, rows: int = BLOCK, most: int = BYTES) -> Stream[pa.Table]:
    """All rows of the file, in tables of at most so many rows, and bytes where one row fits."""
    waiting: list[pa.Table] = []
    held = size = 0
    for batch in file.iter_batches(batch_size=_at_once(file, rows, most)):
        for part in _cut(pa.Table.from_batches([batch]), most):
            if waiting and (held + len(part) > rows or size + part.nbytes > most):
                yield pa.concat_tables(waiting)
                waiting, held, size = [], 0, 0
            waiting.append(part)
            held, size = held + len(part), size + part.nbytes
    if held:
        yield pa.concat_tables(waiting)


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


def _ahead(made: Stream[Made]) -> Stream[Made]:
    """The same, made by a thread of its own, a little ahead of who takes it."""
    end = object()

    def one() -> "Made | object":
        return next(made, end)

    with closing(made), ThreadPoolExecutor(1) as thread:
        waiting = deque(thread.submit(one) for _ in range(AHEAD))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(thread.submit(one))
            yield item  # type: ignore[misc]

"""Rows of a table by their places in it: read a block at a time, and only what is asked for."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recipes.engine.metrics import Ints

ROWS, BYTES = 65_536, 64 << 20  # of a block, at most


def blocks(
    file: pq.ParquetFile, columns: list[str], rows: Ints | None = None
) -> Iterator[tuple[Ints, pa.Table]]:
    """The rows at these places, in order and each once, or all of them: places and columns.

    A row group that holds none is not read.
    """
    counts = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
    begins = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    for group in range(file.num_row_groups):
        if rows is not None and not len(_between(rows, begins[group], begins[group + 1])):
            continue
        at = int(begins[group])
        for batch in file.iter_batches(_at_once(file, group), [group], columns):
            end = at + len(batch)
            here = np.arange(at, end) if rows is None else _between(rows, at, end)
            if len(here):
                block = pa.Table.from_batches([batch]).select(columns)
                yield here, block if len(here) == len(block) else block.take(pa.array(here - at))
            at = end


def taken(file: pq.ParquetFile, columns: list[str], rows: Ints) -> pa.Table:
    """The rows at these places, in the order in which they are named."""
    there, back = np.unique(rows, return_inverse=True)  # a place may be named twice
    table = joined(file, columns, (block for _, block in blocks(file, columns, there)))
    return table if np.array_equal(there, rows) else table.take(pa.array(back))


def joined(file: pq.ParquetFile, columns: list[str], parts: Iterator[pa.Table]) -> pa.Table:
    """One table of these columns of the file: beside it, only one column is held twice."""
    whole = file.schema_arrow  # made anew each time it is asked for
    schema = pa.schema([whole.field(name) for name in columns])
    pieces: list[list[pa.Array]] = [[] for _ in columns]
    for part in parts:
        for held, column in zip(pieces, part.columns, strict=True):
            held.extend(column.chunks)
    made = []
    for place, field in enumerate(schema):
        chunked, pieces[place] = pa.chunked_array(pieces[place], field.type), []
        made.append(pa.table({field.name: chunked}).combine_chunks().column(0))
    return pa.Table.from_arrays(made, schema=schema)


def _between(rows: Ints, first: int, end: int) -> Ints:
    low, high = np.searchsorted(rows, [first, end])
    return rows[low:high]


def _at_once(file: pq.ParquetFile, group: int) -> int:
    """Rows of the group that are decoded together, by what it says of its size."""
    told = file.metadata.row_group(group)
    return max(1, min(ROWS, int(BYTES * max(1, told.num_rows) / max(1, told.total_byte_size))))

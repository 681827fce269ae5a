"""What is in each column: the entries of columns.json, made from the written table.

Reads a few columns at a time, row group after row group: memory is bounded by the widest of them.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recipes.data.sandbox import Tell
from recipes.data.tables.columns import Given, Guess, Typed
from recipes.data.tables.figures import Figures, bins, counted
from recipes.data.tables.values import Values, shown
from recipes.data.tables.warnings import warnings

AT_ONCE = 8  # columns
EXAMPLES, TOP, FEW = 5, 20, 50
Entry = dict[str, Any]


class Described:
    """One column, while its row groups pass by."""

    def __init__(self, column: Guess | Given | Typed) -> None:
        self.column = column
        self.type = column.form.type
        self.rows = 0
        self.missing = 0
        self.examples: list[Any] = []
        self.values = Values(self.type)
        self.figures = Figures() if self.type not in ("text", "boolean") else None

    def add(self, values: pa.Array) -> None:
        there = values.drop_null()
        self.rows += len(values)
        self.missing += values.null_count
        if len(self.examples) < EXAMPLES:
            first = there.slice(0, 10_000).unique().to_pylist()
            self.examples += [one for one in first if one not in self.examples]
            del self.examples[EXAMPLES:]
        self.values.add(there)
        if self.figures:
            self.figures.add(there)

    def entry(self, histogram: Entry | None) -> Entry:
        figures = self.figures.told(self.type) if self.figures else {}
        distinct = self.values.distinct
        few = self.type == "integer" and distinct is not None and distinct <= FEW
        return {
            "name": self.column.name,
            "type": self.type,
            "given": self.column.given,
            "missing": self.missing,
            "distinct": distinct,
            **{name: figures.get(name) for name in ("min", "max", "mean", "std", "quantiles")},
            "histogram": histogram,
            "top": self.values.top(TOP) if few or self.type in ("text", "boolean") else [],
            "examples": [shown(one) for one in self.examples],
            "warnings": [*self.column.warnings, *warnings(self)],
        }


def describe(path: Path, columns: Sequence[Guess | Given | Typed], tell: Tell) -> Iterator[Entry]:
    """The entries in the order of the columns."""
    with pq.ParquetFile(path, pre_buffer=False) as file:
        for start in range(0, len(columns), AT_ONCE):
            some = [Described(column) for column in columns[start : start + AT_ONCE]]
            names = [one.column.name for one in some]
            for group in groups(file, names, tell):
                for one, values in zip(some, group, strict=True):
                    one.add(values)
            yield from _entries(file, some, tell)


def groups(file: pq.ParquetFile, names: list[str], tell: Tell) -> Iterator[list[pa.Array]]:
    """The columns of each row group. By name alone Parquet gives `a.b` to who asks for `a`."""
    for number in range(file.num_row_groups):
        tell({"group": number})
        table = file.read_row_group(number, columns=names, use_threads=False).select(names)
        yield [_one(column) for column in table.columns]


def _entries(file: pq.ParquetFile, some: list[Described], tell: Tell) -> Iterator[Entry]:
    """With histograms; where the values did not fit into memory they are read once more."""
    edges = [bins(one.figures, one.type) if one.figures else None for one in some]
    counts: list[list[int] | None] = [None] * len(some)
    again = [
        place
        for place, one in enumerate(some)
        if edges[place] is not None and one.figures and not one.figures.sample.whole
    ]
    for group in groups(file, [some[place].column.name for place in again], tell) if again else ():
        for place, values in zip(again, group, strict=True):
            counts[place] = counted(values.drop_null(), edges[place], counts[place])
    for place, one in enumerate(some):
        at = edges[place]
        if at is None or one.figures is None:
            yield one.entry(None)
            continue
        found = counts[place] or one.figures.sample.counted(at)
        yield one.entry({"edges": one.figures.edges(at, one.type), "counts": found})


def _one(column: pa.ChunkedArray) -> pa.Array:
    chunks = column.chunks
    return chunks[0] if len(chunks) == 1 else pc.cast(column.combine_chunks(), column.type)

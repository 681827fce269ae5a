"""Which rows of a table a training learns from and is judged by, where these are not all.

They are found in one pass over the columns that decide it, or in two where classes have to be
counted first: only the places of those that are chosen so far are held, so that a table may be
larger than memory.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recipes.data import places
from recipes.data import table as source
from recipes.data.listing import BadData
from recipes.engine.metrics import Floats, Ints
from recipes.engine.tabular.design import TableDesign
from recipes.engine.tabular.model import complete
from recipes.tasks import table_split
from recipes.tasks.task import MOST_CLASSES
from recipes.uploads import NUMBERS


@dataclass(frozen=True)
class Sample:
    """`rows` are places in the table, in order; None: all that can take part. `of` are its rows."""

    rows: Ints | None
    notes: list[str]
    how: str
    of: int

    def told(self, rows: int) -> dict[str, Any] | None:
        """`{"how","rows","of"}` of a training that learns from and is judged by so many rows of
        the table; None where these are all that can take part."""
        return None if self.rows is None else {"how": self.how, "rows": rows, "of": self.of}


class Chosen(Protocol):
    """The best rows of those that have passed. `full`: no other row can be among them."""

    full: bool

    def take(self, rows: Ints, block: pa.Table) -> None: ...

    def rows(self) -> Ints: ...


def drawn(design: TableDesign, file: pq.ParquetFile) -> Sample:
    """Rows without a target, or that a gap drops, are not among them. Raises BadData."""
    how, most, of = design.split["sampling"], design.split["sample_rows"], file.metadata.num_rows
    if how == table_split.ALL:
        return Sample(None, [], how, of)
    if most >= of:
        note = f"All {of:,} rows are used: the table has no more than {most:,}."
        return Sample(None, [note], how, of)
    found, passed, able = _chosen(design, file, how), 0, 0
    for rows, block in places.blocks(file, _deciding(design, how)):
        there = _able(block, design, how)
        passed, able = passed + len(rows), able + len(there)
        found.take(rows[there], block.take(pa.array(there)))
        if found.full:
            break
    chosen = found.rows()
    over = int(chosen[-1]) + 1 - len(chosen) if found.full else passed - able
    return Sample(chosen, [_told(how, len(chosen), of, over)], how, of)


def _told(how: str, rows: int, of: int, passed_over: int) -> str:
    said = table_split.sampled(how, rows, of)
    if not passed_over:
        return f"The training uses {said}."
    some = "1 row was" if passed_over == 1 else f"{passed_over:,} rows were"
    return (
        f"The training uses {said}; {some} passed over: the target, or a value without which a "
        "row is dropped, is missing there."
    )


def _deciding(design: TableDesign, how: str) -> list[str]:
    """The columns that say whether a row can be chosen, each once."""
    return list(dict.fromkeys([design.target, *_needed(design, how)]))


def _needed(design: TableDesign, how: str) -> list[str]:
    """The columns of which a gap drops the row."""
    return [*design.dropping, *([design.time] if how == "latest" else [])]


def _able(block: pa.Table, design: TableDesign, how: str) -> Ints:
    """The places in the block of the rows that can take part."""
    target = block.column(design.target)
    there = pc.and_(target.is_valid(), complete(block, _needed(design, how)))
    if design.task.name == "regression" and source.kind_of(target.type) in NUMBERS:
        finite = pc.is_finite(target.cast(pa.float64(), safe=False))
        there = pc.and_(there, finite.fill_null(False))
    return np.flatnonzero(there.to_numpy(zero_copy_only=False))


def _chosen(design: TableDesign, file: pq.ParquetFile, how: str) -> Chosen:
    most, seed = design.split["sample_rows"], design.split["seed"]
    if how == "first":
        return First(most)
    if how == "latest":
        return Latest(most, design.time)
    if how == "stratified":
        return Drawn(most, seed, design.target, _counted(design, file, how))
    return Drawn(most, seed, design.target if how == "balanced" else "")


def _counted(design: TableDesign, file: pq.ParquetFile, how: str) -> Counter[str]:
    """How many rows that can take part each class has. Raises BadData."""
    counts: Counter[str] = Counter()
    for _, block in places.blocks(file, _deciding(design, how)):
        there = block.column(design.target).take(pa.array(_able(block, design, how)))
        told = source.as_text(there).value_counts()
        counts.update({str(one["values"]): one["counts"] for one in told.to_pylist()})
        _check_few(counts, design.target)
    return counts


def _check_few(classes: Mapping[str, int], target: str) -> None:
    if len(classes) > MOST_CLASSES:
        raise BadData(
            f"The target {target!r} has more than {MOST_CLASSES} values; a "
            "classification knows no more. Choose regression, or another column."
        )


class First:
    """Those that come first."""

    def __init__(self, most: int) -> None:
        self.full = False
        self._most = most
        self._rows: Ints = np.empty(0, np.int64)

    def take(self, rows: Ints, block: pa.Table) -> None:
        self._rows = np.append(self._rows, rows)[: self._most]
        self.full = len(self._rows) == self._most

    def rows(self) -> Ints:
        return self._rows


class Drawn:
    """Each row has the same chance; by classes, the rows of all of them are filled up alike, or,
    where `counts` says how many rows each has, in proportion to it.

    A row has a random number, and a rank among those of its class that have passed: the lowest
    ranks stay. Neither depends on the blocks in which the rows come.
    """

    full = False

    def __init__(
        self, most: int, seed: int, target: str, counts: Mapping[str, int] | None = None
    ) -> None:
        self._most, self._target = most, target
        self._rng = np.random.default_rng((seed, 1))  # not the numbers of the split
        self._classes = {name: code for code, name in enumerate(counts or ())}
        self._counts = None if counts is None else np.array(list(counts.values()), np.int64)
        self._held: list[tuple[Ints, Floats, Ints]] = []  # places, random numbers, classes

    def take(self, rows: Ints, block: pa.Table) -> None:
        self._held.append((rows, self._rng.random(len(rows)), self._coded(block)))
        if sum(len(one) for one, _, _ in self._held) > 2 * self._most:
            self._thin()

    def _coded(self, block: pa.Table) -> Ints:
        if not self._target:
            return np.zeros(len(block), np.int64)
        told = source.as_text(block.column(self._target)).combine_chunks().dictionary_encode()
        names = [str(one) for one in told.dictionary.to_pylist()]
        own = np.array([self._classes.setdefault(one, len(self._classes)) for one in names])
        _check_few(self._classes, self._target)
        return own[told.indices.to_numpy()] if len(names) else np.empty(0, np.int64)

    def _thin(self) -> Ints:
        rows, keys, codes = (np.concatenate(one) for one in zip(*self._held, strict=True))
        if len(rows) > self._most:
            turns = self._turns(keys, codes)
            kept = np.sort(np.lexsort((keys, turns))[: self._most])
            rows, keys, codes = rows[kept], keys[kept], codes[kept]
        self._held = [(rows, keys, codes)]
        return rows

    def _turns(self, keys: Floats, codes: Ints) -> Floats:
        """When a row's turn comes: by its rank. In proportion: the first row of each class, of the
        frequent ones first, and then where a half is passed, so that of any number of rows a class
        has its share rounded, and fewer rows are a part of more."""
        ranks = np.empty(len(keys))
        order = np.lexsort((keys, codes))
        begins = np.flatnonzero(np.diff(codes[order], prepend=-1))
        counts = np.diff(begins, append=len(order))
        ranks[order] = np.arange(len(order)) - np.repeat(begins, counts)
        if self._counts is None:
            return ranks
        own = self._counts[codes]
        return np.where(ranks, (ranks + 0.5) / own, -1.0 * own)

    def rows(self) -> Ints:
        return self._thin() if self._held else np.empty(0, np.int64)


class Latest:
    """Those of the last times; of rows of the same time, those that stand last."""

    full = False

    def __init__(self, most: int, time: str) -> None:
        self._most, self._time = most, time
        self._held: list[pa.Table] = []

    def take(self, rows: Ints, block: pa.Table) -> None:
        times = block.column(self._time)
        source.check_order(times, self._time)
        self._held.append(pa.table({"time": times, "row": pa.array(rows)}))
        if sum(map(len, self._held)) > 2 * self._most:
            self._thin()

    def _thin(self) -> None:
        held = pa.concat_tables(self._held)
        keys = [("time", "descending"), ("row", "descending")]
        self._held = [held.take(pc.sort_indices(held, keys)[: self._most]).combine_chunks()]

    def rows(self) -> Ints:
        self._thin()
        return np.sort(self._held[0].column("row").to_numpy())

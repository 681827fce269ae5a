"""The numbers that a fit learns from and is judged by: in memory, or in pages made from the table.

In pages the table is in memory and its numbers never all are: a learner that can keeps what it
makes of them on disk, or packed beside a GPU.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recipes.boosted_room import at_once
from recipes.data.encode import Encoder, Matrix, learn, learn_by_column
from recipes.data.table import spread
from recipes.engine.metrics import Floats, Ints
from recipes.engine.tabular.design import TableDesign
from recipes.engine.tabular.model import rows_at_once
from recipes.engine.tabular.rows import Ready
from recipes.learners.learner import Company, Pages, Rows

NOTHING_COUNTS = "All validation rows have the weight 0: there each row counts the same."


class Matrices(NamedTuple):
    """`train` are the rows of this rank alone; all ranks judge by the whole `val`."""

    encoder: Encoder
    train: Rows
    val: Rows | None
    notes: list[str]


@contextmanager
def made(
    ready: Ready,
    design: TableDesign,
    parts: tuple[Ints, Ints | None],
    *,
    seed: int,
    company: Company,
    folder: Path,
) -> Iterator[Matrices]:
    """Of the rows of a training and of those that judge it. Pages lie in `folder` meanwhile."""
    if not ready.in_pages:
        yield _in_memory(ready, design, *parts, seed, company)
        return
    place = Path(tempfile.mkdtemp(prefix=".pages-", dir=folder))
    try:
        yield _in_pages(ready, design, *parts, seed, place)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _in_memory(
    ready: Ready, design: TableDesign, train: Ints, val: Ints | None, seed: int, company: Company
) -> Matrices:
    target = ready.target[train]
    encoder, matrix = _encoded(ready, design, train, target, seed)
    rows = _part(Rows(matrix, target, _weights(ready, train)), company)
    if val is None or not len(val):
        return Matrices(encoder, rows, None, [])
    weights, notes = _judging(ready, val)
    judged = Rows(encoder.transform(ready.take(val)), ready.target[val], weights)
    return Matrices(encoder, rows, judged, notes)


def _in_pages(
    ready: Ready, design: TableDesign, train: Ints, val: Ints | None, seed: int, place: Path
) -> Matrices:
    encoder, own = _by_column(ready, design, train, seed)
    rows = _paged(ready, train, encoder, own, _weights(ready, train), place)
    if val is None or not len(val):
        return Matrices(encoder, rows, None, [])
    weights, notes = _judging(ready, val)
    return Matrices(encoder, rows, _paged(ready, val, encoder, {}, weights, place), notes)


def _by_column(
    ready: Ready, design: TableDesign, train: Ints, seed: int
) -> tuple[Encoder, dict[int, Matrix]]:
    """What `_encoded` says, and what training rows have in place of what the encoder makes."""
    if design.goes_on_from is not None:
        return Encoder.of(design.goes_on_from.encoder), {}
    return learn_by_column(
        ready.table.column_names,
        partial(ready.column, rows=train),
        design.features,
        spread(ready.target[train], len(ready.classes)),
        seed=seed,
    )


def _encoded(
    ready: Ready, design: TableDesign, train: Ints, target: Floats, seed: int
) -> tuple[Encoder, Matrix]:
    """What the training rows teach of their columns; or what the model that it goes on from
    knows of them."""
    rows, kept = ready.take(train), design.goes_on_from
    if kept is None:
        return learn(rows, design.features, spread(target, len(ready.classes)), seed=seed)
    encoder = Encoder.of(kept.encoder)
    return encoder, encoder.transform(rows)


def _part(rows: Rows, company: Company) -> Rows:
    if company.world == 1:
        return rows
    mine = slice(company.rank, None, company.world)
    weight = None if rows.weight is None else rows.weight[mine].copy()
    return Rows(rows.matrix[mine].copy(), rows.target[mine].copy(), weight)


def _weights(ready: Ready, rows: Ints) -> Floats | None:
    return None if ready.weights is None else ready.weights[rows]


def _judging(ready: Ready, val: Ints) -> tuple[Floats | None, list[str]]:
    weights = _weights(ready, val)
    if weights is None or weights.any():
        return weights, []
    return None, [NOTHING_COUNTS]


def _paged(
    ready: Ready,
    rows: Ints,
    encoder: Encoder,
    own: dict[int, Matrix],
    weight: Floats | None,
    place: Path,
) -> Rows:
    """Rows that are encoded each time they are asked for; `own` are numbers that they have in place
    of what the encoder makes of them."""
    each = rows_at_once(encoder)
    if ready.gpu_pages:
        each = min(each, at_once(ready.gpu_pages, len(encoder.outputs)))

    def blocks() -> Iterator[Matrix]:
        for start in range(0, len(rows), each):
            here = slice(start, start + each)
            block = encoder.transform(ready.take(rows[here]))
            for first, numbers in own.items():
                block[:, first : first + numbers.shape[1]] = numbers[here]
            yield block

    pages = Pages(blocks=blocks, rows=each, folder=place, gpu=ready.gpu_pages)
    empty = np.empty((0, len(encoder.outputs)), np.float32)
    return Rows(empty, ready.target[rows], weight, pages)

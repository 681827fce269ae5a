"""Which rows of a table train, which judge. Pure: places go in, places come out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from recipes.data.listing import BadData
from recipes.engine.metrics import Floats, Ints
from recipes.tasks.table_split import shares
from recipes.tasks.task import LEAST_ROWS

BINS = 10  # ranges of a number that are drawn in the same proportion


@dataclass(frozen=True)
class RowParts:
    """Disjoint places. With `folds` train holds all rows, and each fold judges its own once."""

    train: Ints
    val: Ints
    test: Ints
    folds: list[Ints] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        parts = {"train": self.train, "val": self.val, "test": self.test}
        return {name: len(rows) for name, rows in parts.items() if len(rows)}


def split_rows(
    values: Floats, settings: dict[str, Any], *, classes: int, time: Ints | None
) -> RowParts:
    """Draw the parts of the rows whose targets are `values`; `time` orders them. Raises BadData."""
    count = len(values)
    if count < LEAST_ROWS:
        some = "1 row with a target is" if count == 1 else f"{count} rows with a target are"
        raise BadData(f"{some} too few to train and to judge: {LEAST_ROWS} is the least.")
    parts = shares(settings)
    if settings["policy"] == "time":
        if time is None:
            raise BadData(
                "The split is by time and no column has the role time: give it to one in Features."
            )
        return _checked(_by_time(time, parts), values, classes)
    strata = _strata(values, classes) if settings["stratify"] else np.zeros(count, np.int64)
    rng = np.random.default_rng(settings["seed"])
    if settings["policy"] == "kfold":
        return _folds(strata, settings["folds"], rng, values, classes)
    drawn = (np.flatnonzero(strata == one) for one in np.unique(strata))
    pieces = [_cut(rng.permutation(rows), parts) for rows in drawn]
    merged = [np.sort(np.concatenate(part)) for part in zip(*pieces, strict=True)]
    return _checked(merged, values, classes)


def _cut(order: Ints, shares: Sequence[float]) -> list[Ints]:
    """Three pieces in order; train gets what rounding leaves, and one row at least."""
    count = len(order)
    test = round(count * shares[2]) if shares[2] > 1e-9 else 0
    val = min(max(1, round(count * shares[1])), max(0, count - 1))
    train = max(1, count - val - test)
    return [order[:train], order[train : train + val], order[train + val :]]


def _by_time(time: Ints, shares: Sequence[float]) -> list[Ints]:
    """As _cut, but rows of the same time stay together: the nearest place between two times."""
    order = np.argsort(time, kind="stable").astype(np.int64)
    between = np.flatnonzero(np.diff(time[order])) + 1  # where a later time begins
    if not len(between):
        raise BadData(
            "All rows have the same time: none of them is later than others. Give another column "
            "the role time, or split at random."
        )
    train, val, test = map(len, _cut(order, shares))
    first = _nearest(between, train)
    later = between[between > first]
    second = _nearest(later, train + val) if test and len(later) else len(order)
    return [order[:first], order[first:second], order[second:]]


def _nearest(places: Ints, wanted: int) -> int:
    return int(places[np.abs(places - wanted).argmin()])


def _strata(values: Floats, classes: int) -> Ints:
    """The class, or the range in which a number lies."""
    if classes:
        return values.astype(np.int64)
    edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1]))
    found: Ints = np.searchsorted(edges, values, side="right").astype(np.int64)
    return found


def _folds(
    strata: Ints, folds: int, rng: np.random.Generator, values: Floats, classes: int
) -> RowParts:
    count = len(strata)
    if folds > count:
        raise BadData(f"{count} rows cannot be cut into {folds} folds.")
    order = rng.permutation(count)
    order = order[np.argsort(strata[order], kind="stable")]
    fold = np.empty(count, np.int64)
    fold[order] = np.arange(count) % folds
    parts = [np.flatnonzero(fold == one) for one in range(folds)]
    empty = np.empty(0, np.int64)
    notes = _uneven(values.astype(np.int64), parts, classes) if classes else []
    return RowParts(np.arange(count), empty, empty, parts, notes)


def _uneven(labels: Ints, parts: list[Ints], classes: int) -> list[str]:
    """What the folds lack: a class without rows in the others is not learned for its own fold."""
    held = np.stack([np.bincount(labels[part], minlength=classes) for part in parts])
    rest = held.sum(0) - held
    if ((rest > 0).sum(1) < min(2, classes)).any():
        raise BadData(
            "The rows that would train for one of the folds have one class only. Draw the folds "
            "stratified, take fewer of them, or add rows of the other classes."
        )
    notes = []
    strange = int(((rest == 0) & (held > 0)).any(0).sum())
    if strange:
        notes.append(
            f"{strange} of {classes} classes have rows in one fold only: the model that judges "
            "them there never met them."
        )
    lone = int(((held > 0).sum(1) < 2).sum())
    if lone:
        some = "1 fold has" if lone == 1 else f"{lone} folds have"
        notes.append(f"{some} rows of one class only: ROC AUC is unknown there.")
    return notes


def _checked(pieces: list[Ints], values: Floats, classes: int) -> RowParts:
    """A class that train lacks cannot be learned; one that validation lacks cannot be judged."""
    train, val, test = pieces
    notes = []
    if not len(val):
        raise BadData("No row is left to validate with. Change the shares in Train / Test.")
    if classes:
        there = np.unique(values[train])
        if len(there) < min(2, classes):
            raise BadData(
                "The rows that would train have one class only. Split at random, or add rows of "
                "the other classes."
            )
        strange = classes - len(there)
        if strange:
            notes.append(f"{strange} of {classes} classes have no row to train with.")
        if len(np.unique(values[val])) < 2:
            notes.append("The validation rows are of one class: ROC AUC is unknown for them.")
    return RowParts(train, val, test, [], notes)

"""Which rows of a table train, which judge. Pure: places go in, places come out."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from recipes.data.listing import BadData
from recipes.engine.metrics import Floats, Ints
from recipes.tasks.table_split import shares, sizes
from recipes.tasks.task import LEAST_ROWS

Shares = tuple[float, float, float]  # of the rows that train, validate and test
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
        return _checked(_by_time(time, parts), values, classes, parts)
    strata = _strata(values, classes) if settings["stratify"] else np.zeros(count, np.int64)
    rng = np.random.default_rng(settings["seed"])
    if settings["policy"] == "kfold":
        return _folds(strata, settings["folds"], rng, values, classes)
    stay = 1 if classes and settings["stratify"] else 0
    return _checked(_drawn(strata, parts, rng, stay), values, classes, parts)


def _drawn(strata: Ints, parts: Shares, rng: np.random.Generator, stay: int) -> list[Ints]:
    """The parts as a whole have their sizes, and each stratum its share in them as nearly as rows
    can. `stay` rows of each train."""
    _, val, test = sizes(len(strata), parts)
    counts = np.unique(strata, return_counts=True)[1]
    held = _spread(counts, val + test, rng, stay)
    tests = _spread(held, min(test, max(0, held.sum() - 1)), rng)
    order = rng.permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    pieces = [
        np.split(rows, [few, few + many])
        for rows, few, many in zip(
            np.split(order, np.cumsum(counts)[:-1]), tests, held - tests, strict=True
        )
    ]
    tested, judged, trained = (np.sort(np.concatenate(one)) for one in zip(*pieces, strict=True))
    return [trained, judged, tested]


def _spread(counts: Ints, wanted: int, rng: np.random.Generator, stay: int = 0) -> Ints:
    """How many rows of each stratum make `wanted`, in proportion; `stay` of each are not taken.

    The rounding is carried from one to the next, so that the sum is right; the smallest come
    first, so that larger ones give what they cannot.
    """
    lone = counts * (counts.sum() - wanted) < stay * counts.sum()  # their share is under `stay`
    free = counts - np.where(lone, np.minimum(counts, stay), 0)
    taken, total = np.zeros_like(counts), max(1, int(free.sum()))
    carried = int(rng.integers(total))
    for place in np.argsort(counts, kind="stable").tolist():
        carried += int(free[place]) * wanted
        taken[place] = min(carried // total, max(0, int(counts[place]) - stay))
        carried -= int(taken[place]) * total
    return taken


def _by_time(time: Ints, parts: Shares) -> list[Ints]:
    """Rows of the same time stay together: a part ends at the nearest place between two times."""
    order = np.argsort(time, kind="stable").astype(np.int64)
    between = np.flatnonzero(np.diff(time[order])) + 1  # where a later time begins
    if not len(between):
        raise BadData(
            "All rows have the same time: none of them is later than others. Give another column "
            "the role time, or split at random."
        )
    train, val, test = sizes(len(order), parts)
    first = _nearest(between, train)
    later = between[between > first]
    second = _nearest(later, train + val) if test and len(later) else len(order)
    return [order[:first], order[first:second], order[second:]]


def in_order(time: Ints, count: int) -> list[Ints]:
    """Places in the order of time, in `count` blocks of about one size; fewer where times are few.

    As the split does, it leaves rows of the same time together.
    """
    order = np.argsort(time, kind="stable").astype(np.int64)
    between = np.flatnonzero(np.diff(time[order])) + 1
    if not len(between):
        return [order]
    wanted = [len(order) * one // count for one in range(1, count)]
    return np.split(order, sorted({_nearest(between, one) for one in wanted}))


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


def _checked(pieces: list[Ints], values: Floats, classes: int, parts: Shares) -> RowParts:
    """A class that train lacks cannot be learned; one that validation lacks cannot be judged."""
    train, val, test = pieces
    notes = []
    if classes and (np.bincount(values.astype(np.int64)) < 2).all():
        raise BadData(
            f"The target has {classes} classes and each has one row: a class needs a row to learn "
            "from and another to judge by. Choose another target, or bring its values together."
        )
    if not len(val):
        raise BadData("No row is left to validate with. Change the shares in Train / Test.")
    if parts[2] and not len(test):
        notes.append(
            f"No row tests: {parts[2]:.0%} of {len(values):,} rows was to. The score is that of "
            "the validation rows."
        )
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

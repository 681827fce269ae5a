"""The rows that learn and the rows that judge in a search: the same in each of its trials."""

from typing import NamedTuple

import numpy as np

from recipes.data.listing import BadData
from recipes.data.row_split import in_order, split_rows
from recipes.engine.metrics import Ints
from recipes.engine.tabular import figures
from recipes.engine.tabular.design import TableDesign
from recipes.engine.tabular.rows import Ready
from recipes.job import BadJob

WAY = "Choose {}0 folds: then the validation rows judge."


class Part(NamedTuple):
    """Places of rows. With `stops` those that judge also end the fit."""

    learns: Ints
    judges: Ints
    stops: bool


def drawn(ready: Ready, design: TableDesign, folds: int) -> tuple[list[Part], list[str]]:
    """The parts that can judge, and notes of what they are not. Raises BadJob where none can.

    A part that cannot would fail every trial: all are judged by the same others instead.
    """
    parts, notes = _all(ready, design, folds)
    able = [one for one in parts if _judges(ready, design, one)]
    label, count = design.metric.label, len(parts) - len(able)
    if not able and not folds and not ready.parts.folds:
        raise BadJob(
            f"{label} is unknown on the validation rows, so that they cannot judge a trial. Choose "
            "another metric, or 2 folds or more."
        )
    if not able:
        way = "Choose another metric." if ready.parts.folds else WAY.format("fewer folds, or ")
        raise BadJob(
            f"No fold can judge a trial: {label} is unknown on its rows, or those that would learn "
            f"for it have one class only. {way}"
        )
    if count:
        some = "1 fold judges" if count == 1 else f"{count} folds judge"
        notes.append(
            f"{some} no trial: {label} is unknown on the rows, or those that would learn for it "
            f"have one class only. The other {len(able)} of {len(parts)} judge all trials."
        )
    return able, notes


def _all(ready: Ready, design: TableDesign, folds: int) -> tuple[list[Part], list[str]]:
    parts = ready.parts
    if not folds and not parts.folds:
        return [Part(parts.train, parts.val, True)], []
    if not folds:
        return [Part(np.setdiff1d(parts.train, held), held, False) for held in parts.folds], []
    if design.split["policy"] == "time":
        return _by_time(ready, folds)
    settings = {**design.split, "policy": "kfold", "folds": folds}
    target = ready.target[parts.train]
    try:
        own = split_rows(target, settings, classes=len(ready.classes), time=None).folds
    except BadData as wrong:
        way = "" if parts.folds else " " + WAY.format("")
        raise BadJob(f"The search cannot judge by {folds} folds. {wrong}{way}") from None
    held = [parts.train[one] for one in own]
    return [Part(np.setdiff1d(parts.train, one), one, False) for one in held], []


def _by_time(ready: Ready, folds: int) -> tuple[list[Part], list[str]]:
    """Each part is judged by a model of those before it."""
    train = ready.parts.train
    if ready.time is None:
        raise TypeError("A split by time has times.")
    blocks = [train[one] for one in in_order(ready.time[train], folds + 1)]
    if len(blocks) == 1:
        raise BadJob(
            "All training rows have the same time: none is judged by what was before it. "
            + WAY.format("")
        )
    parts = [
        Part(np.concatenate(blocks[:place]), blocks[place], False)
        for place in range(1, len(blocks))
    ]
    if len(parts) == folds:
        return parts, []
    some = "one fold judges" if len(parts) == 1 else f"{len(parts)} folds judge"
    text = f"Rows of the same time stay together, and there are few times: {some}, not {folds}."
    return parts, [text]


def _judges(ready: Ready, design: TableDesign, part: Part) -> bool:
    """Whether its rows can be learned from, and any model's metric be told."""
    true, classes = ready.target[part.judges], len(ready.classes)
    if ready.weights is not None and not ready.weights[part.learns].any():
        return False
    if not classes:
        given = true  # what is unknown for these is unknown for others
    elif len(np.unique(ready.target[part.learns])) < min(2, classes):
        return False
    else:
        given = np.full((len(true), classes), 1 / classes)
    return figures.judge(design.task.name, true, given, None)[design.metric.name] is not None

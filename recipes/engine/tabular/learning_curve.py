"""How good the same model is when it learns from fewer rows: whether more rows would help."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from recipes.engine.metrics import Floats, Ints
from recipes.engine.tabular import figures
from recipes.engine.tabular.fitting import Fit, Judged, fold
from recipes.engine.tabular.model import Model
from recipes.job import GaveWay

SHARES = (0.1, 0.25, 0.5, 0.75)  # the model itself is the point of all rows
LEAST = 10  # rows of a point
KNOWN = 2000  # training rows on which a point's model is judged too

Json = dict[str, Any]


def make(fit: Fit, full: Model, train: Ints, judged: Judged, say: Callable[[str], None]) -> Json:
    """The points of the curve, ending with the model `full`, which learned from `train`.

    Each smaller part is one of the larger ones: drawn with the classes in proportion, or, where
    rows are split by time, the newest. A point that cannot be fitted is left out with a note.
    """
    newest = fit.design.split["policy"] == "time"
    order = train[::-1] if newest else train[_drawn(fit, train)]
    beside = replace(fit, quiet=True, unit="point", history=[], _untold=False)
    points = []
    for place, share in enumerate(SHARES, 1):
        rows = np.sort(order[: round(len(order) * share)])
        if len(rows) < LEAST or fit.stopped():
            continue
        say(f"Learning curve: {len(rows):,} of {len(train):,} training rows.")
        beside.series, beside.weight = (place, len(SHARES)), share
        made = _point(beside, rows, judged)
        if made:
            points.append({"share": share, **made})
    points.append({"share": 1.0, **_judge(fit, full, train, judged.rows, judged.given)})
    return {"order": "newest" if newest else "random", "points": points}


def _drawn(fit: Fit, train: Ints) -> Ints:
    """An order whose beginnings have the classes in the proportion of all."""
    place = np.random.default_rng(fit.job.seed).permutation(len(train))
    if not fit.ready.classes:
        return place
    target = fit.ready.target[train][place]
    share = np.empty(len(train))
    for one in np.unique(target):
        there = np.flatnonzero(target == one)
        share[there] = (np.arange(len(there)) + 0.5) / len(there)
    drawn: Ints = place[np.argsort(share, kind="stable")]
    return drawn


def _point(fit: Fit, rows: Ints, judged: Judged) -> Json | None:
    began = time.monotonic()
    try:
        if fit.ready.parts.folds:
            model = fold(fit, rows)
        else:
            model = fit.run(rows, judged.rows, fit.design.params)
        seconds = round(time.monotonic() - began, 3)
        given = model.predict(fit.ready.take(judged.rows))
        return {**_judge(fit, model, rows, judged.rows, given), "seconds": seconds}
    except GaveWay:
        raise
    except Exception as wrong:  # the model is there already: a point is not worth losing it
        if fit.company.world > 1:
            raise  # the other ranks wait for this one
        text = f"The learning curve has no point at {len(rows):,} rows: {wrong}"
        fit.journal.write("note", level="warning", text=text)
        return None


def _judge(fit: Fit, model: Model, learned: Ints, judged: Ints, given: Floats) -> Json:
    """Of the judged rows, and of some that it learned from; at the best threshold of its own."""
    known = np.random.default_rng(fit.job.seed).permutation(len(learned))[:KNOWN]
    own = learned[np.sort(known)]
    threshold, task = None, fit.design.task.name
    if task == "two_class":
        true = fit.ready.target[judged].astype(np.int64)
        threshold = figures.best_threshold(true, given[:, 1], fit.design.metric.name)
    return {
        "rows": len(learned),
        "seconds": None,
        "train": figures.judge(
            task, fit.ready.target[own], model.predict(fit.ready.take(own)), threshold
        ),
        "val": figures.judge(task, fit.ready.target[judged], given, threshold),
    }

"""The models of an analysis in one table, whatever session made them: filtered and sorted. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from recipes.tasks.task import Metric
from trackside.jobs.states import JOB_OVER
from trackside.lab import queries
from trackside.lab.labels import algorithm_label, metric_text
from trackside.lab.models import TrainedModel

Json = dict[str, Any]
Models = list[TrainedModel]
SHOWN = 4  # metrics beside each other; sorting by another one shows it, too
STATES = {"trained": "Trained", "work": "Waiting or at work", "failed": "Failed or cancelled"}


@dataclass(frozen=True)
class Other:
    """A column that is no metric. `down`: its largest value stands on top unless one asks."""

    label: str
    value: Callable[[TrainedModel], Any]
    down: bool = False


OTHERS = {
    "label": Other("Model", lambda one: one.label.lower()),
    "session": Other("Session", lambda one: one.session.number, down=True),
    "seconds": Other("Training time", lambda one: one.facts.get("seconds")),
    "size": Other("Size", lambda one: one.facts.get("size")),
}


@dataclass(frozen=True)
class Wish:
    """`sort`: a metric or one of OTHERS; `order`: asc or desc. What is empty is not asked."""

    sort: str = ""
    order: str = ""
    algorithm: str = ""
    state: str = ""
    starred: bool = False

    @property
    def narrows(self) -> bool:
        return bool(self.algorithm or self.state or self.starred)


def asked(given: Mapping[str, str], metrics: Mapping[str, Metric], usual: Metric) -> Wish:
    """The wish of an address; what it says that is not there is not asked."""
    sort, order, state = given.get("sort", ""), given.get("order", ""), given.get("state", "")
    return Wish(
        sort=sort if sort in metrics or sort in OTHERS else usual.name,
        order=order if order in ("asc", "desc") else "",
        algorithm=given.get("algorithm", ""),
        state=state if state in STATES else "",
        starred=given.get("starred", "") in ("1", "on", "true"),
    )


def state_of(model: TrainedModel) -> str:
    """One of STATES."""
    if model.bundle:
        return "trained"
    alive = model.job is not None and model.job.state not in JOB_OVER
    return "work" if alive else "failed"


def kept(models: Models, wish: Wish) -> Models:
    return [
        one
        for one in models
        if wish.algorithm in ("", one.algorithm)
        and wish.state in ("", state_of(one))
        and (one.starred or not wish.starred)
    ]


def down(wish: Wish, metrics: Mapping[str, Metric]) -> bool:
    """Whether the largest value stands on top."""
    if wish.order:
        return wish.order == "desc"
    if wish.sort in OTHERS:
        return OTHERS[wish.sort].down
    return metrics[wish.sort].higher_is_better


def ordered(models: Models, wish: Wish, metrics: Mapping[str, Metric]) -> Models:
    """Models without that figure come last, whichever way; equals in the order of the clicks."""
    other = OTHERS.get(wish.sort)

    def value(one: TrainedModel) -> Any:
        found = other.value(one) if other else one.metrics.get(wish.sort)
        return found if isinstance(found, int | float | str) else None

    known = [one for one in models if value(one) is not None]
    rest = [one for one in models if value(one) is None]
    known.sort(key=value, reverse=down(wish, metrics))
    return known + rest


def table(models: Models, wish: Wish, metrics: Mapping[str, Metric], usual: Metric) -> Json:
    """What the page shows of these models: `heads` and, with a cell a metric, `rows`."""
    names = [usual.name, *(one for one in metrics if one != usual.name)][:SHOWN]
    if wish.sort in metrics and wish.sort not in names:
        names = [wish.sort, *names]
    first = wish.sort if wish.sort in metrics else usual.name  # the one that a phone has room for
    best = {name: _best(models, metrics[name]) for name in names}
    rows = [
        {
            "model": one,
            "state": queries.state_of(one),
            "cells": [
                {
                    "text": metric_text(one.metrics.get(name), metrics[name]),
                    "best": len(models) > 1 and one.metrics.get(name) == best[name] is not None,
                    "first": name == first,
                }
                for name in names
            ],
        }
        for one in models
    ]
    heads = [
        {**_head(name, metrics[name].label, wish, metrics), "first": name == first,
         "title": metrics[name].definition}
        for name in names
    ]  # fmt: skip
    others = {name: _head(name, one.label, wish, metrics) for name, one in OTHERS.items()}
    return {"rows": rows, "heads": heads, "others": others}


def _best(models: Models, card: Metric) -> float | None:
    ranked = queries.best_first(models, card)
    found = ranked[0].metrics.get(card.name) if ranked else None
    return found if isinstance(found, int | float) else None


def _head(name: str, label: str, wish: Wish, metrics: Mapping[str, Metric]) -> Json:
    """`sorted`: ascending, descending or nothing; `order`: what a click on it asks for."""
    if wish.sort != name:
        return {"name": name, "label": label, "sorted": "", "order": None}
    now = down(wish, metrics)
    told = "descending" if now else "ascending"
    return {"name": name, "label": label, "sorted": told, "order": "asc" if now else "desc"}


def choices(models: Models, metrics: Mapping[str, Metric]) -> Json:
    """What can be asked of these models."""
    known = sorted({one.algorithm for one in models})
    there = {state_of(one) for one in models}
    return {
        "sorts": [(one.name, one.label) for one in metrics.values()]
        + [(name, one.label) for name, one in OTHERS.items()],
        "algorithms": [(one, algorithm_label(one)) for one in known],
        "states": [(name, label) for name, label in STATES.items() if name in there],
    }

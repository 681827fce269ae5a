"""The tab of a search: what it found, how it went, and each of its trials."""

from typing import Any

from django.http import HttpRequest

from recipes import search
from recipes.algorithms import ALGORITHMS
from recipes.params import Param
from recipes.tasks.task import Metric
from trackside.lab import charts_search, searching
from trackside.lab.entrants import Entrant
from trackside.lab.labels import metric_text
from trackside.ui.words import plural

Json = dict[str, Any]
STOPPED = {
    "count": "It ended after as many trials as it was given.",
    "time": "It ended because its time was up.",
    "finished early": "It was finished early.",
    "grid done": "It tried the whole grid.",
    "nothing new": "It found no other settings to try.",
}
ORDERS = (("best", "Best first"), ("number", "As they were tried"))


def fill(request: HttpRequest, model: Entrant, report: Json) -> Json:
    """What templates/lab/_search.html shows."""
    told, trials = report["search"], report["search"]["trials"]
    card, algorithm = model.card.metrics[told["metric"]], ALGORITHMS.get(model.algorithm)
    named = {one.name: one for one in algorithm.params.fields} if algorithm else {}
    fields = {name: named[name] for name in told["space"] if name in named}
    best = next((one for one in trials if one.get("best")), None)
    scales = {
        name: charts_search.scale_of(
            field, told["space"][name], [one["params"][name] for one in trials]
        )
        for name, field in fields.items()
        if all(name in one["params"] for one in trials)
    }
    wanted = request.GET.get("setting", "")
    wanted = wanted if wanted in scales else next(iter(scales), "")
    order = "number" if request.GET.get("order") == "number" else "best"
    return {
        "sentence": sentence(report, card),
        "best": best,
        "found": _found(told, fields, trials, best),
        "trials": [_line(one, fields, card, one is best) for one in _ordered(trials, card, order)],
        "heads": [one.label for one in fields.values()],
        "card": card,
        "order": order,
        "orders": ORDERS,
        "settings": [(name, named[name].label) for name in scales],
        "wanted": wanted,
        "drawings": _drawn(trials, card, wanted, scales),
        "parallel": charts_search.parallel(trials, scales, card),
    }


def _drawn(
    trials: list[Json], card: Metric, wanted: str, scales: dict[str, charts_search.Scale]
) -> list[Json]:
    if all(one["value"] is None for one in trials):
        return []
    first = charts_search.over_trials(trials, card)
    if not wanted:
        return [first]
    return [first, charts_search.by_setting(trials, wanted, scales[wanted], card)]


def sentence(report: Json, card: Metric) -> str:
    """How it searched, what that brought, why it ended."""
    told, trials = report["search"], report["search"]["trials"]
    words = searching.WORDS.get(str(told["strategy"]), "search")
    said = f"{words[:1].upper()}{words[1:]}: {plural(len(trials), 'trial')}, judged by "
    said += f"{_judge(report)}. "
    first = next((one["value"] for one in trials if one["number"] == 1), None)
    if told.get("best") is not None and first is not None:
        said += (
            f"{card.label} {metric_text(told['best'], card)} with the best settings, "
            f"{metric_text(first, card)} with those that were set. "
        )
    return said + STOPPED.get(str(told.get("stopped")), "")


def _judge(report: Json) -> str:
    folds = report["search"].get("folds")
    if folds:
        return f"a cross-test of {folds} folds"
    return "the folds of the cross-test" if report.get("folds") else "the validation rows"


def rows_of(report: Json, card: Metric) -> list[tuple[str, str]]:
    """The search of a model as name and value; [] where its params were not searched."""
    told = report.get("search")
    if not told:
        return []
    words = searching.WORDS.get(str(told["strategy"]), "search")
    done = [one for one in told["trials"] if one["state"] == "done"]
    judge = _judge(report)
    return [
        ("Strategy", f"{words[:1].upper()}{words[1:]}"),
        ("Trials", f"{len(told['trials'])}, of which {len(done)} came to their end"),
        ("Judged by", f"{judge[:1].upper()}{judge[1:]}"),
        (f"Best {card.label}", metric_text(told.get("best"), card)),
        ("Why it ended", STOPPED.get(str(told.get("stopped")), "")),
    ]


def _found(told: Json, fields: dict[str, Param], trials: list[Json], best: Json | None) -> Json:
    """Each searched setting: as it was set, the best, and what was tried of it."""
    if best is None:
        return {}
    first = next((one for one in trials if one["number"] == 1), best)
    return {
        "number": best["number"],
        "rows": [
            {
                "label": field.label,
                "set": searching.said(field, first["params"].get(name)),
                "best": searching.said(field, best["params"].get(name)),
                "changed": first["params"].get(name) != best["params"].get(name),
                "tried": _tried(field, told["space"][name]),
            }
            for name, field in fields.items()
        ],
    }


def _tried(field: Param, given: Json) -> str:
    if "values" in given:
        return searching.tried_text(field, search.Values(tuple(given["values"])))
    return searching.tried_text(
        field, search.Range(given["low"], given["high"], bool(given.get("log")))
    )


def _ordered(trials: list[Json], card: Metric, order: str) -> list[Json]:
    if order == "number":
        return sorted(trials, key=lambda one: one["number"])
    sign = -1 if card.higher_is_better else 1

    def rank(one: Json) -> tuple[bool, float, int]:
        value = one["value"]
        return value is None, sign * (value or 0.0), one["number"]

    return sorted(trials, key=rank)


def _line(one: Json, fields: dict[str, Param], card: Metric, best: bool) -> Json:
    return {
        "number": one["number"],
        "best": best,
        "text": metric_text(one["value"], card),
        "state": one["state"],
        "reason": one.get("reason", ""),
        "seconds": one.get("seconds"),
        "cells": [searching.said(field, one["params"].get(name)) for name, field in fields.items()],
    }

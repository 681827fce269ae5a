"""What differs in how models were designed and trained, in the words of their cards. Pure."""

from collections.abc import Callable
from typing import Any

from recipes.algorithms import ALGORITHMS
from recipes.features import HANDLING
from recipes.params import ParamError, Params
from trackside.lab.entrants import Entrant
from trackside.lab.labels import algorithm_label, params_in_words
from trackside.lab.searching import WORDS
from trackside.ui import words
from trackside.ui.words import plural

Json = dict[str, Any]
Said = dict[tuple[str, str], str]
LABELS = {one.name: one.label for one in HANDLING.fields}
MOST = 60  # lines of differing columns


def in_words(one: Entrant) -> Said:
    """The whole design of a model: (section, setting) and its value."""
    algorithm = ALGORITHMS.get(str(one.part("algorithm")))
    task = one.card
    said: Said = {("Algorithm", "Algorithm"): algorithm_label(str(one.part("algorithm")))}
    before = one.spec.get("goes_on_from") or {}
    if before:
        said["Algorithm", "Goes on from"] = f"version {before.get('version')}"
    cards: list[tuple[str, Params | None, str]] = [
        ("Algorithm", algorithm.params.of(one.task) if algorithm else None, "params"),
        ("Training", algorithm.training if algorithm else None, "training"),
        ("Data augmentation", task.augmentation, "augmentation"),
        ("Train / test", task.split, "split"),
    ]
    for section, card, part in cards:
        for name, value in _rows(card, one.part(part) or {}):
            said[section, name] = value
    wish = task.metrics.get(one.metric)
    said["Metrics", "Chosen by"] = wish.label if wish else one.metric
    if task.data == "table":
        if one.task == "two_class" and one.classes:
            said["Data", "Positive class"] = one.classes[-1]
        said["Algorithm", "Search"] = _searched(one)
        kept = "training and validation rows" if one.report.get("refit") else "training rows"
        said["Train / test", "The final model learned from"] = kept
        said["Weighting", "Weights"] = str(one.part("weights") or "none")
        said["Weighting", "All classes count the same"] = "yes" if one.part("rebalance") else "no"
    for name, handling in (one.part("features") or {}).items():
        said["Features", name] = handled(handling)
    said["Data", "Dataset"] = one.dataset.name if one.dataset else "no longer in the project"
    said["Data", "Fingerprint"] = one.fingerprint[:12] or words.NOTHING
    test = one.spec.get("test") or {}
    if test:
        said["Data", "Test dataset"] = f"{test.get('name')}, {str(test.get('fingerprint'))[:12]}"
    said["Data", "Seed"] = str(one.told.get("seed") or (one.job.seed if one.job else words.NOTHING))
    return said


def _searched(one: Entrant) -> str:
    told = one.report.get("search") or {}
    if not told:
        return "none"
    words = WORDS.get(str(told.get("strategy")), "search")
    return f"{words}, the best of {plural(len(told['trials']), 'trial')}"


def _rows(card: Params | None, values: Json) -> list[tuple[str, str]]:
    if card is None or not card.fields:
        return []
    try:
        return params_in_words(card, card.clean(values))
    except ParamError:  # trained before a setting's bounds were what they are now
        return params_in_words(card, values)


def handled(handling: Json) -> str:
    """How a column enters, on one line."""
    if handling.get("role") != "input":
        return {"ignore": "left out"}.get(str(handling.get("role")), str(handling.get("role")))
    told = [
        text.lower() if name == LABELS["type"] else f"{name.lower()}: {text[:1].lower()}{text[1:]}"
        for name, text in params_in_words(HANDLING, handling)
        if name != LABELS["role"]
    ]
    return "; ".join(told)


def differences(found: list[Entrant]) -> list[Json]:
    """Section by section the settings that are not the same in all: `{"title", "lines"}`."""
    said = [in_words(one) for one in found]
    keys = list(dict.fromkeys(key for each in said for key in each))
    apart = [key for key in keys if len({each.get(key) for each in said}) > 1]
    sections: dict[str, list[Json]] = {}
    for section, name in apart:
        cells = [each.get((section, name), words.NOTHING) for each in said]
        sections.setdefault(section, []).append({"name": name, "cells": cells})
    return [
        {"title": title, "lines": lines[:MOST], "more": max(0, len(lines) - MOST)}
        for title, lines in sections.items()
    ]


def _energy(one: Entrant) -> str:
    value = one.facts.get("energy_wh")
    return "not measured" if value is None else f"{value:.1f} Wh"


def _learned_from(one: Entrant) -> str:
    parts = one.facts.get("rows") or one.facts.get("images") or {}
    return ", ".join(f"{name} {count:,}" for name, count in parts.items()) or words.NOTHING


FACTS: tuple[tuple[str, Callable[[Entrant], str]], ...] = (
    ("Device", lambda one: str(one.facts.get("device") or words.NOTHING)),
    ("Precision", lambda one: str(one.facts.get("precision") or words.NOTHING)),
    ("Time", lambda one: words.duration(one.facts.get("seconds"))),
    ("Energy", _energy),
    ("Peak memory", lambda one: words.size(one.facts.get("peak_memory"))),
    ("Size", lambda one: words.size(one.facts.get("size"))),
    ("Data", _learned_from),
    ("Best round or epoch", lambda one: words.whole(one.facts.get("best_epoch"))),
    ("Trained", lambda one: f"{one.at:%Y-%m-%d %H:%M}" if one.at else words.NOTHING),
)


def facts(found: list[Entrant]) -> list[Json]:
    lines = [{"name": name, "cells": [say(one) for one in found]} for name, say in FACTS]
    return [one for one in lines if set(one["cells"]) != {words.NOTHING}]

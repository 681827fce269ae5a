"""Champion and challengers side by side: figures, rows, classes, importance. Pure."""

import json
from typing import Any

from recipes.tasks import table_split
from recipes.tasks.task import Metric
from trackside.lab import reports
from trackside.lab.drawing import number
from trackside.lab.entrants import Entrant
from trackside.lab.labels import metric_text
from trackside.ui import words

Json = dict[str, Any]
CLASS_FIGURES = (("f1", "F1"), ("precision", "Precision"), ("recall", "Recall"))
COLUMNS, OWN = 15, 5  # of importance: the champion's, and those that matter to a challenger
MINUS, NONE = "\u2212", "\u00b10"
MATRIX = 12  # classes up to which matrices have room beside each other


def things(one: Entrant) -> str:
    return "pictures" if one.card.data == "images" else "rows"


def judged(one: Entrant) -> int:
    """How many rows or pictures its figures stand on."""
    return int(one.report.get("images") or one.report.get("rows") or 0)


def same_rows(found: list[Entrant], champion: Entrant, pairs: Json) -> Json:
    """`{"same": True, False or None where only a job can tell, "sentence"}`."""
    what = things(champion)
    apart = [one for one in found if one.fingerprint != champion.fingerprint]
    if apart:
        named = words.listed([one.title for one in apart])
        text = f"Judged on other data than the champion: {named}. Figures of different {what} are "
        return {"same": False, "sentence": f"{text}no fair comparison: retrain on the same data."}
    if learned := [one for one in found if one.too_good]:
        text = f"{words.listed([one.title for one in learned])} went on from a model that had, or "
        text += f"may have, learned from {what} that judge now: no fair comparison. Evaluate all "
        text += "of them on a dataset that none has learned from."
        return {"same": False, "sentence": text}
    if pairs:
        return _counted(found, champion, pairs, what)
    split = [one for one in found if _drawn_apart(one, champion)]
    if split:
        named = words.listed([one.title for one in split])
        text = f"The same data, split otherwise than the champion: {named}. Some {what} that judge "
        text += "one model have trained the other; only those that judged both can be compared."
        return {"same": False, "sentence": text}
    if len({judged(one) for one in found}) > 1:
        counts = words.listed([f"{judged(one):,}" for one in found])
        text = f"The same data and split, but {counts} {what} were judged: rows are left out where "
        return {"same": False, "sentence": f"{text}a model's handling of gaps drops them."}
    text = f"The same data and the same split: {judged(champion):,} {what} judged each model."
    return {"same": True, "sentence": text}


def _drawn_apart(one: Entrant, other: Entrant) -> bool:
    """By their settings; or by the rows themselves, which an update may draw otherwise."""
    drawn = {str(each.told["judged"]) for each in (one, other) if each.told.get("judged")}
    return _split(one) != _split(other) or len(drawn) > 1


def _split(one: Entrant) -> Json:
    return table_split.settings(one.part("split") or {})


def _counted(found: list[Entrant], champion: Entrant, pairs: Json, what: str) -> Json:
    """What the job has counted, row by row."""
    less = [
        f"{one.title} ({pairs[one.key]['shared']:,} of {pairs[one.key]['champion_rows']:,})"
        for one in found
        if one.key in pairs
        and not pairs[one.key]["shared"] == pairs[one.key]["rows"] == judged(champion)
    ]
    if not less:
        text = f"The same {judged(champion):,} {what} judged every model, counted one by one."
        return {"same": True, "sentence": text}
    text = f"Not all {what} judged both: {words.listed(less)} shared with the champion. "
    return {"same": False, "sentence": f"{text}Intervals are those of the shared {what}."}


def same_test(found: list[Entrant]) -> bool:
    """Whether all were tested on as many rows of the same data, split alike."""
    return len({_test(one) for one in found}) == 1


def _test(one: Entrant) -> tuple[str, str, int]:
    second = one.spec.get("test") or {}
    tested = one.report.get("test") or {}
    data = str(second.get("fingerprint") or one.fingerprint)
    split = "" if second else json.dumps(_split(one), sort_keys=True)
    return data, split, int(tested.get("rows") or tested.get("images") or 0)


def figures(found: list[Entrant], champion: Entrant, pairs: Json, part: str = "") -> list[Json]:
    """A line a metric, the champion's own first. `part`: `test`, or what chose the model."""
    cards = champion.card.metrics
    names = sorted(cards, key=lambda name: name != champion.metric)
    held = {one.key: _values(one, part) for one in found}
    return [
        {
            "card": cards[name],
            "chosen": name == champion.metric,
            "cells": [
                _cell(cards[name], one, held[champion.key].get(name), held[one.key].get(name),
                      {} if part else (pairs.get(one.key) or {}).get("metrics", {}).get(name) or {},
                      one is champion)
                for one in found
            ],
        }
        for name in names
        if any(each.get(name) is not None for each in held.values())
    ]  # fmt: skip


def _values(one: Entrant, part: str) -> Json:
    if not part:
        return one.metrics
    found: Json = (one.report.get(part) or {}).get("metrics") or {}
    return found


def _cell(card: Metric, one: Entrant, first: Any, value: Any, paired: Json, champion: bool) -> Json:
    """Where a job has counted the rows that judged both, they alone say who is better: each
    model's own figure may stand on rows that the other one never saw."""
    known = all(isinstance(each, int | float) for each in (first, value))
    apart = value - first if known and not champion else None
    size = size_of(first, value)
    shared = paired.get("difference")
    found: Json = {
        "key": one.key,
        "value": value,
        "text": shown(value, card),
        "low": paired.get("low"),
        "high": paired.get("high"),
        "sure": None,
        "on_shared": False,
    }
    if shared is not None and apart is not None:
        found["on_shared"] = signed(shared, card, size) != signed(apart, card, size)
        apart = shared
    if found["low"] is not None:
        gain, loss = found["low"] > 0, found["high"] < 0
        found["sure"] = apart is not None and ((apart > 0 and gain) or (apart < 0 and loss))
        low, high = (signed(found[end], card, size) for end in ("low", "high"))
        found["interval"] = f"{low.removesuffix(' points')} to {high}"
    return found | {
        "difference": apart,
        "apart": signed(apart, card, size),
        "better": better(card, apart, size),
    }


def size_of(*figures: Any) -> float:
    """Of the largest of them: its digits are those that a difference is told in."""
    return max((abs(one) for one in figures if isinstance(one, int | float)), default=0.0)


def better(card: Metric, apart: float | None, size: float) -> bool | None:
    """Whether this difference of figures of that size is a gain; None: no digit shows one."""
    if apart is None or signed(apart, card, size) == NONE:
        return None
    return (apart > 0) == card.higher_is_better


def shown(value: Any, card: Metric) -> str:
    """A figure as its card says; large ones with separators."""
    if isinstance(value, int | float) and not card.percent and abs(value) >= 1000:
        return number(value)
    return metric_text(value, card)


def signed(value: float | None, card: Metric, size: float) -> str:
    """A difference of two figures of that size, in the digits that they are shown with."""
    if value is None:
        return ""
    text = shown(abs(value), card)
    if card.percent:
        text = f"{100 * abs(value):.1f} points"
    elif card.unit:
        step = words.step(size)
        text = number(round(abs(value) / step) * step, step)
    if not any(one in "123456789" for one in text):
        return NONE
    return ("+" if value > 0 else MINUS) + text


def verdict(found: list[Entrant], champion: Entrant, lines: list[Json], same: bool | None) -> str:
    """Who is best by the champion's metric, and whether that is more than chance."""
    line = next((one for one in lines if one["chosen"]), None)
    if line is None:
        return "The champion has no figure by its own metric."
    card, cells = line["card"], line["cells"]
    ahead = [one for one in cells if one["better"]]
    if not ahead:
        text = f"{champion.title} stays ahead: no challenger has a better {card.label}."
        return _alike(text, found, same)
    most = max(ahead, key=lambda one: abs(one["difference"]))
    title = next(one.title for one in found if one.key == most["key"])
    where = " on the rows that judged both" if most["on_shared"] else ""
    text = f"{title} has the better {card.label}: {most['text']}, {most['apart']}{where}."
    if most["sure"] is None or any(one.too_good for one in found):
        return _alike(text, found, same)
    said = "is more than" if most["sure"] else "may be"
    return f"{text} That {said} chance (95 % interval {most['interval']})."


def _alike(text: str, found: list[Entrant], same: bool | None) -> str:
    if any(one.too_good for one in found):
        return f"{text} That says little: not all were judged by {things(found[0])} new to them."
    return text if same is not False else f"{text} They were not judged on the same rows."


def by_class(found: list[Entrant], champion: Entrant, figure: str) -> list[Json]:
    """Precision, recall or F1 of each class, with the difference to the champion."""
    held = {one.key: _class_figures(one, figure) for one in found}
    if not all(held.values()):
        return []
    lines = []
    for name in champion.classes:
        first = held[champion.key][name]
        cells = [
            {"text": f"{held[one.key][name]:.3f}", **_apart(held[one.key][name] - first)}
            for one in found
        ]
        lines.append({"name": name, "cells": cells})
    return lines


def _apart(value: float) -> Json:
    if abs(value) < 0.0005:
        return {"apart": "", "better": None}
    sign = "+" if value > 0 else MINUS
    return {"apart": f"{sign}{abs(value):.3f}", "better": value > 0}


def _class_figures(one: Entrant, figure: str) -> dict[str, float]:
    """By class, from the confusion matrix; 0 where nothing is predicted or there."""
    matrix = one.report.get("confusion") or []
    found = {}
    for place, name in enumerate(one.classes if matrix else []):
        right = matrix[place][place]
        given, there = sum(row[place] for row in matrix), sum(matrix[place])
        below = {"precision": given, "recall": there, "f1": (given + there) / 2}[figure]
        found[name] = right / below if below else 0.0
    return found


def confusions(found: list[Entrant], mode: str) -> list[Json]:
    """A matrix each; none where there are too many classes to stand side by side."""
    if len(found[0].classes) > MATRIX:
        return []
    return [
        {"one": one, "classes": one.classes, "rows": reports.confusion(one.report, mode),
         "threshold": one.report.get("threshold")}
        for one in found
        if one.report.get("confusion")
    ]  # fmt: skip


def importance(found: list[Entrant], champion: Entrant) -> Json:
    """Each column's share in each model, by permutation where all have it."""
    held = {one.key: one.report.get("importance") or {} for one in found}
    by = next(
        (
            way
            for way in ("permutation", "shap", "model")
            if all(each.get(way) for each in held.values())
        ),
        "",
    )
    if not by:
        return {}
    ranked = {key: each[by]["columns"] for key, each in held.items()}
    names = [one["name"] for one in ranked[champion.key][:COLUMNS]]
    names += [one["name"] for each in ranked.values() for one in each[:OWN]]
    shares = {
        key: {one["name"]: one["share"] or 0.0 for one in each} for key, each in ranked.items()
    }
    most = max((max(each.values(), default=0) for each in shares.values()), default=0) or 1
    return {
        "what": held[champion.key][by]["what"],
        "by": by,
        "lines": [
            {
                "name": name,
                "cells": [
                    {"share": shares[one.key].get(name),
                     "width": 100 * max(0.0, shares[one.key].get(name) or 0.0) / most}
                    for one in found
                ],
            }
            for name in dict.fromkeys(names)
        ],
    }  # fmt: skip

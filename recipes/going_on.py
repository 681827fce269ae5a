"""Whether a training may go on from a model that is there. Light: the web asks before a job begins.

What goes on keeps the model's encoder: the columns must mean what they meant to it. A model of
pictures sees them as it did.
"""

from collections.abc import Mapping
from typing import Any

from recipes import drift
from recipes.algorithms import ALGORITHMS, Algorithm
from recipes.tasks import data_of

NAMED = 5  # columns in a sentence
SAME = ("task", "algorithm", "target")  # a model of pictures names no target
ANEW = "Train from the beginning."
MARKED = "Figures of what the version may have learned from are marked: they may be too good."
Json = Mapping[str, Any]


def never(algorithm: str, split: Json) -> str:
    """Why this algorithm, or a training that is split like that, cannot go on from any model."""
    card = ALGORITHMS.get(algorithm)
    if card is None:
        return f"There is no algorithm {algorithm!r} that could go on from a model."
    if card.goes_on is None:
        others = [one for one in ALGORITHMS.values() if set(one.tasks) & set(card.tasks)]
        able = [one.label for one in others if one.goes_on is not None]
        return (
            f"{card.label} cannot go on from a model, and need not: {card.anew}. "
            f"{', '.join(able[:-1])} and {able[-1]} can."
        )
    if split.get("policy") == "kfold":
        return (
            "In a cross-test each row is judged by a model that did not learn from it; the version "
            "may have learned from all. Choose another split, or train from the beginning."
        )
    return ""


def how(algorithm: str) -> str:
    """What a training does that goes on, for people who choose that; "" where it never does."""
    card = ALGORITHMS.get(algorithm)
    if card is None or card.goes_on is None:
        return ""
    if data_of(card.tasks[0]) == "images":
        return (
            "The training starts from the active version's weights, backbone and head, instead of "
            "ImageNet's or random ones. Backbone, classes and image size must be the same. "
            f"{MARKED}"
        )
    does = "learns on from its weights, for as many epochs as are set"
    if card.adds:
        does = "keeps its trees and adds as many as are set, which learn from the rows of today"
    return (
        f"The training keeps the active version's encoder and {does}. {_same(card)} must be the "
        f"same. {MARKED}"
    )


def _same(card: Algorithm) -> str:
    """`Columns, classes, boosting and loss of a regression`."""
    fixed = [one.label.lower() for one in card.params.fields if one.name in (card.goes_on or ())]
    labels = ["Columns", "classes", *fixed]
    return f"{', '.join(labels[:-1])} and {labels[-1]}"


def of_pictures(about: Json, spec: Json) -> str:
    """The same of pictures, but for what their list says: `unlike` and `other_size`."""
    return never(spec["algorithm"], spec.get("split") or {}) or _other(about, spec)


def other_size(before: int, now: int) -> str:
    """Why pictures of this side are not those that the version saw; "" where they are."""
    if before == now:
        return ""
    return (
        f"The image size is {now} px and was {before} px in the version. Choose that or automatic, "
        "or train from the beginning."
    )


def trouble(about: Json, spec: Json, types: drift.Types) -> str:
    """Why a train job of this spec, complete, cannot go on from the model of this model.json.

    `types` are those of the columns of the table today. "" if nothing speaks against it.
    """
    if sentence := never(spec["algorithm"], spec.get("split") or {}):
        return sentence
    if spec.get("search"):
        return (
            "A search tries models that begin anew: it does not go on from a version. Train with "
            "the params as they are set, or from the beginning."
        )
    return (
        _other(about, spec)
        or _too_many(about, spec)
        or _features(about, spec)
        or drift.trouble(_types(about), types, drift.written(about.get("features") or {}))
    )


def unlike(learned: list[str], here: list[str], data: str = "table") -> str:
    """Why classes of today are not those of the model; "" where they are."""
    if learned == here:
        return ""
    if sorted(learned) == sorted(here):
        return f"The positive class is {here[-1]!r} and was {learned[-1]!r} in the version. {ANEW}"
    new, gone = (sorted(set(a) - set(b)) for a, b in ((here, learned), (learned, here)))
    said = [f"{words} {', '.join(map(repr, some[:NAMED]))}" for words, some in
            ((f"the {data} has the new", new), ("it lacks", gone)) if some]  # fmt: skip
    return f"The classes are not those of the version: {' and '.join(said)}. {ANEW}"


def lineage(about: Json, version: int | None) -> list[dict[str, Any]]:
    """The models that a training stands on which goes on from that one, the oldest first, and how
    much each has learned itself. `version` is the number of the last one."""
    card = ALGORITHMS.get(str(about.get("algorithm")))
    unit = "tree" if card is not None and card.adds else "epoch"
    before = list(about.get("lineage") or [])
    learned = about.get("learned") or {}
    on = int(learned.get("went_on_from") or 0)
    if on and not before:  # of a time when nobody wrote down where they came from
        before = [{"version": None, "rounds": on, "unit": unit}]
    own = int(learned.get("rounds") or about.get("epochs") or 0) - on
    return [*before, {"version": version, "rounds": own, "unit": unit}]


def _too_many(about: Json, spec: Json) -> str:
    """Trees are never forgotten: a model may not grow for ever."""
    card = ALGORITHMS[spec["algorithm"]]
    field = next((one for one in card.params.fields if one.name == card.adds), None)
    there = int((about.get("learned") or {}).get("rounds") or 0)
    most, more = getattr(field, "maximum", None), spec["params"].get(card.adds)
    if most is None or more is None:
        return ""
    if there + (1 if spec["params"].get("early_stopping") else more) <= most:  # it may end soon
        return ""
    return (
        f"The version has {there:,} trees and {more:,} more would come: {card.label} has "
        f"{int(most):,} at most. {ANEW}"
    )


def _other(about: Json, spec: Json) -> str:
    for name in SAME:
        if about.get(name, spec[name]) != spec[name]:
            return f"The version has the {name} {about.get(name)!r}; this trains {spec[name]!r}."
    card = ALGORITHMS[spec["algorithm"]]
    fields = {one.name: one.label for one in card.params.fields}
    for name in card.goes_on or ():
        before, now = (about.get("params") or {}).get(name), spec["params"].get(name)
        if before != now:
            return (
                f"{fields[name]!r} is {now!r} and was {before!r} in the version: the model's form "
                f"cannot change while it goes on. {ANEW}"
            )
    return ""


def _features(about: Json, spec: Json) -> str:
    before, now = _inputs(about["features"]), _inputs(spec["features"])
    new, gone = sorted(set(now) - set(before)), sorted(set(before) - set(now))
    if new or gone:
        said = [f"{words} {', '.join(map(repr, some[:NAMED]))}" for words, some in
                (("reads now", new), ("no longer reads", gone)) if some]  # fmt: skip
        return f"The model {' and '.join(said)}: it cannot go on. {ANEW}"
    other = [name for name in now if now[name] != before[name]]
    if other:
        some = ", ".join(map(repr, other[:NAMED]))
        return f"Handled otherwise than in the version: {some}. {ANEW}"
    own = [name for name, one in now.items() if one["encoding"] == "target" and _texts(one)]
    if own:
        return (
            f"The column {own[0]!r} is encoded by the target's mean, in which the rows that the "
            f"version learned from have a part of their own. {ANEW}"
        )
    return ""


def _texts(handling: Json) -> bool:
    return handling["type"] in ("category", "text")


def _inputs(features: Json) -> dict[str, Json]:
    return {
        name: {key: value for key, value in one.items() if key != "why"}
        for name, one in features.items()
        if one["role"] == "input"
    }


def _types(about: Json) -> dict[str, str]:
    return {one["name"]: one["type"] for one in about.get("columns") or []}

"""Whether a training may go on from a model that is there. Light: the web asks before a job begins.

What goes on keeps the model's encoder: the columns must mean what they meant to it.
"""

from collections.abc import Mapping
from typing import Any

from recipes import drift
from recipes.algorithms import ALGORITHMS

NAMED = 5  # columns in a sentence
SAME = {"task": "task", "algorithm": "algorithm", "target": "target"}
Json = Mapping[str, Any]


def never(algorithm: str, split: Json) -> str:
    """Why this algorithm, or a training that is split like that, cannot go on from any model."""
    card = ALGORITHMS.get(algorithm)
    if card is None or card.goes_on is None:
        label = card.label if card else algorithm
        able = [one.label for one in ALGORITHMS.values() if one.goes_on is not None]
        return (
            f"{label} cannot go on from a model: it always learns from the beginning. "
            f"{', '.join(able[:-1])} and {able[-1]} can."
        )
    if split.get("policy") == "kfold":
        return (
            "In a cross-test each row is judged by a model that did not learn from it; the version "
            "may have learned from all. Choose another split, or train from the beginning."
        )
    return ""


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
    for name, words in SAME.items():
        if about.get(name) != spec[name]:
            return f"The version has the {words} {about.get(name)!r}; this trains {spec[name]!r}."
    return (
        _params(about, spec)
        or _features(about, spec)
        or drift.trouble(_types(about), types, drift.written(about.get("features") or {}))
    )


def unlike(learned: list[str], here: list[str]) -> str:
    """Why classes of today are not those of the model; "" where they are."""
    if learned == here:
        return ""
    if sorted(learned) == sorted(here):
        return (
            f"The positive class is {here[-1]!r} and was {learned[-1]!r} in the version. "
            "Train from the beginning."
        )
    new, gone = (sorted(set(a) - set(b)) for a, b in ((here, learned), (learned, here)))
    said = [f"{words} {', '.join(map(repr, some[:NAMED]))}" for words, some in
            (("the table has the new", new), ("it lacks", gone)) if some]  # fmt: skip
    return (
        f"The classes are not those of the version: {' and '.join(said)}. Train from the beginning."
    )


def _params(about: Json, spec: Json) -> str:
    card = ALGORITHMS[spec["algorithm"]]
    fields = {one.name: one.label for one in card.params.fields}
    for name in card.goes_on or ():
        before, now = about["params"].get(name), spec["params"].get(name)
        if before != now:
            return (
                f"{fields[name]!r} is {now!r} and was {before!r} in the version: the model's form "
                "cannot change while it goes on. Train from the beginning."
            )
    return ""


def _features(about: Json, spec: Json) -> str:
    before, now = _inputs(about["features"]), _inputs(spec["features"])
    new, gone = sorted(set(now) - set(before)), sorted(set(before) - set(now))
    if new or gone:
        said = [f"{words} {', '.join(map(repr, some[:NAMED]))}" for words, some in
                (("reads now", new), ("no longer reads", gone)) if some]  # fmt: skip
        return f"The model {' and '.join(said)}: it cannot go on. Train from the beginning."
    other = [name for name in now if now[name] != before[name]]
    if other:
        some = ", ".join(map(repr, other[:NAMED]))
        return f"Handled otherwise than in the version: {some}. Train from the beginning."
    own = [name for name, one in now.items() if one["encoding"] == "target" and _texts(one)]
    if own:
        return (
            f"The column {own[0]!r} is encoded by the target's mean, in which the rows that the "
            "version learned from have a part of their own. Train from the beginning."
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

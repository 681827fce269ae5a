"""The search for the best params in a design: what is asked, what a training is given. Pure.

`search` of a design holds the settings that all its models share, and each model of it may have a
`space` of its own (docs/jobs.md) and `searched`: false, which leaves its params as they are.
"""

from dataclasses import replace
from typing import Any

from recipes import search
from recipes.algorithms import ALGORITHMS
from recipes.params import Param, ParamError, Params, Range, Values
from trackside.lab.labels import param_text, zero_text
from trackside.lab.trouble import BadDesign
from trackside.ui.words import plural

Json = dict[str, Any]
NONE = "none"
OFF = ("none", "None", "Each model is trained once, with its settings as they are.")
WORDS = {"grid": "grid search", "random": "random search", "tpe": "Bayesian search"}


ASKED = ("strategy", "trials", "minutes", "folds", "space")  # of a job's spec


def _settings() -> Params:
    """Those of a training's search; in a design there may be none."""
    first, *rest = search.SEARCH.fields
    options = (OFF, *getattr(first, "options", ()))
    none: Param = replace(first, default=NONE, options=options)  # type: ignore[call-arg]
    return Params((none, *map(_idle, rest)))


def _idle(one: Param) -> Param:
    return replace(one, when=("strategy", tuple(WORDS)))


SETTINGS = _settings()


def clean(given: Json) -> Json:
    """The `search` of a design, complete. Raises ParamError."""
    made = SETTINGS.clean(given)
    if made["folds"] == 1:
        raise ParamError({"folds": "A cross-test has 2 folds at least; 0 is none."})
    return made


def clean_space(algorithm: str, given: Any, where: str) -> Json:
    """A model's own space under today's names; {} is the standard one. Raises BadDesign."""
    if not isinstance(given, dict):
        raise BadDesign({where: f"'space' maps settings to what is tried, not {given!r}."})
    params = ALGORITHMS[algorithm].params
    named = {_today(algorithm, name): tried for name, tried in given.items()}
    try:
        return search.spec(search.read(params, named))
    except ParamError as wrong:
        raise BadDesign({f"{where}.{name}": said for name, said in wrong.errors.items()}) from None


def _today(algorithm: str, name: str) -> str:
    """A param's name here, where another tool calls it otherwise."""
    card = ALGORITHMS[algorithm]
    known = {one.name for one in card.params.fields}
    if name in known:
        return name
    renamed = [one for one in card.translate({name: 1})[0] if one in known]
    return renamed[0] if renamed else name


def asked(design: Json, model: Json) -> Json:
    """The search of this model as the design says it, not checked; {}: it is not searched."""
    settings = design.get("search") or {}
    if settings.get("strategy", NONE) == NONE or not model.get("searched", True):
        return {}
    return {**settings, "space": model.get("space") or {}}


def spec(design: Json, model: Json) -> Json:
    """`search` as a job's spec has it, its space complete; {}. Raises ParamError."""
    wish = asked(design, model)
    return search.clean(ALGORITHMS[model["algorithm"]].params, wish) if wish else {}


def trouble(design: Json, model: Json) -> str:
    """Why this model cannot be searched as the design says; "" where it can, or is not."""
    try:
        spec(design, model)
    except ParamError as wrong:
        return f"The search of {ALGORITHMS[model['algorithm']].label}: {wrong}"
    return ""


def space_of(model: Json, strategy: str) -> search.Space:
    """What is tried of this model: its own space, or else the card's."""
    params = ALGORITHMS[model["algorithm"]].params
    if model.get("space"):
        return search.read(params, model["space"])
    return search.standard(params, "tpe" if strategy == NONE else strategy)


def trials(wish: Json, algorithm: str) -> int:
    """How many trials `asked` comes to at most: a grid has an end, and the first is beside it."""
    most = int(wish["trials"])
    if wish["strategy"] != "grid":
        return most
    points = search.count(space_of({"algorithm": algorithm, **wish}, "grid"))
    return most if points is None else min(most, points + 1)


def fits(wish: Json, algorithm: str, split: Json) -> int:
    """How many models the trials of `asked` come to: where it names no folds, the split may."""
    folds = int(wish["folds"])
    if not folds and split.get("policy") == "kfold":
        folds = int(split.get("folds") or 1)
    return trials(wish, algorithm) * max(1, folds)


def in_words(wish: Json, algorithm: str) -> str:
    """`random search, 30 trials`; "" where nothing is searched."""
    if not wish:
        return ""
    told = f"{WORDS[wish['strategy']]}, {plural(trials(wish, algorithm), 'trial')}"
    return f"{told}, {wish['minutes']:g} min at most" if wish.get("minutes") else told


def labels(field: Param) -> dict[str, str]:
    """What the values of a choice are called, and the 0 of a number where it is no amount."""
    zero = zero_text(field)
    options = {value: label for value, label, _ in getattr(field, "options", ())}
    return options | ({"0": zero} if zero else {})


def said(field: Param, value: Any) -> str:
    """A value of a setting with the digits that matter."""
    return param_text(field, float(f"{value:.4g}") if isinstance(value, float) else value)


def tried_text(field: Param, tried: Values | Range) -> str:
    """`3 to 10`, `0.02 to 0.2, logarithmic`, `RBF, Linear`."""
    if isinstance(tried, Values):
        return ", ".join(said(field, one) for one in tried.values)
    scale = ", logarithmic" if tried.log else ""
    return f"{tried.low:g} to {tried.high:g}{scale}"

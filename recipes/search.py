"""What a search for the best params tries: its settings, its space and the check of both.

Light: the web shows and checks the very space that a training will search. Standard library only.
"""

import itertools
import math
from collections.abc import Iterator
from typing import Any

from recipes.params import Choice, Number, Param, ParamError, Params, Range, Value, Values, Whole

__all__ = [
    "SEARCH",
    "Range",
    "Space",
    "Values",
    "clean",
    "count",
    "grid",
    "on_gpu",
    "read",
    "standard",
]

Space = dict[str, Values | Range]
Json = dict[str, Any]

MOST = 1000  # trials, points of a grid, and values of a setting
FEW = 100  # points of a standard grid at most
POINTS = (0.0, 0.5, 1.0)  # where a standard grid looks into a range
DIGITS = 3  # of a number that is drawn: more would only be noise to read

SEARCH = Params(
    (
        Choice(
            name="strategy",
            label="Strategy",
            default="tpe",
            shape="radio",
            help="How the next values to try are chosen.",
            options=(
                ("tpe", "Bayesian (TPE)", "Looks near what was good so far: the fewest trials."),
                ("random", "Random", "Draws from the space, whatever came out before."),
                ("grid", "Grid", "Each combination of the given values."),
            ),
        ),
        Whole(
            name="trials",
            label="Most trials",
            default=30,
            minimum=1,
            maximum=MOST,
            unit="trials",
            help="After so many it ends. The first one is always the values as they are set.",
        ),
        Number(
            name="minutes",
            label="Longest time",
            default=0,
            minimum=0,
            maximum=100_000,
            unit="minutes; 0 = no limit",
            help="No trial begins after that. The final model is trained afterwards.",
        ),
        Whole(
            name="folds",
            label="Folds",
            default=3,
            minimum=0,
            maximum=10,
            unit="0 = the validation rows",
            help="Each trial is judged by a cross-test in so many parts of the training rows: "
            "steadier than the validation rows alone, and as many times slower.",
        ),
    )
)


def standard(params: Params, strategy: str = "tpe") -> Space:
    """What the card proposes. A grid gets values of the first params, as far as it stays small."""
    space: Space = {}
    for one in params.fields:
        if one.search is None:
            continue
        tried = one.search
        if strategy == "grid" and isinstance(tried, Range):
            tried = Values(tuple(dict.fromkeys(at(one, tried, share) for share in POINTS)))
        if strategy != "grid" or (count({**space, one.name: tried}) or 0) <= FEW:
            space[one.name] = tried
    return space


def clean(params: Params, raw: Json) -> Json:
    """The `search` of a job's spec, complete: its space too, the standard one where none is given.

    Raises ParamError: a sentence a setting, a searched param, or "space" for all of it.
    """
    settings = SEARCH.clean({name: value for name, value in raw.items() if name != "space"})
    if settings["folds"] == 1:
        raise ParamError({"folds": "A cross-test has 2 folds at least; 0 is none."})
    space = _space(params, raw.get("space"), str(settings["strategy"]))
    points = count(space)
    if settings["strategy"] == "grid" and points is not None and points > MOST:
        sentence = f"The grid has {points:,} points; {MOST:,} are the most. Give fewer values."
        raise ParamError({"space": sentence})
    return {**settings, "space": spec(space)}


def on_gpu(
    settings: Json, params: Params, able: tuple[str, tuple[Value, ...]] | None
) -> tuple[Json, list[str]]:
    """A complete search without the values that learn on the CPU alone, and notes of them.

    `able`: a param and its values that learn on a GPU. Raises ParamError where none is left.
    """
    name, known = able or ("", ())
    tried = settings["space"].get(name, {}).get("values", [])
    left = [one for one in tried if one in known]
    if left == tried:
        return settings, []
    label = next(one.label for one in params.fields if one.name == name)
    gone = ", ".join(repr(one) for one in tried if one not in known)
    if not left:
        some = ", ".join(map(repr, known))
        said = f"{label} {gone} learns on the CPU alone: choose it, or try {some}."
        raise ParamError({name: said})
    note = f"{label} {gone} is not tried: it learns on the CPU alone, and this job has a GPU."
    return {**settings, "space": {**settings["space"], name: {"values": left}}}, [note]


def read(params: Params, given: Json) -> Space:
    """A space from its JSON. Raises ParamError: a sentence a param."""
    fields = {one.name: one for one in params.fields}
    space: Space = {}
    errors = {}
    for name, tried in given.items():
        try:
            if name not in fields:
                known = ", ".join(sorted(fields))
                raise ValueError(f"There is no setting called {name!r}. Known: {known}.")
            space[name] = _one(fields[name], tried)
        except ValueError as wrong:
            errors[name] = str(wrong)
    if errors:
        raise ParamError(errors)
    return space


def spec(space: Space) -> Json:
    """The space as JSON."""
    return {
        name: {"values": list(one.values)}
        if isinstance(one, Values)
        else {"low": one.low, "high": one.high, "log": one.log}
        for name, one in space.items()
    }


def count(space: Space) -> int | None:
    """The points of a grid over it; None where a range has no end of them."""
    every = [len(one.values) if isinstance(one, Values) else None for one in space.values()]
    known = [one for one in every if one is not None]
    return math.prod(known) if len(known) == len(every) else None


def grid(space: Space) -> Iterator[dict[str, Value]]:
    """Each combination of the values; ranges have none. The last param changes first."""
    listed = {name: one.values for name, one in space.items() if isinstance(one, Values)}
    for values in itertools.product(*listed.values()):
        yield dict(zip(listed, values, strict=True))


def at(param: Param, tried: Range, share: float) -> float | int:
    """The value that lies at `share` of a range, 0 its low end, 1 its high one."""
    low, high = tried.low, tried.high
    if tried.log:
        number = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
    else:
        number = low + share * (high - low)
    if isinstance(param, Number) and param.whole:
        return int(min(high, max(low, round(number))))
    return float(min(high, max(low, float(f"{number:.{DIGITS}g}"))))


def _space(params: Params, given: Any, strategy: str) -> Space:
    if not isinstance(given, dict | None):
        raise ParamError({"space": "The space must name settings and what is tried of each."})
    space = read(params, given) if given else standard(params, strategy)
    if not space:
        sentence = "There is nothing to search: give a setting several values or a range."
        raise ParamError({"space": sentence})
    labels = {one.name: one.label for one in params.fields}
    if strategy == "grid" and (
        ranges := {
            name: f"A grid needs values to try of {labels[name]!r}: it has a range."
            for name, one in space.items()
            if isinstance(one, Range)
        }
    ):
        raise ParamError(ranges)
    return space


def _one(field: Param, tried: Any) -> Values | Range:
    """Raises ValueError with the sentence."""
    if isinstance(tried, dict) and set(tried) == {"values"} and isinstance(tried["values"], list):
        return _listed(field, tried["values"])
    if not isinstance(tried, dict) or not {"low", "high"} <= set(tried) <= {"low", "high", "log"}:
        raise ValueError(
            f"What is tried of {field.label!r} must be {{'values': [...]}} or "
            "{'low': ..., 'high': ..., 'log': ...}."
        )
    if not isinstance(field, Number):
        raise ValueError(f"{field.label!r} is no number: give the values to try of it.")
    low, high = field.clean(tried["low"]), field.clean(tried["high"])
    if low >= high:
        raise ValueError(f"The range of {field.label!r} must begin below its end.")
    if not isinstance(tried.get("log", False), bool):
        raise ValueError(f"'log' of {field.label!r} must be true or false.")
    if tried.get("log") and low <= 0:
        raise ValueError(f"A logarithmic range of {field.label!r} must begin above 0.")
    return Range(low, high, bool(tried.get("log")))


def _listed(field: Param, values: list[Any]) -> Values:
    """Raises ValueError with the sentence."""
    if not values:
        raise ValueError(f"Give a value to try of {field.label!r} at least.")
    if len(values) > MOST:
        said = f"{len(values):,} values are to be tried of {field.label!r}"
        raise ValueError(f"{said}; {MOST:,} are the most. Give fewer, or a range.")
    return Values(tuple(dict.fromkeys(field.clean(one) for one in values)))

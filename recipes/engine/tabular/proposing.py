"""What a search tries next. The same trials before it and the same seed give the same answer, so
that a search which was interrupted goes on as if it had not been."""
# Optuna is imported by the one strategy that needs it.
# ruff: noqa: PLC0415

import math
import random
from typing import Any

from recipes.engine.tabular.trials import Trial
from recipes.params import Number, Param
from recipes.search import MOST, Range, Space, Values, at, count, grid

Point = dict[str, Any]
Fields = dict[str, Param]
# One that failed is to Optuna one that was given up before its first fold: the worst there is. What
# fails it would leave out of its account, and look there again.
TOLD = {"done": "COMPLETE", "pruned": "PRUNED", "failed": "PRUNED"}
AGAIN = 50  # drawings until one is new; then the space counts as tried


def propose(
    strategy: str, space: Space, fields: Fields, tried: list[Trial], *, seed: int, higher: bool
) -> Point | None:
    """Values that were not tried yet; None: there are no others. `higher`: more is better."""
    before = [one.params for one in tried]
    if strategy == "grid":
        points = list(grid(space))
        random.Random(seed).shuffle(points)  # a limit shall not cut off one end of the grid
        return next((one for one in points if one not in before), None)
    known = count(space)
    if known is not None and sum(inside(one, space) for one in before) >= known:
        return None
    if strategy == "tpe":
        point = _likely(space, fields, tried, seed=seed, higher=higher)
        if point not in before:
            return point
    source = random.Random(f"{seed}:{len(tried)}")
    drawn = (_drawn(space, fields, source) for _ in range(AGAIN))
    return next((one for one in drawn if one not in before), None)


def _drawn(space: Space, fields: Fields, source: random.Random) -> Point:
    return {
        name: source.choice(one.values)
        if isinstance(one, Values)
        else at(fields[name], one, source.random())
        for name, one in space.items()
    }


def inside(point: Point, space: Space) -> bool:
    """Whether it is one of the space's own; the values as they were set may be none."""
    return all(
        point[name] in one.values if isinstance(one, Values) else _within(point[name], one)
        for name, one in space.items()
    )


def _within(value: Any, tried: Range) -> bool:
    return isinstance(value, int | float) and tried.low <= value <= tried.high


def _likely(space: Space, fields: Fields, tried: list[Trial], *, seed: int, higher: bool) -> Point:
    """Optuna's TPE, told of all trials anew: it keeps nothing of its own between two of them."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    searched = {name: _distribution(one, fields[name]) for name, one in space.items()}
    study = optuna.create_study(
        direction="maximize" if higher else "minimize",
        sampler=optuna.samplers.TPESampler(seed=(seed * MOST + len(tried)) % 2**31),
    )
    for one in tried:
        if not inside(one.params, space):
            continue
        failed = one.state == "failed"
        study.add_trial(
            optuna.trial.create_trial(
                params={name: _place(one.params[name], space[name]) for name in space},
                distributions=searched,
                value=one.value,
                intermediate_values={} if failed else dict(enumerate(one.steps)),
                state=optuna.trial.TrialState[TOLD[one.state]],
            )
        )
    found = study.ask(searched).params
    return {name: _value(found[name], space[name], fields[name]) for name in space}


def _distribution(tried: Values | Range, field: Param) -> Any:
    """Values by their places: a category of Optuna's may not be a list."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if isinstance(tried, Values):
        return CategoricalDistribution(list(range(len(tried.values))))
    if isinstance(field, Number) and field.whole:
        return IntDistribution(int(tried.low), int(tried.high), log=tried.log)
    return FloatDistribution(tried.low, tried.high, log=tried.log)


def _place(value: Any, tried: Values | Range) -> Any:
    return tried.values.index(value) if isinstance(tried, Values) else value


def _value(found: Any, tried: Values | Range, field: Param) -> Any:
    """As other strategies draw it: rounded, so that a person can read it."""
    if isinstance(tried, Values):
        return tried.values[found]
    low, high = (math.log(one) if tried.log else one for one in (tried.low, tried.high))
    here = math.log(found) if tried.log else found
    return at(field, tried, (here - low) / (high - low))

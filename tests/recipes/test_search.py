"""What a search tries: standard spaces, what is refused, and what comes next."""

from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from recipes import search
from recipes.algorithms import ALGORITHMS
from recipes.engine.tabular.proposing import propose
from recipes.engine.tabular.trials import Trial
from recipes.params import Choice, Flag, Number, ParamError, Params, Range, Values, Whole

TABLES = sorted(name for name, card in ALGORITHMS.items() if card.learner)
PARAMS = Params(
    (
        Whole(name="depth", label="Depth", default=6, minimum=0, maximum=20, search=Range(2, 10)),
        Number(name="rate", label="Rate", default=0.1, minimum=0, maximum=1,
               search=Range(0.01, 0.5, log=True)),
        Flag(name="quick", label="Quick", default=True),
        Choice(name="kind", label="Kind", default="a", options=(("a", "A", ""), ("b", "B", "")),
               search=Values(("a", "b"))),
    )
)  # fmt: skip
FIELDS = {one.name: one for one in PARAMS.fields}


@pytest.mark.parametrize("strategy", ["tpe", "random", "grid"])
@pytest.mark.parametrize("name", TABLES)
def test_each_algorithm_has_a_standard_space_that_its_own_bounds_allow(
    name: str, strategy: str
) -> None:
    made = search.clean(ALGORITHMS[name].params, {"strategy": strategy})
    assert made["space"]
    assert search.clean(ALGORITHMS[name].params, made) == made
    points = search.count(search.read(ALGORITHMS[name].params, made["space"]))
    assert strategy != "grid" or 1 < (points or 0) <= search.FEW


@pytest.mark.parametrize(
    ("raw", "field", "said"),
    [
        ({"strategy": "luck"}, "strategy", "must be one of tpe, random, grid"),
        ({"trials": 0}, "trials", "between 1 and 1000"),
        ({"folds": 1}, "folds", "2 folds at least"),
        ({"minutes": -1}, "minutes", "between 0"),
        ({"speed": 3}, "speed", "no setting called 'speed'"),
        ({"space": {"hue": {"values": [1]}}}, "hue", "no setting called 'hue'"),
        ({"space": {"depth": {"values": [3, 21]}}}, "depth", "between 0 and 20"),
        ({"space": {"depth": {"values": []}}}, "depth", "Give a value to try of 'Depth'"),
        ({"space": {"depth": {"values": 3}}}, "depth", "must be {'values': [...]}"),
        ({"space": {"depth": [3]}}, "depth", "must be {'values': [...]}"),
        ({"space": {"depth": {"low": 9, "high": 3}}}, "depth", "must begin below its end"),
        ({"space": {"depth": {"low": 1.5, "high": 3}}}, "depth", "whole number"),
        ({"space": {"rate": {"low": 0, "high": 1, "log": True}}}, "rate", "begin above 0"),
        ({"space": {"kind": {"low": 1, "high": 2}}}, "kind", "is no number"),
        ({"space": {"kind": {"values": ["c"]}}}, "kind", "must be one of a, b"),
        ({"space": "all"}, "space", "must name settings"),
        ({"strategy": "grid", "space": {"rate": {"low": 0.1, "high": 1}}}, "rate", "has a range"),
        (
            {
                "strategy": "grid",
                "space": {
                    "rate": {"values": [i / 2000 for i in range(501)]},
                    "kind": {"values": ["a", "b"]},
                },
            },
            "space",
            "1,002 points; 1,000 are the most",
        ),
        (
            {"space": {"rate": {"values": [i / 2000 for i in range(1001)]}}},
            "rate",
            "1,001 values are to be tried of 'Rate'; 1,000 are the most",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_is_said(raw: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(ParamError) as wrong:
        search.clean(PARAMS, raw)
    assert said in wrong.value.errors[field]


def test_an_algorithm_without_a_space_asks_for_one() -> None:
    with pytest.raises(ParamError, match="nothing to search"):
        search.clean(Params((Flag(name="quick", label="Quick", default=True),)), {})


def test_values_are_of_the_params_own_type_and_each_stands_once() -> None:
    made = search.clean(PARAMS, {"space": {"depth": {"values": ["3", 3, 4.0]}}})
    assert made["space"] == {"depth": {"values": [3, 4]}}


def test_a_grid_has_each_combination_once() -> None:
    space = search.read(PARAMS, {"depth": {"values": [1, 2]}, "kind": {"values": ["a", "b"]}})
    points = list(search.grid(space))
    assert len(points) == search.count(space) == 4
    assert points[:2] == [{"depth": 1, "kind": "a"}, {"depth": 1, "kind": "b"}]


@given(some.floats(0, 1), some.floats(1e-9, 1e6), some.floats(1.001, 1e6), some.booleans())
def test_what_is_drawn_from_a_range_lies_in_it(
    share: float, low: float, more: float, log: bool
) -> None:
    field = Number(name="x", label="X", default=0, minimum=0, maximum=1e12)
    found = search.at(field, Range(low, low * more, log=log), share)
    assert low <= found <= low * more
    whole = search.at(FIELDS["depth"], Range(2, 10, log=log), share)
    assert isinstance(whole, int)
    assert 2 <= whole <= 10


def tried(points: list[dict[str, Any]]) -> list[Trial]:
    """What came of points: the nearer to a depth of 4, the better."""
    return [
        Trial(number=place, params=one, value=-abs(one["depth"] - 4.0), state="done", seconds=1.0)
        for place, one in enumerate(points, 1)
    ]


@pytest.mark.parametrize("strategy", ["tpe", "random", "grid"])
def test_all_that_there_is_comes_once_and_then_nothing(strategy: str) -> None:
    space = search.read(PARAMS, {"depth": {"values": [1, 4, 9]}, "kind": {"values": ["a", "b"]}})
    points = [{"depth": 6, "kind": "a"}]  # as it was set, which is none of the space
    while point := propose(strategy, space, FIELDS, tried(points), seed=1, higher=True):
        points.append(point)
    assert len(points) == 7
    assert sorted(map(str, points[1:])) == sorted(map(str, search.grid(space)))


@pytest.mark.parametrize("strategy", ["tpe", "random"])
def test_the_same_trials_are_followed_by_the_same_one(strategy: str) -> None:
    space = search.standard(PARAMS)
    before = tried([{"depth": one, "rate": 0.1, "kind": "a"} for one in range(2, 11)])
    several = [propose(strategy, space, FIELDS, before, seed=5, higher=True) for _ in range(3)]
    assert several[0] == several[1] == several[2]
    assert search.read(PARAMS, {k: {"values": [v]} for k, v in (several[0] or {}).items()})


def test_tpe_looks_where_it_was_good() -> None:
    space = search.read(PARAMS, {"depth": {"low": 0, "high": 20}, "rate": {"low": 0, "high": 1}})
    points: list[dict[str, Any]] = [{"depth": 20, "rate": 0.1}]
    while len(points) < 40:
        made = propose("tpe", space, FIELDS, tried(points), seed=3, higher=True)
        assert made is not None
        points.append(made)
    away = [abs(one["depth"] - 4) for one in points]
    assert fmean(away[20:]) < 0.75 * fmean(away[:10])  # the first ten are drawn by chance

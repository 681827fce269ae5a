"""The figures of a drift: nothing where nothing moved, something where something did."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from recipes.engine import drifted
from recipes.engine.evaluation import LeftOut
from recipes.engine.fair_sample import FairSample

COUNTS = st.lists(st.integers(0, 1000), min_size=2, max_size=20)
RNG = np.random.default_rng(5)


@given(COUNTS)
def test_what_is_spread_alike_has_no_index(counts: list[int]) -> None:
    assert drifted.psi(counts, counts) == pytest.approx(0, abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=2, max_size=20))
def test_the_index_is_never_negative_and_the_same_both_ways(pairs: list[tuple[int, int]]) -> None:
    first, second = ([*one] for one in zip(*pairs, strict=True))
    if sum(first) and sum(second):
        there = drifted.psi(first, second)
        assert there >= 0
        assert there == pytest.approx(drifted.psi(second, first))


@given(
    st.lists(st.one_of(st.none(), st.sampled_from("abc")), max_size=30),
    st.lists(st.one_of(st.none(), st.sampled_from("bcd")), max_size=30),
)
def test_any_two_samples_of_categories_have_figures(
    before: list[str | None], now: list[str | None]
) -> None:
    found = drifted.categories(before, now)
    assert bool(found) == bool(before and now)
    if found:
        assert 0 <= found["p"] <= 1
        assert sum(found["drawn"]["now"]) == pytest.approx(1 - found["missing"][1], abs=1e-4)
        assert set(found["new"]) == {one for one in now if one} - {one for one in before if one}


@given(st.lists(st.floats(), max_size=30), st.lists(st.floats(), max_size=30))
def test_any_two_samples_of_numbers_have_figures(before: list[float], now: list[float]) -> None:
    with np.errstate(all="ignore"):
        found = drifted.numbers(np.array(before), np.array(now))
    assert bool(found) == bool(before and now)
    if found:
        assert found["p"] is None or 0 <= found["p"] <= 1


@pytest.mark.parametrize("rows", [200, 3000])
@pytest.mark.parametrize("shift", [0, 0.02, 0.1])
def test_the_test_of_numbers_is_that_of_kolmogorov_and_smirnov(rows: int, shift: float) -> None:
    rng = np.random.default_rng(9)
    before, now = rng.normal(size=4000), rng.normal(shift, size=rows).round(2)
    ours, theirs = drifted.numbers(before, now), stats.ks_2samp(before, now, method="asymp")
    assert ours["statistic"] == pytest.approx(theirs.statistic)
    assert ours["p"] == pytest.approx(theirs.pvalue, abs=0.02)


@pytest.mark.parametrize(
    ("now", "strength"),
    [
        (RNG.normal(size=4000), "none"),
        (RNG.normal(0.35, size=4000), "some"),
        (RNG.normal(1, size=4000), "strong"),
        (np.append(RNG.normal(size=2000), np.full(2000, np.nan)), "strong"),
        (RNG.normal(size=20), "none"),  # few rows have a large index by chance
    ],
)
def test_a_number_drifts_as_far_as_it_was_moved(now: drifted.Floats, strength: str) -> None:
    found = drifted.numbers(np.random.default_rng(1).normal(size=4000), now)
    (told,) = drifted.ranked([{"name": "x", **found}])
    assert told["strength"] == strength


def strength(found: dict[str, Any]) -> str:
    (told,) = drifted.ranked([{"name": "x", **found}])
    return str(told["strength"])


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (np.append(np.zeros(3800), np.full(200, 5.0)),
         np.concatenate([np.zeros(1800), np.full(2000, -1.0), np.full(200, 5.0)])),
        (np.full(4000, 10.0), RNG.normal(3, 1, 4000)),
        (np.full(4000, 10.0), np.full(4000, 11.0)),
        (RNG.random(4000).round(), np.full(4000, 7.0)),
    ],
)  # fmt: skip
def test_numbers_beyond_all_that_were_there_have_drifted(
    before: drifted.Floats, now: drifted.Floats
) -> None:
    assert strength(drifted.numbers(before, now)) == "strong"
    assert strength(drifted.numbers(now, before)) == "strong"


@pytest.mark.parametrize("rows", [5, 20, 100, 1000])
@pytest.mark.parametrize("shares", [1 / np.arange(1, 61), np.ones(300), np.append(20, np.ones(40))])
def test_few_rows_of_many_categories_raise_no_false_alarm(rows: int, shares: Any) -> None:
    luck = np.random.default_rng(4)
    names = np.array([f"v{n:03}" for n in range(len(shares))])
    alarms = 0
    for _ in range(40):
        before, now = (
            luck.choice(names, n, p=shares / shares.sum()).tolist() for n in (4000, rows)
        )
        alarms += strength(drifted.categories(before, now)) != "none"
    assert alarms <= 2


def test_names_that_stand_once_each_have_not_drifted_whichever_came_first() -> None:
    names = np.random.default_rng(6).permutation([f"v{n:04}" for n in range(8000)]).tolist()
    found = drifted.categories(names[:4000], names[4000:])
    assert (found["psi"] < 0.01, strength(found)) == (True, "none")
    assert found["drawn"]["values"][:2] == ["v0000", "v0001"]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (["a"] * 3900 + ["b"] * 100, ["b"] * 20),
        (list("abcde") * 800, ["e"] * 20),
        (["a"] * 4000, ["b"] * 10),
        (["a"] * 4000, [None] * 10),
        (list("abcde") * 800, ["a", "a", "a", "a", "b"] * 20),
    ],
)
def test_few_rows_of_another_category_are_seen(before: list[str], now: list[str | None]) -> None:
    assert strength(drifted.categories(before, now)) == "strong"


def test_a_classifier_that_is_fooled_is_said_to_guess() -> None:
    """Rows that stand twice, once on each side, teach it the opposite."""
    from sklearn.neighbors import KNeighborsClassifier

    rows = np.random.default_rng(2).normal(size=(300, 3))
    found = drifted.apart(rows, rows, lambda: KNeighborsClassifier(1))
    assert found
    assert (found["auc"], found["told"]) == (0.5, False)


def test_rows_are_told_apart_by_a_classifier_only_where_they_differ() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(2)
    before, same, moved = (
        rng.normal(size=(400, 3)),
        rng.normal(size=(300, 3)),
        rng.normal(1, 1, (300, 3)),
    )
    alike = drifted.apart(before, same, LogisticRegression)
    apart = drifted.apart(before, moved, LogisticRegression)
    assert alike
    assert not alike["told"]
    assert apart
    assert apart["told"]
    assert apart["auc"] > 0.8
    assert drifted.apart(before[:20], moved, LogisticRegression) is None


def test_unknown_classes_are_counted_in_bounded_memory() -> None:
    left = LeftOut()
    left.strange(["moth"] * 3 + ["x" * 5000])
    assert left.told()["unknown"]["classes"] == [
        {"name": "moth", "rows": 3}, {"name": "x" * 100, "rows": 1}
    ]  # fmt: skip
    left.strange(str(number) for number in range(20_000))
    told = left.told()
    assert told["unknown"]["count"] is None
    assert told["unknown"]["classes"][0] == {"name": "moth", "rows": 3}
    assert told["left_out"][0]["rows"] == 20_004


def test_a_sample_is_fair_and_bounded() -> None:
    sample = FairSample(100)
    for start in range(0, 10_000, 37):
        sample.take(pa.table({"n": np.arange(start, min(10_000, start + 37))}))
    table = sample.table()
    assert table is not None
    kept = table.column("n").to_numpy()
    assert (len(kept), sample.passed) == (100, 10_000)
    assert len(set(kept.tolist())) == 100
    assert 4000 < kept.mean() < 6000
    assert (np.diff(kept) > 0).all()
    assert FairSample(5).table() is None

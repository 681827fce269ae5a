"""Columns become numbers: what is learned, what stands in for gaps, what is unseen."""

import datetime
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipes.data.encode import Encoder, Matrix, learn
from recipes.features import HANDLING, default, resolve
from recipes.params import ParamError


def handling(kind: str, **changes: Any) -> dict[str, Any]:
    return {**HANDLING.defaults(), "type": kind, **changes}


def encoded(
    values: list[Any], how: dict[str, Any], target: list[float] | None = None
) -> tuple[Encoder, Matrix]:
    truth = np.array(target or [0.0] * len(values))[:, None]
    return learn(pa.table({"x": values}), {"x": how}, truth, seed=0)


NUMBERS = {
    "as they are": ({}, [1, np.nan, 3]),
    "mean": ({"missing": "impute_mean"}, [1, 2, 3]),
    "constant": ({"missing": "impute_constant", "constant": 9.0}, [1, 9, 3]),
    "standard": ({"missing": "impute_mean", "scaling": "standard"}, [-1, 0, 1]),
    "min-max": ({"missing": "impute_median", "scaling": "minmax"}, [0, 0.5, 1]),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_numbers(case: str) -> None:
    changes, wanted = NUMBERS[case]
    _, made = encoded([1.0, None, 3.0], handling("numeric", **changes))
    np.testing.assert_allclose(made[:, 0], wanted, rtol=1e-6)


CATEGORIES = {
    "onehot": ([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], [0, 0, 0]),
    "ordinal": ([[0], [0], [1], [2]], [-1]),
    "frequency": ([[0.5], [0.5], [0.25], [0.25]], [0]),
}


@pytest.mark.parametrize("encoding", CATEGORIES)
def test_categories(encoding: str) -> None:
    wanted, unseen = CATEGORIES[encoding]
    how = handling("category", missing="as_category", encoding=encoding)
    encoder, made = encoded(["a", "a", "b", None], how)
    assert made.tolist() == wanted
    assert encoder.transform(pa.table({"x": ["c"]})).tolist() == [unseen]
    assert encoder.unseen() == {"x": 1}


def test_rare_categories_share_a_column() -> None:
    how = handling("category", missing="as_category", max_categories=1)
    encoder, made = encoded(["a", "a", "b", "c"], how)
    assert encoder.outputs == ["x: a", "x: (missing)", "x: (other)"]
    assert made[:, 2].tolist() == [0, 0, 1, 1]


def test_a_constant_is_a_category_like_others() -> None:
    how = handling("category", missing="impute_constant", constant="none")
    encoder, made = encoded(["a", None, "a"], how)
    assert (encoder.outputs, made.tolist()) == (["x: a", "x: none"], [[1, 0], [0, 1], [1, 0]])
    assert encoder.unseen() == {}


def test_a_target_mean_never_holds_the_rows_own_target() -> None:
    how = handling("category", missing="as_category", encoding="target")
    values, target = [f"v{one}" for one in range(50)], [float(one % 2) for one in range(50)]
    encoder, made = encoded(values, how, target)
    assert abs(np.corrcoef(made[:, 0], target)[0, 1]) < 0.5
    later = encoder.transform(pa.table({"x": values}))
    assert np.corrcoef(later[:, 0], target)[0, 1] > 0.9


def test_dates_become_their_parts() -> None:
    encoder, made = encoded([datetime.date(1970, 1, 3), None], handling("datetime"))
    assert [name.removeprefix("x: ") for name in encoder.outputs] == [
        *("year", "month", "day", "weekday", "hour", "days")
    ]
    assert made[0].tolist() == [1970, 1, 3, 5, 0, 2]
    assert np.isnan(made[1]).all()


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_days_are_days_whatever_a_time_is_counted_in(unit: str) -> None:
    times = pa.array([datetime.datetime(1970, 1, 3, 12)], pa.timestamp(unit))  # noqa: DTZ001
    _, made = encoded(times, handling("datetime"))  # type: ignore[arg-type]
    assert made[0].tolist() == [1970, 1, 3, 5, 12, 2.5]


def test_words_weigh_more_where_they_are_rare() -> None:
    how = handling("text", encoding="tfidf")
    encoder, made = encoded(["the cat", "the dog", "the the cat", None], how)
    cat, dog, the = (encoder.outputs.index(f"x: {word}") for word in ("cat", "dog", "the"))
    assert made[1, dog] > made[0, cat] > made[0, the] > 0
    assert made[3].tolist() == [0, 0, 0]


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.none() | st.floats(-1e6, 1e6), st.none() | st.text("abcde", max_size=2)),
        min_size=2,
        max_size=30,
    ),
    encoding=st.sampled_from(["onehot", "ordinal", "target", "frequency", "hash"]),
    scaling=st.sampled_from(["none", "standard", "minmax"]),
)
def test_an_encoder_survives_json_and_is_finite_where_gaps_are_filled(
    rows: list[tuple[float | None, str | None]], encoding: str, scaling: str
) -> None:
    table = pa.table(
        {
            "n": pa.array([one for one, _ in rows], pa.float64()),
            "c": pa.array([one for _, one in rows], pa.string()),
        }
    )
    features = {
        "n": handling("numeric", missing="impute_mean", scaling=scaling),
        "c": handling("category", missing="as_category", encoding=encoding, max_categories=3),
    }
    truth = np.arange(len(rows), dtype=np.float64)[:, None]
    encoder, made = learn(table, features, truth, seed=0)
    assert np.isfinite(made).all()
    again = Encoder.of(json.loads(json.dumps(encoder.state())))
    assert again.outputs == encoder.outputs
    np.testing.assert_array_equal(again.transform(table), encoder.transform(table))


HOSTILE = {
    "beyond 2^53": ([2**53 + 1, 2**60, None], handling("numeric")),
    "beyond float32": ([1e300, -1e300, 0.0], handling("numeric")),
    "beyond float32, scaled": (
        [1e300, 1e-300, None],
        handling("numeric", scaling="standard", missing="impute_mean"),
    ),
    "the last day": (
        [datetime.date(9999, 12, 31), datetime.date(1, 1, 1)],
        handling("datetime"),
    ),
    "microseconds of far years": (
        pa.array([2**62, -(2**62), None], pa.timestamp("us")),
        handling("datetime"),
    ),
    "days of no calendar": (pa.array([2**31 - 1, 0], pa.date32()), handling("datetime")),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_no_value_is_too_large(case: str) -> None:
    values, how = HOSTILE[case]
    encoder, made = encoded(values, how)
    assert not np.isinf(made).any()
    assert not np.isnan(made[0, -1])
    json.dumps(encoder.state(), allow_nan=False)
    table = pa.table({"x": values})
    np.testing.assert_array_equal(encoder.transform(table), made)


def test_a_column_that_is_the_same_but_for_rounding_is_not_blown_up() -> None:
    values = [0.1, 0.1 + 1e-16, 0.1]
    for scaling in ("standard", "minmax"):
        _, made = encoded(values, handling("numeric", scaling=scaling))
        assert np.abs(made).max() < 1e-6


def test_a_rare_category_was_seen_and_one_called_other_is_not_the_rest() -> None:
    how = handling("category", missing="as_category", max_categories=2)
    encoder, made = encoded(["(other)"] * 3 + ["(missing)"] * 2 + ["rare", None], how)
    names = encoder.outputs
    assert names == ["x: (other)", "x: (missing)", "x: (missing)*", "x: (other)*"]
    assert made.argmax(1).tolist() == [0, 0, 0, 1, 1, 3, 2]
    later = encoder.transform(pa.table({"x": ["rare", "new", "(other)"]}))
    assert later.argmax(1).tolist() == [3, 3, 0]
    assert encoder.unseen() == {"x": 1}


def profile(type_: str, **changes: Any) -> dict[str, Any]:
    known = {"name": "x", "type": type_, "missing": 0, "distinct": 5, "examples": ["a"]}
    return {**known, **changes}


DEFAULTS = {
    "text": (profile("text"), ("input", "category", "as_category")),
    "number": (profile("number"), ("input", "numeric", "impute_median")),
    "boolean": (profile("boolean", distinct=2), ("input", "boolean", "impute_median")),
    "date": (profile("date"), ("input", "datetime", "impute_median")),
    "constant": (profile("number", distinct=1), ("ignore", "numeric", "impute_median")),
    "empty": (profile("text", missing=100, distinct=0), ("ignore", "category", "as_category")),
    "names": (profile("text", distinct=100), ("input", "category", "as_category")),
    "many names": (profile("text", distinct=None), ("ignore", "category", "as_category")),
    "id": (
        profile("integer", distinct=100, min=1, max=100),
        ("ignore", "numeric", "impute_median"),
    ),
    "an id of many rows": (
        profile("integer", distinct=None, min=1, max=100),
        ("ignore", "numeric", "impute_median"),
    ),
    "prose": (
        profile("text", distinct=None, examples=["many words " * 9]),
        ("ignore", "text", "as_is"),
    ),
}


@pytest.mark.parametrize("case", DEFAULTS)
def test_the_handling_of_a_column_nobody_touched(case: str) -> None:
    column, wanted = DEFAULTS[case]
    made = default(column, 100, takes_missing=False, scales=True)
    assert (made["role"], made["type"], made["missing"]) == wanted
    assert bool(made.get("why")) == (made["role"] == "ignore")
    again, _ = resolve([column], {"x": made}, rows=100, takes_missing=False, scales=True)
    assert {**again["x"], "why": None} == {**made, "why": None}


def test_a_column_left_out_by_default_can_be_taken_in() -> None:
    column = profile("text", distinct=None)
    made, notes = resolve(
        [column], {"x": {"role": "input", "encoding": "target"}},
        rows=100, takes_missing=True, scales=False,
    )  # fmt: skip
    assert (made["x"]["role"], made["x"]["encoding"], notes) == ("input", "target", [])


def test_a_constant_must_be_given_and_fit() -> None:
    for constant in (None, "much", "nan", "inf", float("nan"), 10**400):
        given_ = {"x": {"missing": "impute_constant", "constant": constant}}
        with pytest.raises(ParamError, match="constant"):
            resolve([profile("number")], given_, rows=9, takes_missing=True, scales=False)


def test_many_texts_that_repeat_are_not_said_to_be_the_rows_own() -> None:
    column = profile("text", distinct=None)
    whys = [
        default(column, rows, takes_missing=True, scales=False)["why"] for rows in (150_000, 10**6)
    ]
    assert whys == ["nearly every row has a text of its own", "it has over 100,000 texts"]

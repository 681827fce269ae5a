"""A made-up row: what it may hold, and the numbers that hints try."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes import whatif
from recipes.engine.tabular import counterfactuals, seen
from recipes.engine.tabular.counterfactuals import Goal
from recipes.job import Job, write
from recipes.params import ParamError
from tests.recipes import tabling
from tests.recipes.making import events

TYPES = ("text", "integer", "number", "boolean", "date", "datetime")


def column(kind: str, **more: Any) -> dict[str, Any]:
    told = {"name": "x", "type": kind, "may_miss": True, "usual": None, "steps": [], "known": []}
    return {**told, **more}


READ: list[tuple[str, Any, Any]] = [
    ("integer", "12", 12),
    ("integer", 12.0, 12),
    ("integer", "9007199254740993", 9007199254740993),
    ("number", "1e3", 1000.0),
    ("boolean", "Yes", True),
    ("boolean", False, False),
    ("date", "2024-02-29", "2024-02-29"),
    ("datetime", "2024-02-29T18:30", "2024-02-29 18:30:00"),
    ("text", 5, "5"),
    ("number", "", None),
    ("text", None, None),
]


@pytest.mark.parametrize(
    ("values", "missing", "usual"),
    [(["C", "C", "B"], "as_category", None), (["C"] * 5 + ["B"], "as_category", "C"),
     (["C", "C", "B"], "drop_rows", "C")],
)  # fmt: skip
def test_a_form_begins_with_what_most_rows_have_none_included(
    values: list[str], missing: str, usual: str | None
) -> None:
    rows = pa.chunked_array([pa.array([*values, None, None, None])])
    column = SimpleNamespace(name="deck", handling={"type": "category", "missing": missing})
    found = seen._one(rows, cast("Any", column), "text")
    assert found["usual"] == usual
    assert set(found["known"]) == {"B", "C"}


@pytest.mark.parametrize(("kind", "value", "read"), READ)
def test_a_value_is_read_as_its_column_has_it(kind: str, value: Any, read: Any) -> None:
    found = whatif.read(column(kind), value)
    assert found == read
    assert type(found) is type(read)


WRONG: list[tuple[str, Any, str]] = [
    ("integer", "1.5", "whole numbers"),
    ("integer", 2**63, "whole numbers up to"),
    ("number", True, "takes a number"),
    ("number", "nan", "takes a number"),
    ("number", [1], "takes a number"),
    ("boolean", "perhaps", "yes or no"),
    ("date", "29.2.2024", "like 2024-12-31"),
    ("text", {"a": 1}, "takes a text"),
]


@pytest.mark.parametrize(("kind", "value", "sentence"), WRONG)
def test_what_is_no_value_of_the_column_is_said(kind: str, value: Any, sentence: str) -> None:
    with pytest.raises(ParamError, match=sentence):
        whatif.cleaned([column(kind)], {"x": value})


def test_a_gap_that_drops_the_row_is_refused() -> None:
    with pytest.raises(ParamError, match="without it the model predicts nothing"):
        whatif.cleaned([column("number", may_miss=False)], {})
    assert whatif.cleaned([column("number", may_miss=False, usual=3.0)], {}) == {"x": 3.0}


@given(
    st.sampled_from(TYPES),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()),
)
def test_whatever_is_given_is_read_or_refused(kind: str, value: Any) -> None:
    try:
        found = whatif.read(column(kind), value)
    except ValueError as wrong:
        sentence = str(wrong)
    else:
        sentence, again = "'x'", whatif.read(column(kind), found)
        assert again == found
    assert sentence.startswith("'x'")


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.sampled_from(["integer", "number"]))
def test_finer_numbers_lie_between(now: float, value: float, kind: str) -> None:
    if kind == "integer":
        now, value = round(now), round(value)
    for one in counterfactuals.between(now, value, kind):
        assert min(now, value) <= one <= max(now, value)
        assert one not in (now, value)
        assert kind == "number" or isinstance(one, int)


@given(st.lists(st.floats(0.01, 1), min_size=3, max_size=3), st.integers(0, 2))
def test_the_nearer_a_goal_the_more_and_there_it_is_reached(raw: list[float], wanted: int) -> None:
    given_ = np.array([raw]) / sum(raw)
    names = ["a", "b", "c"]
    now = int(given_[0].argmax())
    toward = Goal(names, None, names[wanted])
    ahead = float(toward.near(given_, now)[0])
    assert not toward.reached(given_[0], now) or now != wanted
    other = (now + 1) % 3
    assert toward.reached(given_[0], other) == (now == wanted), "from another class"
    assert not Goal(names, None, names[now]).reached(given_[0], now), "it is so already"
    assert ahead >= -1e-12 if now == wanted else ahead <= 1e-12
    away = Goal(names, None, "")
    assert not away.reached(given_[0], now)
    assert math.isclose(
        float(away.near(given_, now)[0]), min(0.0, float(away.near(given_, now)[0]))
    )


def test_what_is_predicted_already_needs_no_change_and_says_so(tmp_path: Path) -> None:
    x = np.arange(200.0)
    table = pa.table({"x": x, "grade": np.array(["low", "middle", "high"])[(x // 67).astype(int)]})
    spec = {"params": {"rounds": 5}}
    folder = tabling.train(tmp_path, table, "grade", task="multiclass", spec=spec)
    hints = {}
    for toward in ("low", "high"):
        asked = {"bundle": str(folder / "bundle"), "ask": "whatif", "row": {"x": 3}}
        write(tmp_path / toward, Job(job=2, kind="explain", spec={**asked, "toward": toward}))
        tabling.run(tmp_path / toward)
        (done,) = events(tmp_path / toward, "finished")
        (hints[toward],) = done["hints"]
    assert hints["low"] == {"toward": "low", "already": True, "found": []}
    assert not hints["high"]["already"]
    assert hints["high"]["found"][0]["turns"]


def test_a_value_is_moved_no_further_than_it_takes(tmp_path: Path) -> None:
    x = np.arange(400.0)
    table = pa.table({"x": x, "y": np.minimum(x, 100) * 5 + x / 10})
    spec = {"params": {"rounds": 40}}
    folder = tabling.train(tmp_path, table, "y", task="regression", spec=spec)
    asked = {"bundle": str(folder / "bundle"), "ask": "whatif", "row": {"x": 3}}
    write(tmp_path / "asked", Job(job=2, kind="explain", spec=asked))
    tabling.run(tmp_path / "asked")
    (done,) = events(tmp_path / "asked", "finished")
    up, _ = done["hints"]
    (change,) = up["found"][0]["changes"]
    assert up["found"][0]["prediction"] > 400
    assert change["to"] < 150, "beyond 100 hardly anything moves any more"

"""A training that goes on from a version's model: what grows, what stays, what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from recipes.algorithms import ALGORITHMS
from recipes.engine.tabular.model import load
from recipes.job import BadJob
from tests.recipes import tabling
from tests.recipes.making import events
from tests.recipes.tabling import about, small

SLOW = {"rounds": 10, "learning_rate": 0.05}
CHANCELESS = {"catboost": {"bootstrap": "none", "random_strength": 0}}


def trained(home: Path, table: pa.Table, name: str, before: Path | None, **changes: Any) -> Path:
    place = home / f"data-{name}"
    data = tabling.dataset(place, table)
    spec = {"params": SLOW, **changes.pop("spec", {})}
    if before is not None:
        spec["goes_on_from"] = {"bundle": str(before / "bundle"), "version": 3}
    folder = tabling.job(home, data, changes.pop("target", "good"), name=name, spec=spec, **changes)
    tabling.run(folder)
    return folder


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("first"), small(300), "first", None)


def test_xgboost_grows_more_trees_on_those_that_are_there(first: Path, tmp_path: Path) -> None:
    again = trained(tmp_path, small(300), "again", first)
    assert about(again)["learned"] == {"rounds": 20, "device": "cpu", "went_on_from": 10}
    before, after = (load(one / "bundle", threads=1) for one in (first, again))
    booster: Any = after.learner
    rows = after.encoder.transform(small(300).select(["size", "colour"]))
    import xgboost

    old = booster._booster[:10].predict(xgboost.DMatrix(rows))
    np.testing.assert_allclose(old, before.learner.predict(rows)[:, 1], rtol=1e-6)
    said = [one["text"] for one in events(again, "note")]
    assert "The training goes on from version 3, and keeps its encoder." in said
    assert sum("figures of the validation rows are too good" in one for one in said) == 1
    far = [{**one, "seq": 0, "t": 0} for one in events(again, "progress")]
    assert {one["before"] for one in far if one["unit"] == "round"} == {10}
    grown = {"done": 10, "of": 10, "unit": "tree", "eta": None, "before": 10, "share": 1.0}
    assert far[-1] == {"seq": 0, "t": 0, "type": "progress", **grown}
    assert not any("before" in one for one in events(first, "progress"))
    scores = [about(one)["metrics"]["log_loss"] for one in (first, again)]
    assert scores[1] < scores[0]


def test_a_round_in_which_no_tree_grew_is_not_counted_as_one(tmp_path: Path) -> None:
    drawn = {"rounds": 20, "subsample": 0.6, "colsample_bytree": 0.5, "min_samples_leaf": 60}
    both: dict[str, Any] = {"algorithm": "lightgbm", "spec": {"params": drawn, "refit": False}}
    one = trained(tmp_path, small(300), "one", None, **both)
    again = trained(tmp_path, small(300), "again", one, **both)
    learned, told = about(again)["learned"], events(again, "progress")[-1]
    assert learned["best"] > learned["rounds"]
    grown = learned["rounds"] - learned["went_on_from"]
    assert (told["done"], told["of"], told["before"]) == (grown, grown, learned["went_on_from"])


THREE = {"train_share": 0.6, "validation_share": 0.2}
KNEW = "The figures of the validation rows are too good: version 3 had learned from them before"


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        ({}, {}, f"{KNEW} (the final model of it learned from the validation rows too)."),
        ({"split": THREE}, {"split": THREE}, "Those of the test rows are not."),
        ({"refit": False}, {"refit": False}, ""),
        ({"refit": False}, {"split": THREE}, "the data or the split are others than those of"),
    ],
)
def test_figures_of_rows_that_it_knew_say_so(
    tmp_path: Path, then: Any, now: Any, said: str
) -> None:
    one = trained(tmp_path, small(300), "one", None, spec=then)
    two = trained(tmp_path, small(300), "two", one, spec=now)
    (finished,) = events(two, "finished")
    diagnosed = json.loads((two / "bundle" / "report.json").read_text())["diagnostics"]
    told = about(two).get("too_good", "")
    assert said in told
    assert bool(told) == bool(said)
    assert finished["facts"].get("too_good", "") == told
    assert [one["text"] for one in diagnosed if one["kind"] == "too_good"] == [told] * bool(said)


def test_rows_that_another_time_orders_are_split_otherwise(tmp_path: Path) -> None:
    days = {"a": np.arange(300), "b": np.arange(300)[::-1]}

    def spec(time: str, other: str) -> Any:
        ordered = {time: {"role": "time"}, other: {"role": "ignore"}}
        return {"features": ordered, "split": {"policy": "time"}, "refit": False}

    one = trained(tmp_path, small(300, **days), "one", None, spec=spec("a", "b"))
    two = trained(tmp_path, small(300, **days), "two", one, spec=spec("b", "a"))
    same = trained(tmp_path, small(300, **days), "same", one, spec=spec("a", "b"))
    assert "the data or the split are others than those of" in about(two)["too_good"]
    assert "too_good" not in about(same)


def test_who_goes_on_from_one_that_knew_the_rows_knows_them(first: Path, tmp_path: Path) -> None:
    second = trained(tmp_path, small(300), "second", first, spec={"refit": False})
    third = trained(tmp_path, small(300), "third", second, spec={"refit": False})
    assert about(third)["too_good"].startswith(f"{KNEW} (so had what it went on from itself).")


@pytest.mark.parametrize("name", ["lightgbm", "catboost"])
def test_other_boosted_trees_grow_more_too(tmp_path: Path, name: str) -> None:
    more: Any = {"algorithm": name, "compute": {"threads": 1}}
    params = {**SLOW, **CHANCELESS.get(name, {})}
    one = trained(tmp_path, small(300), "one", None, spec={"params": params}, **more)
    two = trained(tmp_path, small(300), "two", one, spec={"params": params}, **more)
    same = {**params, "rounds": 20}
    longer = trained(tmp_path, small(300), "longer", None, spec={"params": same}, **more)
    assert about(two)["learned"] == {"rounds": 20, "device": "cpu", "went_on_from": 10}
    rows = small(300).select(["size", "colour"])
    given = [load(each / "bundle", threads=1).predict(rows) for each in (two, longer)]
    np.testing.assert_allclose(*given, rtol=1e-5)


def test_going_on_is_the_same_as_training_as_long_at_once(first: Path, tmp_path: Path) -> None:
    again = trained(tmp_path, small(300), "again", first)
    longer = trained(tmp_path, small(300), "longer", None, spec={"params": {**SLOW, "rounds": 20}})
    one, other = (load(each / "bundle", threads=1) for each in (again, longer))
    rows = small(300).select(["size", "colour"])
    np.testing.assert_allclose(one.predict(rows), other.predict(rows), rtol=1e-5)


def test_the_encoder_stays_though_the_rows_would_teach_another(first: Path, tmp_path: Path) -> None:
    colours = ["red", "pink"] * 150
    table = small(300).set_column(1, "colour", pa.array(colours))
    again = trained(tmp_path, table, "again", first)
    states = [(one / "bundle" / "encoder.json").read_text() for one in (first, again)]
    assert states[0] == states[1]
    said = [one["text"] for one in events(again, "note")]
    assert any("The figures may be too good" in one for one in said)


@pytest.mark.parametrize("task", ["two_class", "regression"])
def test_a_perceptron_goes_on_from_its_weights(tmp_path: Path, task: str) -> None:
    table = small(300)
    if task == "regression":
        table = table.set_column(2, "good", pa.array(np.linspace(1000, 2000, 300)))
        table = table.set_column(0, "size", pa.array(np.linspace(-1, 1, 300)))
    changes: dict[str, Any] = {
        "algorithm": "mlp",
        "task": task,
        "spec": {"params": {"rounds": 6, "width": 20, "early_stopping": False}},
    }
    one = trained(tmp_path, table, "one", None, **json.loads(json.dumps(changes)))
    changes["spec"]["params"]["learning_rate"] = 0.002
    two = trained(tmp_path, table, "two", one, **changes)
    assert [about(each)["learned"]["rounds"] for each in (one, two)] == [6, 12]
    losses = [
        [each["train_loss"] for each in events(folder, "epoch")][place]
        for folder, place in ((one, -1), (two, 0))
    ]
    assert losses[1] < losses[0]


def test_early_stopping_counts_from_where_it_goes_on(first: Path, tmp_path: Path) -> None:
    params = {"rounds": 200, "learning_rate": 0.5, "patience": 4}
    again = trained(tmp_path, small(300), "again", first, spec={"params": params})
    learned, (finished,) = about(again)["learned"], events(again, "finished")
    assert 10 < learned["rounds"] < 210
    grown = finished["facts"]["epochs"]
    assert grown == learned["rounds"] - 10 + 4


REFUSED: dict[str, tuple[pa.Table, dict[str, Any], str]] = {
    "a column more": (small(300, more=list(range(0, 600, 2))), {}, "reads now 'more'"),
    "a column less": (small(300).select(["size", "good"]), {}, "no longer reads 'colour'"),
    "handled otherwise": (
        small(300),
        {"spec": {"features": {"colour": {"encoding": "ordinal"}}}},
        "Handled otherwise than in the version: 'colour'",
    ),
    "another type": (
        small(300).set_column(0, "size", pa.array([True, False] * 150)),
        {},
        "Handled otherwise than in the version: 'size'",
    ),
    "other classes": (small(300, good=["y", "maybe"] * 150), {}, "has the new 'maybe'.*lacks 'n'"),
    "another form": (
        small(300),
        {"spec": {"params": {"booster": "dart"}}},
        "'Booster' is 'dart' and was 'gbtree' in the version",
    ),
    "another algorithm": (
        small(300),
        {"algorithm": "mlp", "spec": {"params": {}}},
        "The version has the algorithm 'xgboost'",
    ),
    "one that cannot": (
        small(300),
        {"algorithm": "ridge", "task": "regression", "target": "size", "spec": {"params": {}}},
        "Ridge regression cannot go on from a model",
    ),
    "a cross-test": (small(300), {"spec": {"split": {"policy": "kfold"}}}, "In a cross-test"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_match_is_refused_with_a_sentence(
    case: str, first: Path, tmp_path: Path
) -> None:
    table, changes, sentence = REFUSED[case]
    with pytest.raises(BadJob, match=sentence):
        trained(tmp_path, table, "again", first, **json.loads(json.dumps(changes)))


def test_target_means_hold_the_rows_own_targets(tmp_path: Path) -> None:
    spec = {"features": {"colour": {"encoding": "target"}}}
    one = trained(tmp_path, small(300), "one", None, spec=dict(spec))
    with pytest.raises(BadJob, match="'colour' is encoded by the target's mean"):
        trained(tmp_path, small(300), "two", one, spec=dict(spec))


def test_a_learning_curve_of_what_knows_more_rows_is_not_drawn(first: Path, tmp_path: Path) -> None:
    again = trained(tmp_path, small(300), "again", first, spec={"learning_curve": True})
    assert json.loads((again / "bundle" / "report.json").read_text())["learning"] is None
    assert any("No learning curve" in one["text"] for one in events(again, "note"))


def test_what_goes_on_must_be_the_same_are_settings_of_the_card() -> None:
    for card in ALGORITHMS.values():
        assert set(card.goes_on or ()) <= {one.name for one in card.params.fields}

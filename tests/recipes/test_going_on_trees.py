"""scikit-learn's trees that go on from a version: old ones stay, more learn from today's rows."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from recipes import going_on
from recipes.algorithms import ALGORITHMS
from recipes.engine.tabular.model import Model, load
from recipes.job import BadJob
from recipes.learners.learner import Rows, Setup, Told, TooFewRows
from tests.recipes import tabling
from tests.recipes.making import events
from tests.recipes.tabling import about, small

GROWN = {
    "random_forest": {"trees": 6},
    "extra_trees": {"trees": 6},
    "hist_gradient_boosting": {"rounds": 6},
}


def trained(home: Path, name: str, before: Path | None, table: pa.Table, **spec: Any) -> Path:
    algorithm, version = spec.pop("algorithm"), spec.pop("version", 1)
    given = {"params": GROWN[algorithm], "refit": False, **spec}
    if before is not None:
        given["goes_on_from"] = {"bundle": str(before / "bundle"), "version": version}
    data = tabling.dataset(home / f"data-{name}", table)
    task = given.pop("task", "two_class")
    folder = tabling.job(home, data, "good", name=name, task=task, algorithm=algorithm, spec=given)
    tabling.run(folder)
    return folder


def drifted(count: int = 300) -> pa.Table:
    """Numbers of another size, so that their bins and best splits are others too."""
    size = np.random.default_rng(4).normal(8, 30, count)
    return small(count, size=size, good=np.where(size > 9, "y", "n"))


def margins(model: Model, rows: pa.Table, trees: slice) -> Any:
    """What these trees say, by themselves."""
    one: Any = model.learner.native()  # type: ignore[attr-defined]
    seen = model.encoder.transform(rows)
    if hasattr(one, "estimators_"):
        return np.mean([each.predict_proba(seen) for each in one.estimators_[trees]], 0)
    made = np.zeros((len(seen), one.n_trees_per_iteration_), order="F")
    one._predict_iterations(seen.astype(np.float64), one._predictors[trees], made, False, 1)
    return made


@pytest.mark.parametrize("name", ["random_forest", "hist_gradient_boosting"])
def test_a_chain_of_versions_keeps_all_trees_and_knows_whose_they_are(
    tmp_path: Path, name: str
) -> None:
    one = trained(tmp_path, "one", None, small(80), algorithm=name)
    two = trained(tmp_path, "two", one, drifted(80), algorithm=name)
    three = trained(tmp_path, "three", two, drifted(80), algorithm=name, version=2)
    learned = [about(each)["learned"] for each in (one, two, three)]
    assert [each["rounds"] for each in learned] == [6, 12, 18]
    assert [each.get("went_on_from", 0) for each in learned] == [0, 6, 12]
    known = [{"version": number, "rounds": 6, "unit": "tree"} for number in (1, 2)]
    assert about(three)["lineage"] == known
    (finished,) = events(three, "finished")
    assert finished["facts"]["lineage"] == about(three)["lineage"]
    assert finished["facts"]["epochs"] <= 6, "its history is its own"
    rows = drifted(80).select(["size", "colour"])
    models = [load(each / "bundle", threads=1) for each in (one, two, three)]
    for before, after, there in zip(models, models[1:], (6, 12), strict=False):
        old = margins(before, rows, slice(None))
        assert np.array_equal(margins(after, rows, slice(there)), old)
        assert not np.allclose(margins(after, rows, slice(None)), old)


def learner(name: str, **params: Any) -> Any:
    card = ALGORITHMS[name]
    assert card.learner is not None
    given = card.params.clean({**GROWN[name], **params})
    setup = Setup(classes=3, params=given, seed=1, threads=1, device="cpu", names=["a", "b", "c"])
    return card.learner(setup)


def rows(count: int = 240) -> Rows:
    matrix = np.random.default_rng(0).normal(size=(count, 3)).astype(np.float32)
    return Rows(matrix, np.digitize(matrix[:, 0], (-0.5, 0.5)).astype(np.float64), None)


@pytest.mark.parametrize("name", GROWN)
def test_on_the_same_rows_it_is_as_if_it_had_learned_as_long_at_once(
    tmp_path: Path, name: str
) -> None:
    ((param, count),) = GROWN[name].items()
    one, two, longer = learner(name), learner(name), learner(name, **{param: 2 * count})
    one.fit(rows(), None, Told())
    one.save(tmp_path)
    two.load(tmp_path)
    two.fit(rows(), None, Told())
    longer.fit(rows(), None, Told())
    given = [each.predict(rows().matrix) for each in (two, longer)]
    np.testing.assert_allclose(*given, rtol=1e-12)
    assert two.facts() == {"rounds": 2 * count, "device": "cpu", "went_on_from": count}


@pytest.mark.parametrize("task", ["two_class", "regression"])
def test_boosting_goes_on_from_what_the_old_trees_say_of_todays_numbers(
    tmp_path: Path, task: str
) -> None:
    """scikit-learn's own warm start asks the old trees about bins that are not theirs."""
    more: dict[str, Any] = {"algorithm": "hist_gradient_boosting", "task": task}
    more["params"] = {"rounds": 80, "patience": 3, "learning_rate": 0.3}
    first, today = small(300), drifted()
    if task == "regression":
        first = first.set_column(2, "good", pa.array(np.sin(first["size"].to_numpy()) * 100))
        today = today.set_column(2, "good", pa.array(today["size"].to_numpy() ** 2))
    one = trained(tmp_path, "one", None, first, **more)
    two = trained(tmp_path, "two", one, today, **more)
    metric = "log_loss" if task == "two_class" else "rmse"
    fresh = trained(tmp_path, "fresh", None, today, **more)
    # What is wrong about the old trees on today's rows is learned away, not added to.
    assert about(two)["metrics"][metric] < 1.3 * about(fresh)["metrics"][metric] + 0.01
    told, learned = events(two, "finished")[0]["facts"]["epochs"], about(two)["learned"]
    assert told == learned["rounds"] - learned["went_on_from"] <= 80
    assert learned["best"] > learned["went_on_from"]


def test_early_stopping_counts_from_the_trees_that_are_there() -> None:
    known = rows()
    noise = Rows(known.matrix, np.random.default_rng(1).permutation(known.target), None)
    one = learner("hist_gradient_boosting", rounds=60, patience=4, learning_rate=0.3)
    one.fit(known, known, Told())
    there = one.facts()["rounds"]
    one.fit(noise, known, Told())  # each tree makes it worse than it was
    assert one.facts()["rounds"] == there + 4


@pytest.mark.parametrize("name", GROWN)
def test_a_class_without_a_training_row_is_a_sentence(name: str) -> None:
    one, all_ = learner(name), rows()
    one.fit(all_, None, Told())
    some = all_.target < 2
    with pytest.raises(TooFewRows, match="tell other classes apart than the training rows have"):
        one.fit(Rows(all_.matrix[some], all_.target[some], None), None, Told())


def test_a_forest_does_not_grow_for_ever(tmp_path: Path) -> None:
    one = trained(tmp_path, "one", None, small(80), algorithm="random_forest")
    told = json.loads((one / "bundle" / "model.json").read_text())
    told["learned"]["rounds"] = 99_995
    (one / "bundle" / "model.json").write_text(json.dumps(told))
    with pytest.raises(BadJob, match="has 99,995 trees and 6 more would come: Random forest has"):
        trained(tmp_path, "two", one, small(80), algorithm="random_forest")


def test_one_that_stops_early_may_be_given_as_many_as_there_can_be() -> None:
    spec = {"algorithm": "xgboost", "params": {"rounds": 100_000, "early_stopping": True}}
    assert not going_on._too_many({"learned": {"rounds": 300}}, spec)
    assert going_on._too_many({"learned": {"rounds": 100_000}}, spec)
    spec["params"] = {"rounds": 100_000, "early_stopping": False}
    assert going_on._too_many({"learned": {"rounds": 300}}, spec)


def test_where_a_version_came_from_is_told_as_far_as_it_was_written_down() -> None:
    old = {"learned": {"rounds": 30, "went_on_from": 20}}
    known = [(None, 20), (4, 10)]
    assert [(one["version"], one["rounds"]) for one in going_on.lineage(old, 4)] == known
    (one,) = going_on.lineage({"epochs": 3}, 1)
    assert one == {"version": 1, "rounds": 3, "unit": "epoch"}


CONVEX = ("logistic_regression", "ridge", "svm")


@pytest.mark.parametrize("name", ALGORITHMS)
def test_each_algorithm_says_how_it_goes_on_or_why_not(name: str) -> None:
    card = ALGORITHMS[name]
    assert bool(going_on.how(name)) == (card.goes_on is not None) == (not card.anew)
    said = going_on.never(name, {})
    assert bool(said) == bool(card.anew)
    assert ("one best solution" in said) == (name in CONVEX)
    assert ("the training rows themselves" in said) == (name == "knn")
    if said:
        assert said.startswith(f"{card.label} cannot go on from a model, and need not: ")
        assert "Backbone" not in said, "what learns from pictures is no other choice"

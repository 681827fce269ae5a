"""A random forest on a GPU: what is made and proved of cuML's trees, whose place a double takes."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recipes.algorithms import ALGORITHMS
from recipes.learners import on_cuml
from recipes.learners.array_api import GpuTooSmall
from recipes.learners.converted import Unlike
from recipes.learners.forest_on_cuml import share
from recipes.learners.learner import Rows, Setup, Told, WrongDevice
from tests.recipes import cuml_forest

RNG = np.random.default_rng(0)
FULL = RNG.normal(size=(600, 4)).astype(np.float32)
GAPS = np.where(RNG.random(FULL.shape) < 0.2, np.float32(np.nan), FULL)
GAPS[:, 3] = FULL[:, 3]
SUM = FULL[:, 0] + FULL[:, 1] / 2
AIM = {2: SUM > 0, 3: np.digitize(SUM, (-0.5, 0.5)), 0: 1000 + 30 * SUM}
WEIGHT = RNG.random(600) + 0.1
CARD = ALGORITHMS["random_forest"]


@pytest.fixture
def cuml(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, double in cuml_forest.modules().items():
        monkeypatch.setitem(sys.modules, name, double)
    monkeypatch.setattr(on_cuml.extras, "installed", lambda name: "26.10.0")
    return monkeypatch


def learner(classes: int, device: str, **params: Any) -> Any:
    assert CARD.learner is not None
    setup = Setup(
        classes=classes, params=CARD.params.clean({"trees": 12, **params}), seed=1, threads=2,
        device=device, names=["a", "b", "c", "d"],
    )  # fmt: skip
    return CARD.learner(setup)


def given(classes: int, matrix: Any = FULL, weight: Any = None) -> Rows:
    return Rows(matrix, np.asarray(AIM[classes], np.float64), weight)


def fitted(classes: int, device: str = "cuda", told: Told | None = None, **more: Any) -> Any:
    rows = given(classes, **{name: more.pop(name) for name in ("matrix", "weight") if name in more})
    made = learner(classes, device, **more)
    made.fit(rows, rows, told or Told())
    return made


@pytest.mark.parametrize("matrix", [FULL, GAPS], ids=["full", "gaps"])
@pytest.mark.parametrize("classes", [2, 3, 0])
def test_its_trees_are_a_forest_of_scikit_learn_that_scores_anywhere(
    cuml: pytest.MonkeyPatch, classes: int, matrix: Any, tmp_path: Path
) -> None:
    told = Told()
    there = fitted(classes, told=told, matrix=matrix)
    (said,) = told.notes
    assert said.startswith("cuML learned this; scikit-learn predicts as it did, on 600 rows.")
    assert ("It knows no missing values" in said) == (matrix is GAPS)
    assert there.facts() == {"rounds": 12, "device": "cuda:0", "accelerated": True}
    there.save(tmp_path)
    again = learner(classes, "cpu")
    again.load(tmp_path)
    np.testing.assert_array_equal(again.predict(matrix), there.predict(matrix))
    here = fitted(classes, "cpu", matrix=matrix)
    assert np.abs(there.predict(matrix) - here.predict(matrix)).mean() < (0.1 if classes else 4)


@pytest.mark.parametrize("classes", [2, 3, 0])
def test_its_importances_are_those_of_the_rows_that_pass_through_its_trees(
    cuml: pytest.MonkeyPatch, classes: int
) -> None:
    named, there = fitted(classes, weight=WEIGHT, trees=40).importance()
    assert named == "Impurity: how much the splits on it sorted the training rows"
    _, here = fitted(classes, "cpu", weight=WEIGHT, trees=40).importance()
    assert there.sum() == pytest.approx(1)
    np.testing.assert_allclose(there, here, atol=0.08)


def test_a_forest_grows_in_steps_and_may_be_stopped(cuml: pytest.MonkeyPatch) -> None:
    heard: list[dict[str, Any]] = []
    told = Told(heard.append, lambda: len(heard) == 2)
    made = fitted(2, told=told, trees=30)
    assert [one["round"] for one in heard] == [4, 8]
    assert heard[0]["val_loss"] > 0
    assert len(made.native().estimators_) == made.native().n_estimators == 8
    seeds = sys.modules["cuml.ensemble"].RandomForestClassifier.seeds
    assert len(set(seeds)) == 2, "trees of two steps would be the same"


@pytest.mark.parametrize("devices", [("cuda", "cuda"), ("cpu", "cuda"), ("cuda", "cpu")])
@pytest.mark.parametrize("classes", [3, 0])
def test_trees_of_either_device_stay_when_more_come_on_the_other(
    cuml: pytest.MonkeyPatch, classes: int, devices: tuple[str, str], tmp_path: Path
) -> None:
    before = fitted(classes, devices[0], trees=5)
    before.save(tmp_path)
    after = learner(classes, devices[1], trees=7)
    after.load(tmp_path)
    after.fit(given(classes), None, Told())
    assert after.facts()["went_on_from"] == 5
    trees = after.native().estimators_
    assert len(trees) == after.facts()["rounds"] == 12
    for old, new in zip(before.native().estimators_, trees, strict=False):
        np.testing.assert_array_equal(old.tree_.value, new.tree_.value)
    assert not any(
        np.array_equal(trees[0].tree_.threshold, one.tree_.threshold) for one in trees[5:]
    )
    assert np.isfinite(after.importance()[1]).all()
    single = np.mean([one.predict(FULL) for one in trees], 0)
    if not classes:
        np.testing.assert_allclose(after.predict(FULL), single)


def test_one_class_alone_is_learned(cuml: pytest.MonkeyPatch) -> None:
    made = learner(2, "cuda")
    made.fit(Rows(FULL, np.ones(600), None), None, Told())
    np.testing.assert_array_equal(made.predict(FULL[:3]), [[0, 1]] * 3)


def test_what_it_cannot_is_said(cuml: pytest.MonkeyPatch) -> None:
    cuml.setattr(cuml_forest.Forest, "shift", 0.01)
    with pytest.raises(Unlike, match=r"of cuML that it was made from, by up to 0\.01"):
        fitted(2)
    cuml.setattr(cuml_forest.Forest, "full", True)
    with pytest.raises(GpuTooSmall, match="600 rows of 4 numbers"):
        fitted(2)
    cuml.setitem(sys.modules, "cupy", cuml_forest.modules(free=2**29)["cupy"])
    with pytest.raises(GpuTooSmall):
        fitted(2)
    cuml.setattr(on_cuml.extras, "installed", lambda name: "")
    with pytest.raises(WrongDevice, match="make extras NAMES=rapids"):
        fitted(2)


def test_histograms_of_many_classes_are_of_fewer_nodes_at_once(cuml: pytest.MonkeyPatch) -> None:
    aim = np.arange(600) % 150
    made = learner(150, "cuda", trees=1, max_depth=3)
    made.fit(Rows(FULL, aim.astype(np.float64), None), None, Told())
    (asked,) = sys.modules["cuml.ensemble"].RandomForestClassifier.asked
    assert asked["max_batch_size"] == 2**29 // (512 * 10 * 150 * 8)


@pytest.mark.parametrize("columns", [1, 2, 3, 9, 64, 1000, 12_321])
def test_as_many_columns_are_tried_as_by_scikit_learn(columns: int) -> None:
    for tried, count in (
        ("sqrt", int(columns**0.5)),
        ("log2", int(np.log2(columns))),
        (None, columns),
    ):
        single = np.float32(share(tried, columns))
        assert int(single * np.float32(columns)) == max(1, count)
        assert single <= 1


def test_the_cpu_asks_nothing_of_it() -> None:
    assert fitted(2, "cpu").facts() == {"rounds": 12, "device": "cpu"}
    assert "cuml.ensemble" not in sys.modules

"""What learners do between and after their rounds: stop, tell, keep the best, count again."""

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import log_loss
from sklearn.neural_network import _multilayer_perceptron

from recipes.algorithms import ALGORITHMS
from recipes.engine.tabular import fitting
from recipes.job import GaveWay
from recipes.learners.learner import (
    Learner,
    Round,
    Rows,
    Setup,
    Told,
    TooFewRows,
    went_back,
)
from tests.recipes import tabling
from tests.recipes.making import events

WORDS = ["finish_early", "yield"]


def rows(count: int, seed: int = 0, *, weight: Any = None) -> Rows:
    """Two classes that a third of the rows deny, so that learning by heart is seen."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(count, 4)).astype(np.float32)
    target = ((matrix[:, 0] > 0) ^ (rng.random(count) < 0.3)).astype(np.float64)
    return Rows(matrix, target, weight)


def setup(name: str, classes: int = 2, threads: int = 1, **params: Any) -> Setup:
    card = ALGORITHMS[name]
    cleaned = card.resolve(card.params.clean(params), {}, {}, "cpu").params
    names = [f"x{place}" for place in range(4)]
    return Setup(
        classes=classes, params=cleaned, seed=1, threads=threads, device="cpu", names=names
    )


def learner(name: str, **params: Any) -> Learner:
    build = ALGORITHMS[name].learner
    assert build is not None
    return build(setup(name, **params))


def fitted(one: Learner, validation: Rows | None = None, stop_at: int = 0) -> list[Round]:
    """The rounds that it told."""
    told: list[Round] = []
    stopped = (lambda: len(told) >= stop_at - 1) if stop_at else (lambda: False)
    one.fit(rows(200), validation, Told(told.append, stopped))
    return told


@pytest.mark.parametrize("name", ["xgboost", "lightgbm", "catboost"])
@pytest.mark.parametrize("at", [1, 3])
def test_boosting_stops_early_by_order_in_any_round(name: str, at: int) -> None:
    one = learner(name, rounds=50)
    assert [each["round"] for each in fitted(one, rows(80, 1), stop_at=at)][-1] == at
    assert 1 <= one.facts()["rounds"] <= at


@pytest.mark.parametrize("name", ["xgboost", "lightgbm"])
def test_boosting_tells_the_round_in_which_it_stops_early(name: str) -> None:
    one = learner(name, rounds=500, patience=5)
    told = fitted(one, rows(80, 1))
    assert len(told) == one.facts()["rounds"] + 5
    losses = [each["val_loss"] for each in told]
    assert losses.index(min(losses)) + 1 == one.facts()["rounds"]


def test_dart_has_no_best_round_to_go_back_to_and_exact_needs_a_depth() -> None:
    card = ALGORITHMS["xgboost"]
    for change, name, value, words in (
        ({"booster": "dart"}, "early_stopping", False, "Early stopping is off"),
        ({"tree_method": "exact", "max_depth": 0}, "tree_method", "hist", "without a depth limit"),
    ):
        done = card.resolve(card.params.clean(change), {}, {}, "cpu")
        assert done.params[name] == value
        assert words in done.notes[0]
        assert card.resolve(done.params, {}, {}, "cpu").notes == []
    fitted(learner("xgboost", booster="dart", rounds=5), rows(80, 1))


def test_boosted_trees_weigh_the_rows_that_stop_them() -> None:
    weight = np.where(np.arange(80) < 40, 1.0, 0.0)
    held = rows(80, 1, weight=weight)
    one = learner("hist_gradient_boosting", rounds=3)
    last = fitted(one, held)[-1]
    given = one.predict(held.matrix[:40])
    assert last["val_loss"] == pytest.approx(log_loss(held.target[:40], given), rel=1e-4)


def test_boosted_trees_tell_every_round_and_know_their_best() -> None:
    one = learner("hist_gradient_boosting", rounds=6, early_stopping=False)
    assert [each["round"] for each in fitted(one)] == [1, 2, 3, 4, 5, 6]
    one = learner("hist_gradient_boosting", rounds=300, patience=4)
    told = fitted(one, rows(80, 1))
    assert one.facts()["rounds"] == len(told) == one.facts()["best"] + 4


def test_a_perceptron_draws_other_batches_in_each_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[tuple[int, ...]] = []
    drawn = _multilayer_perceptron.shuffle

    def shuffle(places: Any, random_state: Any) -> Any:
        made = drawn(places, random_state=random_state)
        orders.append(tuple(made.tolist()))
        return made

    monkeypatch.setattr(_multilayer_perceptron, "shuffle", shuffle)
    fitted(learner("mlp", rounds=3, width=4))
    assert len(set(orders)) == 3


def test_a_perceptron_without_early_stopping_keeps_its_last_epoch() -> None:
    held = rows(80, 1)
    for early, at in ((False, 30), (True, None)):
        one = learner("mlp", rounds=30, width=50, learning_rate=0.05, early_stopping=early)
        told = fitted(one, held)
        at = at or 1 + int(np.argmin([each["val_loss"] for each in told]))
        loss = log_loss(held.target, one.predict(held.matrix))
        assert loss == pytest.approx(told[at - 1]["val_loss"])
        assert one.facts()["rounds"] == at


def test_more_neighbours_than_rows_are_refused_with_a_sentence() -> None:
    with pytest.raises(TooFewRows, match="K is 500 and the training has 200 rows"):
        fitted(learner("knn", neighbours=500))


@pytest.mark.parametrize("name", ["random_forest", "knn"])
def test_a_loaded_model_uses_the_threads_of_its_job(name: str, tmp_path: Path) -> None:
    one = learner(name, threads=2, **({"trees": 3} if name == "random_forest" else {}))
    fitted(one)
    one.save(tmp_path)
    other: Any = learner(name, threads=1)
    other.load(tmp_path)
    assert other._model.n_jobs == 1


@pytest.mark.parametrize(("classes", "tried"), [(2, "sqrt"), (0, None)])
@pytest.mark.parametrize("name", ["random_forest", "extra_trees"])
def test_a_forest_tries_as_many_columns_as_its_library(name: str, classes: int, tried: Any) -> None:
    one: Any = learner(name, classes=classes, trees=1)
    fitted(one)
    assert one._model.max_features == tried


def crossed(home: Path, algorithm: str, params: dict[str, Any]) -> Path:
    data = tabling.dataset(home / "data", tabling.small())
    spec = {"params": params, "split": {"policy": "kfold", "folds": 3}}
    return tabling.job(home, data, "good", algorithm=algorithm, spec=spec)


@pytest.mark.parametrize("word", WORDS)
def test_a_cross_test_stops_between_folds_that_are_fitted_in_one_call(
    tmp_path: Path, word: str
) -> None:
    folder = crossed(tmp_path, "logistic_regression", {})
    (folder / "stop").write_text(word)
    if word == "yield":
        with pytest.raises(GaveWay):
            tabling.run(folder)
        return
    tabling.run(folder)
    notes = [one["text"] for one in events(folder, "note")]
    assert "Finished early, after 1 of 3 folds." in notes


def test_the_final_fit_of_a_cross_test_gives_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = crossed(tmp_path, "xgboost", {"rounds": 3})
    run = fitting.Fit.run

    def running(fit: fitting.Fit, *given: Any, **more: Any) -> Any:
        if more.get("deaf"):
            (folder / "stop").write_text("yield")
        return run(fit, *given, **more)

    monkeypatch.setattr(fitting.Fit, "run", running)
    with pytest.raises(GaveWay):
        tabling.run(folder)


def test_a_cross_test_tells_its_progress_once_over_all_models_and_keeps_one_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[weakref.ref[Any]] = []
    alive: list[int] = []
    fold = fitting.fold

    def folding(*given: Any) -> Any:
        gc.collect()
        alive.append(sum(one() is not None for one in made))
        model = fold(*given)
        made.append(weakref.ref(model.learner))
        return model

    monkeypatch.setattr(fitting, "fold", folding)
    folder = crossed(tmp_path, "xgboost", {"rounds": 3})
    tabling.run(folder)
    assert alive == [0, 1, 2]  # the first one, and the one that was just made
    told = [one for one in events(folder, "progress") if one["unit"] == "model"]
    done = [one["done"] for one in told]
    assert done == sorted(set(done))
    assert (done[-1], told[-1]["of"]) == (4, 4)
    share = [one["share"] for one in told]
    assert share == sorted(set(share))


@pytest.mark.parametrize(
    ("algorithm", "params", "unit"),
    [
        ("mlp", {"rounds": 3}, "epoch"),
        ("random_forest", {"trees": 3}, "tree"),
        ("xgboost", {"rounds": 3}, "round"),
    ],
)
def test_what_is_counted_is_called_as_its_setting_is(
    tmp_path: Path, algorithm: str, params: dict[str, int], unit: str
) -> None:
    spec = {"params": params, "refit": False}
    folder = tabling.train(tmp_path, tabling.small(), algorithm=algorithm, spec=spec)
    assert {one["unit"] for one in events(folder, "progress")} == {unit, "step"}


def test_an_epoch_is_told_once(tmp_path: Path) -> None:
    folder = tabling.train(tmp_path, tabling.small())
    told = [one["epoch"] for one in events(folder, "epoch")]
    assert told == sorted(set(told))
    assert told[-1] == 5


@pytest.mark.parametrize(
    ("kept", "before", "said"), [(1, 0, "1 tree;"), (12, 0, "12 trees;"), (1, 5, "1 more tree;")]
)
def test_how_far_trees_went_back_is_said_in_words(kept: int, before: int, said: str) -> None:
    assert went_back(kept, 30, before) == f"The best loss was that of {said} 30 were grown."

"""What is CatBoost's own: its forms, its silence, its devices, what it cannot learn from."""

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recipes.algorithms import ALGORITHMS
from recipes.job import GaveWay
from recipes.learners import symmetric
from recipes.learners.learner import (
    NotAddingUp,
    Round,
    Rows,
    Told,
    TooFewRows,
    WrongDevice,
)
from recipes.learners.symmetric import Symmetric, settings
from tests.recipes import boosting
from tests.recipes.boosting import must_have_learned, rows

CARD = ALGORITHMS["catboost"]
setup = partial(boosting.setup, CARD, learning_rate=0.3)


def fitted(train: Rows, held: Rows | None = None, **params: Any) -> tuple[Symmetric, list[Round]]:
    one, told = Symmetric(setup(**params)), list[Round]()
    one.fit(train, held, Told(told.append))
    return one, told


FORMS: list[tuple[int, dict[str, Any]]] = [
    (2, {"boosting": "ordered", "bootstrap": "bayesian"}),
    (2, {"bootstrap": "mvs", "subsample": 0.5, "colsample_bylevel": 0.7}),
    (3, {"max_depth": 3, "bootstrap": "none"}),
    (0, {"loss": "absolute"}),
]


@pytest.mark.parametrize(("classes", "params"), FORMS)
def test_it_learns_in_each_of_its_forms(classes: int, params: dict[str, Any]) -> None:
    held = rows(200, classes, seed=1)
    one, _ = fitted(rows(classes=classes), held, classes=classes, **params)
    must_have_learned(one, held, classes)


def test_it_makes_the_model_that_the_library_makes_and_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    import catboost

    monkeypatch.chdir(tmp_path)
    train, held, made = rows(), rows(100, seed=1), setup(rounds=200)
    one, told = Symmetric(made), list[Round]()
    one.fit(train, held, Told(told.append))
    one.contributions(held.matrix)
    one.importance()
    assert capfd.readouterr() == ("", "")
    assert "catboost_info" not in os.listdir(tmp_path)
    theirs = catboost.CatBoost(settings(made, early=True))
    theirs.fit(
        catboost.Pool(train.matrix, train.target),
        eval_set=catboost.Pool(held.matrix, held.target),
    )
    same = theirs.predict(held.matrix, prediction_type="Probability")
    np.testing.assert_array_equal(one.predict(held.matrix), same)
    losses = theirs.get_evals_result()["validation"]["Logloss"]
    assert [each["val_loss"] for each in told] == pytest.approx(losses)
    assert one.facts()["rounds"] == int(np.argmin(losses)) + 1 == len(told) - 50


def test_the_same_seed_makes_the_same_model_with_any_number_of_threads() -> None:
    given: list[Any] = []
    for threads in (1, 2):
        one = Symmetric(setup(threads=threads))
        one.fit(rows(), None, Told())
        given.append(one.predict(rows().matrix))
    np.testing.assert_allclose(*given, rtol=1e-6)


def test_weights_count_in_the_fit_and_in_what_stops_it() -> None:
    weight = np.where(np.arange(300) < 150, 1.0, 0.0)
    train = rows(weight=weight)
    train.target[150:] = 1 - train.target[150:]
    held = rows(100, seed=1, weight=np.where(np.arange(100) < 50, 1.0, 0.0))
    one, told = fitted(train, held, early_stopping=False)
    assert (one.predict(train.matrix[:150]).argmax(1) == train.target[:150]).mean() > 0.9
    sure = one.predict(held.matrix[:50])[np.arange(50), held.target[:50].astype(int)]
    assert told[-1]["val_loss"] == pytest.approx(-np.log(sure).mean(), rel=1e-4)
    nothing = Rows(held.matrix, held.target, np.zeros(100))
    notes = Told()
    Symmetric(setup()).fit(rows(), nothing, notes)
    assert notes.notes == ["The validation rows have no weight: nothing stops early."]


def test_without_early_stopping_it_keeps_its_last_tree() -> None:
    one, _ = fitted(rows(), rows(80, seed=9), rounds=120, learning_rate=0.9, early_stopping=False)
    assert one.facts() == {"rounds": 120, "device": "cpu"}
    one, told = fitted(rows(), rows(80, seed=9), rounds=120, learning_rate=0.9, patience=5)
    assert one.facts()["rounds"] == len(told) - 5


def test_what_gives_way_is_not_swallowed_by_the_library() -> None:
    def ordered() -> bool:
        raise GaveWay

    with pytest.raises(GaveWay):
        Symmetric(setup()).fit(rows(), None, Told(stopped=ordered))


@pytest.mark.parametrize("lone", [0, 1])
def test_rows_of_one_class_alone_are_of_that_class(lone: int) -> None:
    train = rows()
    one, _ = fitted(Rows(train.matrix, np.full(300, float(lone)), None))
    assert (one.predict(train.matrix).argmax(1) == lone).all()


def test_a_class_that_no_training_row_had_is_never_predicted() -> None:
    train = rows(classes=4)
    there = train.target != 1
    one, _ = fitted(
        Rows(train.matrix[there], train.target[there], None), rows(80, 4, seed=1), classes=4
    )
    given = one.predict(train.matrix)
    assert given.shape == (300, 4)
    assert given[:, 1].max() < 1e-100
    made = one.contributions(train.matrix)
    assert made.shape == (300, 4, 4)
    assert np.isfinite(made).all()
    assert not made[:, 1, :-1].any()
    chances = np.exp(made.sum(-1))
    np.testing.assert_allclose(chances / chances.sum(1, keepdims=True), given, atol=1e-9)


def test_contributions_that_do_not_add_up_are_not_shown() -> None:
    """CatBoost's own are wrong for trees that are not symmetric, and for some that are."""
    one, other = (fitted(rows(), learning_rate=rate)[0] for rate in (0.1, 0.5))
    one._predict = other._predict  # type: ignore[method-assign]
    with pytest.raises(NotAddingUp, match="none are shown"):
        one.contributions(rows().matrix)


SENTENCES: dict[str, tuple[Rows, dict[str, Any], str]] = {
    "one value in each column": (
        Rows(np.zeros((50, 3), np.float32), np.arange(50.0) % 2, None),
        {},
        "Each column has a single value",
    ),
    "a share of nothing": (
        Rows(rows(4).matrix, np.array([0.0, 1.0, 0.0, 1.0]), None),
        {"subsample": 0.1},
        "Set 'Sampling of rows' to none",
    ),
}


@pytest.mark.parametrize("case", SENTENCES)
def test_what_it_cannot_learn_from_is_a_sentence(case: str) -> None:
    given, params, sentence = SENTENCES[case]
    with pytest.raises(TooFewRows, match=sentence):
        fitted(given, **params)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU to train on")
def test_a_gpu_that_is_not_there_is_never_replaced() -> None:
    with pytest.raises(WrongDevice, match="cannot use the GPU of this job: CUDA driver version"):
        fitted(rows(), device="cuda")


def test_a_training_that_went_over_to_the_cpu_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    made = setup(device="cuda")
    on_cpu = {**settings(made, early=False), "task_type": "CPU"}
    monkeypatch.setattr(symmetric, "settings", lambda setup, *, early: on_cpu)
    with pytest.raises(WrongDevice, match="was to train on cuda and CatBoost trained on cpu"):
        Symmetric(made).fit(rows(), None, Told())


def test_on_a_gpu_its_rounds_are_told_when_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    made, told = setup(device="cuda"), list[Round]()
    on_cpu = {**settings(made, early=False), "task_type": "CPU"}
    monkeypatch.setattr(symmetric, "settings", lambda setup, *, early: on_cpu)
    monkeypatch.setattr(symmetric, "trained_on", lambda model: "cuda")
    Symmetric(made).fit(rows(), rows(80, seed=1), Told(told.append))
    assert [each["round"] for each in told] == list(range(1, 21))
    assert all(each["train_loss"] and each["val_loss"] for each in told)
    assert told[-1]["train_loss"] < told[0]["train_loss"]


def test_what_a_gpu_cannot_is_replaced_and_said() -> None:
    given = CARD.params.clean({"bootstrap": "mvs", "colsample_bylevel": 0.5})
    made = CARD.resolve(given, {}, {}, "cuda")
    assert (made.params["bootstrap"], made.params["colsample_bylevel"]) == ("bernoulli", 1)
    assert len(made.notes) == 2
    assert "rsm" not in settings(setup(device="cuda", colsample_bylevel=0.5), early=False)
    assert settings(setup(device="cuda"), early=False)["task_type"] == "GPU"


def test_on_a_gpu_it_does_not_go_on_from_a_model(tmp_path: Path) -> None:
    one, _ = fitted(rows())
    one.save(tmp_path)
    other = Symmetric(setup(device="cuda"))
    other.load(tmp_path)
    with pytest.raises(WrongDevice, match="on the CPU alone"):
        other.fit(rows(), None, Told())


@pytest.mark.parametrize("lone", [False, True])
@pytest.mark.parametrize(
    ("version", "here", "said"),
    [
        ((0, 2), (0, 2), "the version had no row of class 2 of 3 and the training rows had no row"),
        ((0, 2), (0, 1, 2), ": the version had no row of class 2 of 3. Train from"),
        ((0, 1, 2), (1, 2), ": the training rows had no row of class 1 of 3. Train from"),
    ],
)
def test_it_goes_on_only_where_no_class_is_missing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: tuple[int, ...],
    here: tuple[int, ...],
    said: str,
    lone: bool,
) -> None:
    """`lone`: the library finds it, not the check before the fit."""
    first, second = (some(rows(classes=3), each) for each in (version, here))
    one, _ = fitted(first, classes=3, rounds=3)
    one.save(tmp_path)
    other = Symmetric(setup(classes=3, rounds=3))
    other.load(tmp_path)
    if lone:
        said = "or here. Train from the beginning"
        monkeypatch.setattr(other, "_may_go_on", lambda train: None)
    with pytest.raises(TooFewRows, match=said):
        other.fit(second, None, Told())


def some(whole: Rows, classes: tuple[int, ...]) -> Rows:
    there = np.isin(whole.target, classes)
    return Rows(whole.matrix[there], whole.target[there], None)


def test_a_file_that_is_no_model_of_it_is_a_sentence(tmp_path: Path) -> None:
    one, _ = fitted(rows())
    one.save(tmp_path)
    whole = (tmp_path / "model.cbm").read_bytes()
    for other in (b"", b"something else", whole[: len(whole) // 2]):
        (tmp_path / "model.cbm").write_bytes(other)
        with pytest.raises(ValueError, match=r"model\.cbm is no whole model of CatBoost"):
            Symmetric(setup()).load(tmp_path)
    narrow, _ = fitted(Rows(rows().matrix[:, :2], rows().target, None))
    narrow.save(tmp_path)
    with pytest.raises(ValueError, match="takes 2 numbers a row, and the encoder makes 3"):
        Symmetric(setup()).load(tmp_path)

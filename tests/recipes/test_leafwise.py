"""What is LightGBM's own: its forms, its devices, what it says where nothing is learned."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import lightgbm
import numpy as np
import pytest

from recipes import builds
from recipes.algorithms import ALGORITHMS
from recipes.learners.leafwise import Leafwise, settings
from recipes.learners.learner import Rows, Told, WrongDevice
from tests.recipes import boosting
from tests.recipes.boosting import must_have_learned, rows

CARD = ALGORITHMS["lightgbm"]
setup = partial(boosting.setup, CARD)

FORMS: list[tuple[int, dict[str, Any]]] = [
    (2, {"boosting": "dart"}),
    (2, {"boosting": "goss", "subsample": 0.5}),
    (2, {"subsample": 0.5, "colsample_bytree": 0.7, "colsample_bynode": 0.7}),
    (3, {"max_leaves": 7, "max_depth": 3}),
    (0, {"loss": "absolute", "learning_rate": 0.3}),
]


@pytest.mark.parametrize(("classes", "params"), FORMS)
def test_it_learns_in_each_of_its_forms(classes: int, params: dict[str, Any]) -> None:
    train, held = rows(classes=classes), rows(200, classes, seed=1)
    one = Leafwise(setup(classes, **params))
    one.fit(train, held, Told())
    must_have_learned(one, held, classes)


def test_it_makes_the_model_that_the_library_makes() -> None:
    train, held, made = rows(), rows(100, seed=1), setup()
    one = Leafwise(made)
    one.fit(train, held, Told())
    data = lightgbm.Dataset(train.matrix, label=train.target)
    judge = lightgbm.Dataset(held.matrix, label=held.target, reference=data)
    stop = lightgbm.early_stopping(20, verbose=False)
    theirs = lightgbm.train(settings(made), data, 20, valid_sets=[judge], callbacks=[stop])
    np.testing.assert_array_equal(one.predict(held.matrix)[:, 1], theirs.predict(held.matrix))


def sparse() -> tuple[Rows, Rows]:
    """Rows of which many drawings of rows and columns have no split."""
    rng = np.random.default_rng(0)
    ones = np.eye(12)[rng.integers(0, 12, 800)]
    numbers = rng.normal(size=(800, 2))
    truth = numbers[:, 0] + numbers[:, 1] / 2 + rng.normal(size=800) > 0
    matrix, target = np.c_[ones, numbers].astype(np.float32), truth.astype(np.float64)
    return Rows(matrix[:400], target[:400], None), Rows(matrix[400:], target[400:], None)


def test_a_round_whose_drawn_rows_and_columns_have_no_split_ends_nothing() -> None:
    train, held = sparse()
    drawn = {"min_samples_leaf": 30, "subsample": 0.6, "colsample_bytree": 0.5, "rounds": 100}
    for judge in (held, None):
        made = setup(**drawn)
        one, rounds = Leafwise(made), list[Any]()
        told = Told(rounds.append)
        one.fit(train, judge, told)
        data = lightgbm.Dataset(train.matrix, label=train.target)
        more: dict[str, Any] = {}
        if judge is not None:
            more["valid_sets"] = [
                lightgbm.Dataset(judge.matrix, label=judge.target, reference=data)
            ]
            more["callbacks"] = [lightgbm.early_stopping(made.params["patience"], verbose=False)]
        theirs = lightgbm.train(settings(made), data, made.params["rounds"], **more)
        np.testing.assert_array_equal(one.predict(held.matrix)[:, 1], theirs.predict(held.matrix))
        facts = one.facts()
        assert 10 < facts["rounds"] <= theirs.current_iteration()
        assert [each["round"] for each in rounds] == list(range(1, len(rounds) + 1))
        assert "rounds the rows and columns that were drawn had no split" in told.notes[0]
    assert facts["best"] == 100 > facts["rounds"]  # to learn the same again takes all the rounds


def test_it_says_that_no_tree_found_a_split_only_where_none_did() -> None:
    train, _ = sparse()
    nothing = Rows(np.zeros_like(train.matrix), train.target, None)
    drawn = {"min_samples_leaf": 30, "subsample": 0.6, "colsample_bytree": 0.5}
    for given, silent in ((train, False), (nothing, True)):
        told = Told()
        Leafwise(setup(**drawn)).fit(given, None, told)
        assert ("No tree found a split" in told.notes[0]) == silent
        assert len(told.notes) == 1


def test_the_same_seed_makes_the_same_model_with_any_number_of_threads() -> None:
    given = []
    for threads in (1, 2):
        one = Leafwise(setup(threads=threads, subsample=0.6))
        one.fit(rows(), None, Told())
        given.append(one.predict(rows().matrix))
    np.testing.assert_allclose(*given, rtol=1e-6)


def test_rows_of_the_weight_zero_teach_nothing() -> None:
    train, strange = rows(), rows()
    strange.target[:] = 1 - strange.target
    both = [np.concatenate([a, b]) for a, b in ((train.matrix, strange.matrix),
            (train.target, strange.target))]  # fmt: skip
    weight = np.repeat([1.0, 0.0], 300)
    one = Leafwise(setup())
    one.fit(Rows(both[0], both[1], weight), None, Told())
    assert (one.predict(train.matrix).argmax(1) == train.target).mean() > 0.9


def test_it_ends_where_no_split_helps_any_more() -> None:
    nothing = Rows(np.zeros((300, 3), np.float32), rows().target, None)
    rounds: list[Any] = []
    told = Told(rounds.append)
    Leafwise(setup()).fit(nothing, None, told)
    assert "No tree found a split" in told.notes[0]
    assert [each["round"] for each in rounds] == [1]
    step = (rows().matrix[:, :1] > 0).astype(np.float32)
    one, told = Leafwise(setup(classes=0, learning_rate=1, rounds=50)), Told(rounds.append)
    one.fit(Rows(step, step[:, 0].astype(np.float64), None), None, told)
    assert told.notes == ["After round 1 no split helped any more."]
    assert one.facts()["rounds"] == 1


def test_on_a_gpu_it_trains_only_by_a_build_for_it() -> None:
    if builds.asked({"lightgbm": ""}) == {"lightgbm": "gpu"}:
        pytest.skip("this LightGBM is built for GPUs")
    with pytest.raises(WrongDevice, match=r"is not built for GPUs: docs/lightgbm.md"):
        Leafwise(setup(device="cuda")).fit(rows(), None, Told())


def test_the_text_of_the_model_says_where_it_learned() -> None:
    one = Leafwise(setup())
    one.fit(rows(), None, Told())
    assert one.facts() == {"rounds": 20, "device": "cpu"}


def not_built() -> None:
    raise RuntimeError("CUDA Tree Learner was not enabled in this build.")


def no_driver() -> None:
    raise RuntimeError("[CUDA] CUDA driver version is insufficient for CUDA runtime version")


def no_gpu() -> None:
    os.write(2, b"terminate called, what(): [CUDA] no CUDA-capable device is detected")
    os.abort()


ASKED: dict[str, tuple[Callable[[], None], str, str]] = {
    "one that trains": (lambda: None, "gpu", ""),
    "one that ends its process for want of a GPU": (no_gpu, "gpu", ""),
    "one that says that it finds no GPU": (no_driver, "gpu", ""),
    "one that was not built so": (not_built, "cpu", ""),
    "one that ends its process otherwise": (os.abort, "broken", "its process ended with -6"),
    "one that cannot be loaded": (lambda: __import__("no_such"), "broken", "module named 'no_such"),
}


@pytest.mark.parametrize("case", ASKED)
def test_a_build_is_asked_in_a_child(case: str, capfd: pytest.CaptureFixture[str]) -> None:
    ask, found, said = ASKED[case]
    assert builds.build("x", ask) == found
    told = capfd.readouterr().err
    assert said in told if said else not told

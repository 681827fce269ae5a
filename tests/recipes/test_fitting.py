"""What ends a fit early: rows that count, of each class some, and never a class's last one."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recipes.algorithms import ALGORITHMS
from recipes.engine.tabular import fitting, matrices
from recipes.learners.learner import Rows, Setup, Told
from tests.recipes import tabling
from tests.recipes.making import events


def test_validation_rows_of_no_weight_count_the_same_and_it_is_said(tmp_path: Path) -> None:
    table = tabling.small(days=list(range(60)), weight=[1.0] * 45 + [0.0] * 15)
    spec = {
        "features": {"days": {"role": "time"}, "weight": {"role": "weight"}},
        "split": {"policy": "time"},
        "params": {"rounds": 30},
    }
    folder = tabling.train(tmp_path, table, spec=spec)
    rounds = events(folder, "epoch")
    assert rounds[-1]["epoch"] > 10
    assert rounds[-1]["val_loss"] > 0
    notes = [one["text"] for one in events(folder, "note")]
    assert matrices.NOTHING_COUNTS in notes


def inner(target: list[int], weights: Any = None, seed: int = 0) -> Any:
    ready = SimpleNamespace(
        classes=["n", "y"], target=np.array(target, np.float64), weights=weights
    )
    fit: Any = SimpleNamespace(job=SimpleNamespace(seed=seed), ready=ready)
    return fitting._inner(np.arange(len(target)), fit)


@pytest.mark.parametrize("rare", [1, 2, 3])
def test_no_class_loses_its_last_row_to_what_says_when_to_stop(rare: int) -> None:
    for seed in range(40):
        drawn = inner([0] * 37 + [1] * rare, seed=seed)
        assert len(drawn) == (37 + rare) // fitting.INNER
        assert (drawn >= 37).sum() < rare


def test_without_rows_to_spare_nothing_says_when_to_stop() -> None:
    assert inner([0, 1]) is None
    for seed in range(10):
        drawn = inner([0] * 10 + [1] * 10, np.eye(20)[4], seed)
        assert drawn is None or 4 not in drawn


def test_boosted_trees_that_met_one_class_only_say_so(tmp_path: Path) -> None:
    card = ALGORITHMS["hist_gradient_boosting"]
    assert card.learner is not None
    params = {**card.params.defaults(), "early_stopping": False}
    setup = Setup(classes=2, params=params, seed=0, threads=1, device="cpu", names=["x"])
    learner = card.learner(setup)
    matrix = np.arange(30, dtype=np.float32)[:, None]
    learner.fit(Rows(matrix, np.ones(30), None), None, Told())
    assert learner.predict(matrix).round(6).tolist() == [[0.0, 1.0]] * 30


def test_the_best_round_is_told_although_it_passed_between_two_that_are(tmp_path: Path) -> None:
    spec = {"params": {"rounds": 60, "patience": 50}}
    folder = tabling.train(tmp_path, tabling.small(), spec=spec)
    told = events(folder, "epoch")
    best = min(told, key=lambda one: float(one["val_loss"]))
    assert [one["epoch"] for one in told if one["best"]][-1] == best["epoch"]
    assert sorted(one["epoch"] for one in told) == [one["epoch"] for one in told]

"""Trainings whose numbers a GPU's memory cannot hold; the CPU stands in for the GPU."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recipes import boosted_room
from recipes.engine.tabular import gpu_room
from recipes.learners import paged
from recipes.learners.learner import Pages, Rows
from tests.recipes import tabling
from tests.recipes.making import events
from tests.recipes.test_from_disk import adult, learned, probabilities
from tests.recipes.test_gpu_parts import stand_in


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return tabling.dataset(tmp_path_factory.mktemp("rows") / "data", adult())


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Pages]:
    """The pages of each matrix of trainings on a GPU that has too little for all of it."""
    made = paged.matrix
    seen: list[Pages] = []

    def matrix(given: Rows, pages: Pages, *more: Any) -> Any:
        seen.append(pages)
        return made(given, pages, *more)

    monkeypatch.setattr(gpu_room, "usable", lambda *_: gpu_room.Gpu(1_300_000))
    stand_in(monkeypatch)
    monkeypatch.setattr(boosted_room, "SORTED", 1)  # or hundreds of pages would lie on disk
    monkeypatch.setattr(paged, "matrix", matrix)
    return seen


FEW = {"max_bin": 64, "max_depth": 4}


def test_a_training_decides_for_pages_says_so_and_refits_in_them(
    tmp_path: Path, data: dict[str, str], asked: list[Pages], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = learned(tmp_path, data, "pages", params=FEW)
    assert len(asked) == 3, "training and judging rows, and all of them for the refit"
    assert all(one.gpu for one in asked)
    assert max(one.rows for one in asked) < len(adult()), "an eighth of what there is"
    (said,) = [one["text"] for one in events(one, "note") if "in pages" in one["text"]]
    assert "GiB of the GPU's memory and this job may use 0.0" in said
    monkeypatch.undo()
    whole = learned(tmp_path, data, "whole", params=FEW)
    assert np.abs(probabilities(whole) - probabilities(one)).mean() < 0.01


def test_folds_searches_and_warm_starts_come_in_pages_too(
    tmp_path: Path, data: dict[str, str], asked: list[Pages]
) -> None:
    search = {"strategy": "random", "trials": 2, "folds": 0}
    search |= {"space": {"max_depth": {"values": [3, 4]}}}
    learned(tmp_path, data, "searched", params=FEW, search=search, refit=False)
    assert len(asked) == 6, "each trial, and the model, by the rows that judge"
    plain: dict[str, Any] = {"features": {}, "params": FEW}
    first = learned(tmp_path, data, "first", split={"policy": "kfold", "folds": 2}, **plain)
    assert len(asked) == 6 + 5, "two folds with rows that end them, and the final model"
    before = {"bundle": str(first / "bundle"), "version": "Version 1"}
    again = learned(tmp_path, data, "again", goes_on_from=before, **plain)
    assert tabling.about(again)["learned"]["went_on_from"] > 0
    assert tabling.about(again)["metrics"]["roc_auc"] > 0.85
    assert len(asked) == 6 + 5 + 3
    assert all(one.gpu for one in asked)

"""XGBoost on a leased GPU, from pages beside it: it learns what it learns with all of it there."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recipes.algorithms import ALGORITHMS
from recipes.learners import boosted, paged
from recipes.learners.learner import Rows, Told
from tests.product import ROOT
from tests.recipes import boosting, tabling
from tests.recipes.making import events
from tests.recipes.test_gpu_parts import in_pages, weighted

pytestmark = [pytest.mark.gpu, pytest.mark.process]
CARD = ALGORITHMS["xgboost"]
LITTLE = 32 << 20  # of which half is the job's own: too little for all of adult.csv
BESIDE = 40_000  # bytes for pages of 68,000: most of them lie in this machine's memory


def trained(home: Path, uuid: str, memory: int = 0, **spec: Any) -> Path:
    """On adult.csv, with such a budget."""
    data = tabling.dataset(home / "data", tabling.real("adult"))
    compute = {"device": "cuda", "uuids": (uuid,), "threads": 4}
    compute |= {"share": bool(memory), "memory": memory}
    spec = {**spec, "params": {"rounds": 40, "max_bin": 64, **spec.pop("params", {})}}
    folder = tabling.job(home, data, "income", spec=spec, compute=compute)
    subprocess.run([sys.executable, "-m", "recipes", str(folder)], cwd=ROOT, check=True)
    assert tabling.about(folder)["learned"]["device"].startswith("cuda")
    return folder


@pytest.mark.parametrize("params", [{}, {"grow_policy": "lossguide", "max_leaves": 20}])
def test_adult_is_learned_in_pages_as_well_as_with_all_of_it_there(
    uuids: list[str], tmp_path: Path, params: dict[str, Any]
) -> None:
    whole = trained(tmp_path / "whole", uuids[0], params=params)
    small = trained(tmp_path / "small", uuids[0], LITTLE, params=params)
    told = [[one["text"] for one in events(folder, "note")] for folder in (whole, small)]
    assert [any("in pages" in text for text in said) for said in told] == [False, True]
    scores = [tabling.about(folder)["metrics"]["roc_auc"] for folder in (whole, small)]
    assert scores[1] == pytest.approx(scores[0], abs=0.003)
    assert any(one["train_loss"] is not None for one in events(small, "epoch"))
    before = {"bundle": str(small / "bundle"), "version": "Version 1"}
    again = trained(tmp_path / "again", uuids[0], LITTLE, params=params, goes_on_from=before)
    assert tabling.about(again)["learned"]["went_on_from"] > 0
    assert tabling.about(again)["metrics"]["roc_auc"] > 0.9


@pytest.mark.parametrize("classes", [2, 4, 0])
@pytest.mark.parametrize("cupy", [True, False])
def test_pages_are_on_the_gpu_and_beside_it_with_cupy_and_without(
    uuids: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, classes: int, cupy: bool
) -> None:
    assert uuids
    if cupy and paged.find_spec("cupy") is None:
        pytest.skip("CuPy is not here: make extras NAMES=nvforest")
    if not cupy:
        monkeypatch.setattr(paged, "find_spec", lambda name: None)
    train, judge = weighted(20_000, classes), weighted(4_000, classes, seed=1)

    def predicted(*given: Rows) -> Any:
        learner = boosted.build(boosting.setup(CARD, classes, device="cuda", rounds=40))
        learner.fit(given[0], given[1], Told())
        assert learner.facts()["device"].startswith("cuda")
        return learner.predict(judge.matrix)

    whole = predicted(train, judge)
    pages = predicted(in_pages(train, tmp_path / "a", BESIDE), in_pages(judge, tmp_path, BESIDE))
    assert np.abs(whole - pages).mean() < 0.02 * max(1.0, np.abs(whole).mean())

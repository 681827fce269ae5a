"""XGBoost on leased GPUs: it learns and explains there as on the CPU, by one rank or several."""

from pathlib import Path

import numpy as np
import pytest

from recipes.engine.tabular.contributions import contributions
from recipes.engine.tabular.model import load
from tests.gpu.leased import trained
from tests.recipes import tabling
from tests.recipes.making import events

pytestmark = [pytest.mark.gpu, pytest.mark.process]
ROWS = 8_000
CASES = {"two_class": "income", "multiclass": "relationship", "regression": "age"}
FEW = {"rounds": 40}


def score(folder: Path) -> float:
    about = tabling.about(folder)
    return float(about["metrics"][about["metric"]])


@pytest.mark.parametrize("task", CASES)
def test_it_learns_of_adult_what_it_learns_on_the_cpu(
    uuids: list[str], tmp_path: Path, task: str
) -> None:
    table = tabling.real("adult").slice(0, ROWS)
    told = []
    for name, used in (("there", uuids[:1]), ("here", [])):
        home = tmp_path / name
        folder = trained(home, table, CASES[task], "xgboost", used, task=task, params=FEW)
        assert tabling.report(folder)["shap"]["exact"]
        told.append(score(folder))
    assert told[0] == pytest.approx(told[1], abs=0.02)


@pytest.mark.parametrize("task", CASES)
def test_a_gpu_explains_a_model_as_the_cpu_does(
    uuids: list[str], tmp_path: Path, task: str
) -> None:
    table = tabling.real("adult").slice(0, ROWS)
    folder = trained(tmp_path, table, CASES[task], "xgboost", uuids[:1], task=task, params=FEW)
    rows, made = table.slice(0, 500).drop_columns([CASES[task]]), []
    for device in ("cuda", "cpu"):
        model = load(folder / "bundle", threads=4, device=device)
        made.append(contributions(model, rows))
        assert model.learner.predicts_on().startswith(device)  # type: ignore[attr-defined]
    assert made[0].names == made[1].names
    np.testing.assert_allclose(made[0].values, made[1].values, atol=1e-3)
    np.testing.assert_allclose(made[0].base, made[1].base, atol=1e-3)


def test_every_gpu_takes_one_rank_of_a_model(uuids: list[str], tmp_path: Path) -> None:
    if len(uuids) < 2:
        pytest.skip("this machine has one GPU")
    table = tabling.real("adult").slice(0, ROWS)
    told = []
    for name, used in (("alone", uuids[:1]), ("together", uuids)):
        folder = trained(tmp_path / name, table, "income", "xgboost", used, params=FEW)
        (finished,) = events(folder, "finished")
        assert finished["facts"]["ranks"] == len(used)
        told.append(score(folder))
    assert told[0] == pytest.approx(told[1], abs=0.02)

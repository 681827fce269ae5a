"""Contributions of a GPU beside the CPU's: how they are compared, and which models have them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xgboost

from recipes.engine.tabular import explained_on, parity
from recipes.engine.tabular.contributions import Contributions, contributions, of_matrix
from recipes.engine.tabular.model import Model
from recipes.learners.learner import Exact, ExplainsOnGpu, NotAddingUp, OnGpu
from tests.recipes.test_gpu_parity import CARD
from tests.recipes.test_table_contributions import fitted, table

KINDS_OF = {"two classes": 2, "three classes": 3, "a number": 0}


def judged(model: Model, wanted: Contributions, given: Contributions) -> parity.Parity:
    rows = parity.sample(model, table())
    report = replace(rows.report("own", CARD, {}), on="cuda:0", tolerance=explained_on.TOLERANCE)
    return explained_on.judged(report, model, rows, wanted, given)


@pytest.mark.parametrize("case", KINDS_OF)
def test_contributions_are_compared_in_their_unit_and_add_up(case: str) -> None:
    model = fitted("xgboost", KINDS_OF[case], rounds=8)
    found = of_matrix(model, parity.sample(model, table()).matrix)
    assert judged(model, found, found).used
    single = found._replace(values=found.values.astype(np.float32))
    assert judged(model, found, single).used
    moved = found._replace(values=found.values + 0.01)
    assert "explains otherwise than the CPU" in judged(model, found, moved).why
    base = found._replace(base=found.base + 0.01)
    assert "explains otherwise than the CPU" in judged(model, found, base).why
    tilted = found._replace(base=found.base + np.arange(1, 1 + max(1, found.base.size)).reshape(
        found.base.shape))  # fmt: skip
    assert "CPU's contributions do not add up" in judged(model, tilted, tilted).why
    assert "no numbers" in judged(model, found, found._replace(values=found.values[:-1])).why


def test_which_models_a_gpu_explains() -> None:
    assert explained_on.able(fitted("xgboost", 2, rounds=2))
    assert not explained_on.able(fitted("xgboost", 2, rounds=2, booster="dart"))
    for algorithm in ("lightgbm", "logistic_regression", "random_forest"):
        assert not explained_on.able(fitted(algorithm, 2)), algorithm
    one = fitted("xgboost", 2, rounds=2).learner
    assert isinstance(one, Exact)
    assert isinstance(one, OnGpu)
    assert isinstance(one, ExplainsOnGpu)


def test_trees_that_are_too_deep_for_a_gpu_are_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fitted("xgboost", 2, rounds=2)

    def fails(self: Any, data: Any, **more: Any) -> Any:
        raise xgboost.core.XGBoostError(f"[00:00:00] {said}\nStack trace: ...")

    monkeypatch.setattr(xgboost.Booster, "predict", fails)
    said = "Tree depth must be < 32"
    with pytest.raises(NotAddingUp, match="explains no model that has more than 31 columns"):
        contributions(model, table())
    said = "out of memory"
    with pytest.raises(xgboost.core.XGBoostError, match="out of memory"):
        contributions(model, table())

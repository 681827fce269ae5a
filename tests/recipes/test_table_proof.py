"""A written model is kept if it is the trained one, which float32 and ties do not disprove."""

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from recipes.engine.metrics import Floats
from recipes.engine.tabular import proof, report
from recipes.engine.tabular.model import Model
from tests.recipes.test_table_contributions import fitted, table


class Otherwise:
    """A learner whose predictions something happens to."""

    def __init__(self, learner: Any, change: Any) -> None:
        self._learner = learner
        self._change = change

    def predict(self, matrix: Any) -> Floats:
        made: Floats = self._change(self._learner.predict(matrix))
        return made

    def __getattr__(self, name: str) -> Any:
        return getattr(self._learner, name)


def changed(model: Model, change: Any) -> Model:
    return replace(model, learner=Otherwise(model.learner, change))


def one_row_apart(given: Floats) -> Floats:
    """Of two neighbours at the same distance the other one."""
    made = given.copy()
    made[3] = 1 - made[3]
    return made


GOOD: dict[str, tuple[int, Any, Any]] = {  # classes, what was predicted, what is predicted now
    "float32's last digits": (2, lambda p: p, lambda p: p + 2e-5),
    "a tie that falls otherwise": (2, lambda p: p, one_row_apart),
    "values around zero": (0, lambda v: v - v.mean(), lambda v: (v - v.mean()) + 1e-5),
    "a small spread far from zero": (0, lambda v: v + 1e9, lambda v: v + 1e9 + 2e4),
}


@pytest.mark.parametrize("case", GOOD)
def test_a_good_model_is_kept(case: str) -> None:
    classes, then, now = GOOD[case]
    model = fitted("random_forest", classes, trees=3)
    assert proof.difference(changed(model, then), changed(model, now), table()) == ""


def test_an_encoder_that_confuses_a_rare_category_is_caught() -> None:
    rows = table()
    rare = ["violet", *rows["colour"].to_pylist()[1:]]
    rows = rows.set_column(1, "colour", pa.array(rare))
    model = fitted("xgboost", 2, rounds=3)
    wrong = copy.deepcopy(model.encoder)
    wrong.columns[1].encoding._known = pa.array(["blue", "violet", "red"])
    found = proof.difference(model, replace(model, encoder=wrong), rows)
    assert "is encoded otherwise" in found


BAD: dict[str, tuple[int, Any]] = {
    "classes in another order": (2, lambda p: p[:, ::-1]),
    "no numbers": (2, lambda p: p * np.nan),
    "values in another unit": (0, lambda v: v * 1.1),
}


@pytest.mark.parametrize("case", BAD)
def test_another_model_is_not_kept(case: str) -> None:
    classes, change = BAD[case]
    model = fitted("random_forest", classes, trees=3)
    found = proof.difference(model, changed(model, change), table())
    assert "rows are predicted otherwise" in found


def test_a_threshold_of_zero_is_zero() -> None:
    true, proba = np.array([0.0, 1.0, 1.0]), np.array([0.1, 0.2, 0.3])
    made = report.make("two_class", true, np.stack([1 - proba, proba], 1), ["n", "y"], 0.0)
    assert made["threshold"] == 0.0
    assert made["confusion"] == [[0, 1], [0, 2]]

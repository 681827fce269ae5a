"""Linear models on a leased GPU, by scikit-learn's array API: what they learn on the CPU."""

from pathlib import Path

import numpy as np
import pytest

from recipes.engine.tabular.model import load
from tests.gpu.leased import trained
from tests.recipes import tabling

pytestmark = [pytest.mark.gpu, pytest.mark.process]
CASES = {
    "two classes": ("logistic_regression", "two_class", "income"),
    "several classes": ("logistic_regression", "multiclass", "relationship"),
    "a number": ("ridge", "regression", "age"),
}


@pytest.mark.parametrize("case", CASES)
def test_it_learns_of_adult_what_it_learns_on_the_cpu(
    uuids: list[str], tmp_path: Path, case: str
) -> None:
    algorithm, task, target = CASES[case]
    table = tabling.real("adult").slice(0, 8_000)
    rows, given = table.slice(4_000, 2_000).drop_columns([target]), []
    for name, used in (("there", uuids[:1]), ("here", [])):
        folder = trained(tmp_path / name, table, target, algorithm, used, task=task)
        given.append(load(folder / "bundle", threads=4).predict(rows))
    assert np.abs(given[0] - given[1]).mean() < 1e-3

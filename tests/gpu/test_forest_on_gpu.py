"""A random forest on a leased GPU, where cuML is: as good as on the CPU, and it scores anywhere."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from recipes import extras
from recipes.engine.tabular.model import load
from tests.gpu import leased
from tests.recipes import tabling

pytestmark = [pytest.mark.gpu, pytest.mark.process]
ROWS = 8_000
CASES = {"two_class": "income", "multiclass": "relationship", "regression": "age"}


@pytest.fixture(autouse=True)
def _cuml() -> None:
    if not extras.installed("rapids"):
        pytest.skip("cuML is not here: make extras NAMES=rapids")


def trained(home: Path, table: pa.Table, target: str, uuids: list[str], **spec: Any) -> Path:
    return leased.trained(home, table, target, "random_forest", uuids, **spec)


@pytest.mark.parametrize("task", CASES)
def test_both_learn_the_same_of_adult(uuids: list[str], tmp_path: Path, task: str) -> None:
    table, target = tabling.real("adult").slice(0, ROWS), CASES[task]
    rows = table.slice(ROWS // 2, 2_000).drop_columns([target])
    given, weighs = [], []
    for name, used in (("there", uuids[:1]), ("here", [])):
        spec = {"params": {"trees": 60, "min_samples_leaf": 4}}
        folder = trained(tmp_path / name, table, target, used, task=task, **spec)
        model = load(folder / "bundle", threads=4)
        given.append(model.predict(rows))
        found = model.learner.importance()
        assert found is not None
        weighs.append(found[1])
    away = np.abs(given[0] - given[1]).mean()
    assert away < (2.0 if task == "regression" else 0.05)
    np.testing.assert_allclose(weighs[0], weighs[1], atol=0.05)


def test_missing_values_are_learned_from_there_too(uuids: list[str], tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    size = rng.normal(size=5_000)
    table = tabling.small(5_000, size=pa.array(size, mask=rng.random(5_000) < 0.3))
    table = table.set_column(2, "good", pa.array(np.where(size > 0, "y", "n")))
    one = trained(tmp_path / "one", table, "good", uuids[:1], params={"trees": 20})
    model = load(one / "bundle", threads=1)
    there = table["size"].is_valid().to_numpy()
    right = model.predict(table.drop_columns(["good"])).argmax(1) == (size > 0)
    assert right[there].mean() > 0.99


def test_more_trees_come_to_those_of_the_cpu(uuids: list[str], tmp_path: Path) -> None:
    table = tabling.small(5_000)
    before = trained(tmp_path / "before", table, "good", [], params={"trees": 8}, refit=False)
    after = trained(
        tmp_path / "after", table, "good", uuids[:1], params={"trees": 8}, refit=False,
        goes_on_from={"bundle": str(before / "bundle"), "version": 1},
    )  # fmt: skip
    assert tabling.about(after)["learned"]["went_on_from"] == 8
    assert tabling.about(after)["learned"]["rounds"] == 16

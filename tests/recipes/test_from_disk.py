"""A table whose encoded rows would not fit into memory is learned from pages on disk."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recipes.data.encode import learn, learn_by_column
from recipes.engine.memory import OutOfMemory
from recipes.engine.tabular import model, room
from tests.recipes import tabling
from tests.recipes.making import events
from tests.recipes.tabling import about, real

FEATURES = {
    "occupation": {"type": "category", "encoding": "target"},
    "education": {"type": "category", "encoding": "ordinal"},
    "age": {"type": "numeric", "missing": "impute_median", "scaling": "standard"},
}


def little(monkeypatch: pytest.MonkeyPatch, table: pa.Table) -> None:
    """Memory for the table and its rows, and not for their numbers; blocks of 1,000 rows."""
    monkeypatch.setattr(room, "BLOCK", 0)
    monkeypatch.setattr(room, "SKETCH", 0)
    monkeypatch.setattr(model, "BLOCK", 1_000)
    monkeypatch.setattr(room, "free_memory", lambda: len(table) * 700)


def learned(home: Path, data: dict[str, str], name: str, **spec: Any) -> Path:
    spec = {"features": FEATURES, **spec, "params": {"rounds": 15, **spec.get("params", {})}}
    folder = tabling.job(home, data, "income", name=name, spec=spec)
    tabling.run(folder)
    return folder


def probabilities(folder: Path) -> Any:
    table = pq.read_table(folder / "bundle" / "predictions.parquet").sort_by("number")
    return table.column(table.column_names[-1]).to_numpy()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return tabling.dataset(tmp_path_factory.mktemp("rows") / "data", adult())


def adult() -> pa.Table:
    return real("adult").slice(0, 3_000)


def test_from_disk_it_learns_what_it_learns_in_memory(
    tmp_path: Path, data: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = learned(tmp_path, data, "inside")
    little(monkeypatch, adult())
    outside = learned(tmp_path, data, "outside")
    said = [one["text"] for one in events(outside, "note")]
    assert room.IN_PAGES in said
    assert room.IN_PAGES not in [one["text"] for one in events(inside, "note")]
    assert not list(outside.glob(".pages-*")), "they are gone"
    assert about(outside)["metrics"]["roc_auc"] == pytest.approx(
        about(inside)["metrics"]["roc_auc"], abs=0.003
    )
    assert np.abs(probabilities(inside) - probabilities(outside)).mean() < 0.01


def test_cross_tests_refits_and_warm_starts_learn_from_disk_too(
    tmp_path: Path, data: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    little(monkeypatch, adult())
    first = learned(tmp_path, data, "first", features={}, split={"policy": "kfold", "folds": 2})
    assert about(first)["metrics"]["roc_auc"] > 0.85
    before = {"bundle": str(first / "bundle"), "version": "Version 1"}
    again = learned(tmp_path, data, "again", features={}, goes_on_from=before)
    assert about(again)["learned"]["went_on_from"] > 0
    assert not list(again.glob(".pages-*"))


@pytest.mark.parametrize(
    ("algorithm", "params"), [("xgboost", {"tree_method": "approx"}), ("logistic_regression", {})]
)
def test_what_needs_the_whole_matrix_is_refused_before_it_is_read(
    tmp_path: Path,
    data: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    algorithm: str,
    params: dict[str, Any],
) -> None:
    little(monkeypatch, adult())
    spec = {"params": params}
    folder = tabling.job(tmp_path, data, "income", algorithm=algorithm, spec=spec)
    with pytest.raises(OutOfMemory, match="GiB and the node has"):
        tabling.run(folder)


def test_a_table_that_does_not_fit_itself_is_refused_with_both_figures(
    tmp_path: Path, data: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "free_memory", lambda: 100_000)
    with pytest.raises(OutOfMemory, match=r"GiB, or 0\.\d with its numbers on disk, and"):
        learned(tmp_path, data, "none")


def test_an_encoder_learned_by_column_is_the_one_learned_at_once() -> None:
    table = adult()
    target = (np.arange(len(table)) % 3 == 0).astype(np.float64)[:, None]
    handling = {
        "role": "input", "missing": "as_category", "constant": "", "scaling": "none",
        "max_categories": 20, "type": "category",
    }  # fmt: skip
    features = {
        "occupation": {**handling, "encoding": "target"},
        "education": {**handling, "encoding": "onehot"},
        "age": {**handling, "type": "numeric", "encoding": "onehot", "missing": "impute_mean"},
    }
    whole, matrix = learn(table, features, target, seed=3)
    by_column, own = learn_by_column(table.column_names, table.column, features, target, seed=3)
    assert by_column.state() == whole.state()
    made = by_column.transform(table)
    for place, numbers in own.items():
        made[:, place : place + numbers.shape[1]] = numbers
    assert len(own) == 1, "target means of rows that they were not learned from"
    assert np.array_equal(made, matrix)

"""`python -m recipes train`: a table, its target, and no platform."""

import json
from pathlib import Path
from typing import Any

import pyarrow.csv as csv
import pytest

from recipes import gang, train_files
from tests.recipes import tabling
from tests.recipes.tabling import small


def led(folder: Path) -> int:
    """A gang of this process alone."""
    tabling.run(folder)
    return 0


def test_a_table_is_trained_on_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gang, "lead", led)
    file, out = tmp_path / "rows.csv", tmp_path / "model"
    csv.write_csv(small(60), file)
    given = [str(file), "--target", "good", "--algorithm", "knn", "--out", str(out)]
    more = ["--search", "random", "--trials", "2", "--folds", "2", "--params", '{"power": "1"}']
    assert train_files.main([*given, *more]) == 0
    model = json.loads((out / "model.json").read_text())
    assert (model["task"], model["searched"]) == ("two_class", True)
    assert model["columns"] == [
        {"name": "size", "type": "number"},
        {"name": "colour", "type": "text"},
    ]
    assert train_files.main(given) == 2


def test_what_is_wrong_by_hand_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.csv"
    csv.write_csv(small(60), file)
    given = [str(file), "--target", "good", "--out", str(tmp_path / "model")]
    assert train_files.main([*given, "--search", "tpe", "--folds", "1"]) == 2
    assert capsys.readouterr().err == "A cross-test has 2 folds at least; 0 is none.\n"


@pytest.mark.parametrize(
    ("column", "task"),
    [
        ({"type": "integer", "distinct": 2}, "two_class"),
        ({"type": "integer", "distinct": 7}, "regression"),
        ({"type": "number", "distinct": None}, "regression"),
        ({"type": "text", "distinct": 7}, "multiclass"),
    ],
)
def test_the_usual_task_of_a_target_is_taken(column: dict[str, Any], task: str) -> None:
    assert train_files._task([{"name": "it", **column}], "it") == task

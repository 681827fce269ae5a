"""What makes a benchmark of tables fail, and what does not."""

from pathlib import Path
from typing import Any

import pytest

from bench import intel, table_accuracy, table_fit, table_scoring


@pytest.mark.parametrize(("slow", "code"), [("xgboost", 1), ("lightgbm", 1), ("catboost", 0)])
def test_only_what_we_hold_to_the_limit_misses_it(
    slow: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(work: Path, one: Any, turns: int, library: str) -> float:
        return 1.2 if library == slow else 1.0

    monkeypatch.setattr(table_fit, "here", lambda: True)
    monkeypatch.setattr(table_fit, "measured", measured)
    assert table_fit.main(1, *table_fit.THEIRS) == code


@pytest.mark.parametrize(("better", "code"), [(4, 0), (3, 0), (2, 1)])
def test_the_search_must_be_better_on_three_of_four_tables(
    better: int, code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = {name for pair in table_accuracy.AGAINST + table_accuracy.AFTER for name in pair}
    ahead = [one.name for one in table_accuracy.REAL[:better]]

    def scored(work: Path, one: Any, dataset: Path, seed: int, search: bool) -> dict[str, float]:
        assert search
        return {**dict.fromkeys(names, 0.9), "best": 0.9005 if one.name in ahead else 0.8995}

    monkeypatch.setattr(table_accuracy, "here", lambda: True)
    monkeypatch.setattr(table_accuracy, "imported", lambda work, name: tmp_path)
    monkeypatch.setattr(table_accuracy, "_seed", scored)
    assert table_accuracy.main(2, search=True) == code


@pytest.mark.parametrize(("more", "code"), [(200.0, 0), (500.0, 1)])
def test_a_scoring_whose_memory_grows_misses(
    more: float, code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    figures = {"wall": 1.0, "cpu": 1.0, "base": 1000.0, "peak": 1000.0 + more}
    monkeypatch.setattr(table_scoring, "_measured", lambda home, who, cores: figures)
    assert table_scoring._compared(tmp_path, 1, ()) == code


def test_intel_needs_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intel, "CASES", ())
    assert intel.main() == 0

"""A scoring that was to take the fastest engine and had none to compare, or no row: it says so."""

from pathlib import Path

import pytest

from recipes import extras
from recipes.engine.tabular import devices
from tests.recipes.making import events
from tests.recipes.test_scoring_engines import finished, home, own, scored, written

__all__ = ["home", "own"]  # fixtures


def test_a_table_that_is_scored_at_once_is_not_compared(home: Path, own: bytes) -> None:
    folder = scored(home, "small", "fastest")
    assert (finished(folder)["engine"], finished(folder)["parity"]) == ("own", [])
    assert written(folder) == own
    assert "no other one is tried" in finished(folder)["untried"]
    assert any(one["text"] == finished(folder)["untried"] for one in events(folder, "note"))


def test_where_no_row_gets_a_prediction_the_own_library_is_used(
    home: Path, own: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = devices.first_rows
    monkeypatch.setattr(devices, "first_rows", lambda *one: found(*one).slice(0, 0))
    folder = scored(home, "no row", "fastest")
    facts = finished(folder)
    assert (facts["engine"], written(folder) == own) == ("own", True)
    assert facts["parity"], "each that is here says it"
    assert {one["why"] for one in facts["parity"]} == {
        "No row has what a prediction needs, so none could be compared."
    }


def test_where_no_other_library_is_here_the_job_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "WORTH", 0)
    monkeypatch.setattr(extras, "installed", lambda name: "")
    facts = finished(scored(home, "none here", "fastest"))
    assert (facts["engine"], facts["parity"]) == ("own", [])
    assert "is installed here" in facts["untried"]

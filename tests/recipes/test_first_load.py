"""A model's file that ends the process which reads it: the bundle is refused, the job lives on."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from recipes import bundle
from recipes.data import sandbox
from recipes.engine.tabular import first_load
from recipes.engine.tabular.model import load
from recipes.learners import boosted, leafwise, symmetric
from tests.recipes import tabling
from tests.recipes.tabling import small

PARSED: dict[str, Any] = {
    "xgboost": boosted.Boosted,
    "lightgbm": leafwise.Leafwise,
    "catboost": symmetric.Symmetric,
}


def ending(*given: Any) -> Any:
    os.kill(os.getpid(), signal.SIGSEGV)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Where each algorithm's job lies, trained once."""
    jobs: dict[str, Path] = {}

    def of(name: str) -> Path:
        home = tmp_path_factory.mktemp(name)
        jobs[name] = jobs.get(name) or tabling.train(home, small(), algorithm=name)
        return jobs[name]

    return of


@pytest.mark.parametrize("when", ["load", "predict"])
@pytest.mark.parametrize("name", PARSED)
def test_a_file_that_ends_its_reader_is_a_sentence(
    name: str, when: str, made: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, file = made(name) / "bundle", PARSED[name].file
    monkeypatch.setattr(PARSED[name], when, ending)
    said = rf"{file} of the bundle .* is damaged: .* it crashed \(SIGSEGV\)"
    with pytest.raises(bundle.BadBundle, match=said):
        load(place, threads=2)


@pytest.mark.parametrize("name", PARSED)
def test_a_whole_file_is_read_after_it_was_tried(
    name: str, made: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not tried again by who has written it."""
    folder = made(name)
    rows = pq.read_table(folder.parent / "data" / "table.parquet").select(["size", "colour"])
    given = load(folder / "bundle", threads=2).predict(rows)

    def never(*given: Any) -> Any:
        raise AssertionError("a child for one's own")

    monkeypatch.setattr(sandbox, "lines", never)
    own = load(folder / "bundle", threads=2, tried=True).predict(rows)
    assert given.tolist() == own.tolist()


@pytest.mark.parametrize("name", PARSED)
def test_a_file_is_tried_after_another_model_predicted_with_several_threads(
    name: str, made: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child has none of them, and would wait for them for ever."""
    monkeypatch.setattr(first_load, "SILENCE", 60.0)
    folder = made(name)
    rows = pq.read_table(folder.parent / "data" / "table.parquet").select(["size", "colour"])
    given = load(folder / "bundle", threads=2, tried=True).predict(rows)
    assert load(folder / "bundle", threads=2).predict(rows).tolist() == given.tolist()


def test_a_file_that_the_library_itself_refuses_is_its_sentence(
    made: Callable[[str], Path],
) -> None:
    place = made("xgboost") / "bundle"
    whole, told = (place / "model.ubj").read_bytes(), (place / "model.json").read_text()
    try:
        (place / "model.ubj").write_bytes(b"{}")
        with pytest.raises(bundle.BadBundle, match="is not the file that was trained: its SHA-256"):
            load(place, threads=1)
        about = json.loads(told)
        about["sha256"]["model.ubj"] = bundle.sha256(place / "model.ubj")
        (place / "model.json").write_text(json.dumps(about))
        with pytest.raises(bundle.BadBundle, match="cannot be loaded"):
            load(place, threads=1)
    finally:
        (place / "model.ubj").write_bytes(whole)
        (place / "model.json").write_text(told)


def test_a_training_goes_on_from_none_that_ends_its_reader(
    made: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {"bundle": str(made("xgboost") / "bundle"), "version": 1}
    monkeypatch.setattr(boosted.Boosted, "load", ending)
    with pytest.raises(bundle.BadBundle, match=r"model.ubj of the bundle .* is damaged"):
        tabling.train(tmp_path, small(), spec={"goes_on_from": before})

"""Scoring: the table, and what may be pointed at."""

import csv
import zipfile
from pathlib import Path

import pytest
import torch

from recipes.__main__ import main
from recipes.data.inputs import as_dataset
from recipes.data.listing import BadData
from recipes.engine.peers import Peers
from recipes.engine.scoring import score_job
from recipes.engine.training import train
from recipes.job import Compute, Job, read, write
from tests.recipes.making import dataset, events, job
from tests.recipes.threads import one_thread

__all__ = ["one_thread"]

ALONE = torch.device("cpu")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trained bundle in `job` and its pictures in `data`."""
    torch.set_num_threads(1)
    home = tmp_path_factory.mktemp("scored")
    data = dataset(home / "data", {"red": 12, "blue": 12})
    folder = job(home, data)
    train(read(folder), folder, Peers(0, 1, ALONE))
    return home


def score(home: Path, place: Path, dataset_: Path, *, batch: int = 4) -> list[dict[str, str]]:
    spec = {"bundle": str(home / "job" / "bundle"), "dataset": {"folder": str(dataset_)}}
    write(place, Job(job=2, kind="score", spec={**spec, "batch": batch}, compute=Compute()))
    score_job(read(place), place, Peers(0, 1, ALONE))
    with (place / "output" / "data.csv").open(newline="") as table:
        return list(csv.DictReader(table))


def test_the_table_has_the_path_the_prediction_and_a_probability_per_class(
    home: Path, tmp_path: Path
) -> None:
    rows = score(home, tmp_path / "job", home / "data")
    assert list(rows[0]) == ["path", "prediction", "proba_blue", "proba_red"]
    assert [row["path"] for row in rows] == [
        f"{label}/{place}.png" for label in ("red", "blue") for place in range(12)
    ]
    for row in rows:
        probas = {name: float(row[f"proba_{name}"]) for name in ("blue", "red")}
        assert sum(probas.values()) == pytest.approx(1, abs=2e-6)
        assert row["prediction"] == max(probas, key=lambda name: probas[name])
    (finished,) = events(tmp_path / "job", "finished")
    assert finished["rows"] == 24
    assert [column["name"] for column in finished["columns"]] == list(rows[0])
    for column in finished["columns"]:
        values = {row[column["name"]] for row in rows}
        assert (column["missing"], column["distinct"]) == (0, len(values))
    assert finished["file"] == "output/data.csv"


def test_scores_are_those_of_the_validation(home: Path, tmp_path: Path) -> None:
    import json

    lines = (home / "job" / "bundle" / "predictions.jsonl").read_text().splitlines()
    rows = {row["path"]: row for row in score(home, tmp_path / "job", home / "data")}
    for known in map(json.loads, lines):
        for name, proba in known["probas"].items():
            assert float(rows[known["path"]][f"proba_{name}"]) == pytest.approx(proba, abs=2e-3)


def test_a_damaged_picture_has_an_empty_prediction_and_the_others_theirs(
    home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}.png").write_bytes(
            (home / "data" / "files" / "00" / f"{number}.png").read_bytes()
        )
    (folder / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (folder / "notes.txt").write_text("no picture")
    rows = score(home, tmp_path / "job", as_dataset(folder, tmp_path / "draft"))
    assert [bool(row["prediction"]) for row in rows] == [True, True, False, True, True, True]
    assert set(rows[2].values()) == {"2.png", ""}
    (note,) = events(tmp_path / "job", "note")
    assert note["text"].startswith("2.png has no prediction: ")


@pytest.mark.parametrize("kind", ["folder", "zip", "picture", "dataset"])
def test_what_may_be_pointed_at(home: Path, tmp_path: Path, kind: str) -> None:
    pictures = sorted((home / "data" / "files" / "00").iterdir())
    given, count = {
        "folder": (home / "data" / "files", 24),
        "zip": (tmp_path / "some.zip", 24),
        "picture": (pictures[0], 1),
        "dataset": (home / "data", 24),
    }[kind]
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        for picture in pictures:
            archive.write(picture, f"in/{picture.name}")
        archive.writestr("__MACOSX/in/._0.png", b"junk")
        archive.writestr("read me.txt", b"no picture")
    assert len(score(home, tmp_path / "job", as_dataset(given, tmp_path / "draft"))) == count


def test_a_place_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadData, match="There is no picture in"):
        as_dataset(tmp_path / "empty", tmp_path / "draft")
    with pytest.raises(BadData, match=r"There is no .*nowhere"):
        as_dataset(tmp_path / "nowhere", tmp_path / "draft")


def test_the_settings_of_a_table_are_none_of_pictures(
    home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    given = [str(home / "job" / "bundle"), str(home / "data"), "--out", str(tmp_path / "a.csv")]
    assert main(["score", *given, "--threshold", "0.5"]) == 2
    assert "A scoring of pictures has no --threshold" in capfd.readouterr().err

"""Evaluations of pictures: the same model, other pictures, darker ones, ones without a label."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image, ImageEnhance

from recipes.data.listing import BadData
from recipes.engine.peers import Peers
from recipes.engine.training import train
from recipes.job import Compute, Job, read, write
from recipes.kinds import KINDS
from tests.recipes.making import dataset, events, job
from tests.recipes.threads import one_thread

__all__ = ["one_thread"]

ALONE = torch.device("cpu")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trained bundle in `job`."""
    torch.set_num_threads(1)
    home = tmp_path_factory.mktemp("judged")
    folder = job(home, dataset(home / "data", {"red": 40, "blue": 40}))
    train(read(folder), folder, Peers(0, 1, ALONE))
    return home


def evaluated(home: Path, place: Path, data: Path, **spec: Any) -> dict[str, Any]:
    spec = {"bundle": str(home / "job" / "bundle"), "dataset": {"folder": str(data)}, **spec}
    write(place, Job(job=2, kind="evaluate", spec=spec, compute=Compute()))
    KINDS["evaluate"].run(read(place), place, Peers(0, 1, ALONE))
    made: dict[str, Any] = json.loads((place / "evaluation.json").read_text())
    return made


def relabelled(data: Path, change: Any) -> None:
    lines = [json.loads(line) for line in (data / "index.jsonl").read_text().splitlines()]
    for number, line in enumerate(lines):
        change(number, line)
    (data / "index.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_the_same_pictures_are_judged_as_in_training_and_nothing_has_moved(
    home: Path, tmp_path: Path
) -> None:
    told = evaluated(home, tmp_path / "job", home / "data")
    assert (told["rows"], told["of"], told["left_out"]) == (80, 80, [])
    assert told["metrics"]["accuracy"] >= 0.9
    assert sum(map(sum, told["confusion"])) == 80
    data = told["drift"]["data"]
    assert {one["name"] for one in data["columns"]} >= {"brightness", "contrast", "width"}
    assert {one["strength"] for one in data["columns"]} == {"none"}
    assert not data["classifier"]["told"]
    rows = pq.read_table(tmp_path / "job" / "output" / "table.parquet")
    assert rows.column_names == [
        "path",
        "label",
        "prediction",
        "proba_blue",
        "proba_red",
        "correct",
    ]
    assert len(rows) == 80
    (finished,) = events(tmp_path / "job", "finished")
    assert finished["metrics"] == told["metrics"]


def test_darker_pictures_are_found_and_brightness_is_named(home: Path, tmp_path: Path) -> None:
    data = tmp_path / "dark"
    shutil.copytree(home / "data", data)
    for path in data.rglob("*.png"):
        ImageEnhance.Brightness(Image.open(path).convert("RGB")).enhance(0.3).save(path)
    told = evaluated(home, tmp_path / "job", data, rows=False)
    moved = told["drift"]["data"]["columns"]
    brightness = next(one for one in moved if one["name"] == "brightness")
    assert brightness["strength"] == "strong"
    assert brightness["means"][1] < 0.5 * brightness["means"][0]
    assert told["drift"]["data"]["classifier"]["told"]
    assert not (tmp_path / "job" / "output").exists()


def test_pictures_that_cannot_be_judged_are_counted_with_the_reason(
    home: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(home / "data", data)

    def change(number: int, line: dict[str, Any]) -> None:
        line["label"] = {0: "", 1: "green", 2: "green", 3: "violet"}.get(number, line["label"])
        if number == 4:
            (data / line["file"]).write_bytes(b"no picture")

    relabelled(data, change)
    told = evaluated(home, tmp_path / "job", data)
    assert (told["rows"], told["of"]) == (75, 80)
    assert {one["why"]: one["rows"] for one in told["left_out"]} == {
        "they have no label": 1,
        "the model does not know the class": 3,
        "the picture cannot be decoded": 1,
    }
    assert told["unknown"]["classes"][0] == {"name": "green", "rows": 2}


def test_pictures_without_labels_are_refused(home: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(home / "data", data)
    relabelled(data, lambda number, line: line.update(label=""))
    with pytest.raises(BadData, match=r"None of the pictures can be judged\. 80 pictures"):
        evaluated(home, tmp_path / "job", data)

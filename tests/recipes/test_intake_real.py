"""The intake on real data, where it is there."""

from pathlib import Path

import pytest

from tests.recipes.taken import imported

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def link(tmp_path: Path, name: str) -> Path:
    path = tmp_path / name
    if not (DATA / name).exists():
        pytest.skip(f"{DATA / name} is not there")
    path.symlink_to(DATA / name)
    return path


def test_hymenoptera_is_397_photos_and_a_gif_that_is_left_out(tmp_path: Path) -> None:
    made = imported(link(tmp_path, "hymenoptera.zip"))
    assert made.facts["images"] == 397
    assert made.facts["classes"] == [{"name": "ants", "count": 193}, {"name": "bees", "count": 204}]
    assert made.facts["splits"] == {"train": 244, "val": 153}
    assert [one["where"] for one in made.problems] == ["train/ants/imageNotFound.gif"]


def test_bccd_is_364_pictures_with_boxes(tmp_path: Path) -> None:
    made = imported(link(tmp_path, "bccd.zip"))
    assert made.facts["layout"] == "voc"
    assert made.facts["images"] == 364
    assert sum(len(line["boxes"]) for line in made.lines) == 4888
    assert made.facts["splits"] == {"train": 205, "val": 87, "test": 72}
    assert not made.problems

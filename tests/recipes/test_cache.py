"""Pixels are decoded once, as torchvision would, and the cache is there whole or not at all."""

import dataclasses
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from recipes.data import augment, cache, listing
from recipes.nets.backbones import ImageInput
from recipes.tasks import TASKS
from tests.recipes.making import dataset

SEEN = ImageInput(size=24, resize=28, mean=(0.5,) * 3, std=(0.5,) * 3, interpolation="bicubic")
PLAIN = TASKS["image_classification"].augmentation.defaults()


class Alone:
    """A gang of one."""

    rank, world, near = 0, 1, 1

    def barrier(self) -> None: ...

    def gather(self, value: Any) -> list[Any]:
        return [value]

    def share(self, value: Any) -> Any:
        return value


def opened(home: Path, data: dict[str, str], seen: ImageInput = SEEN) -> cache.PixelCache:
    rows = listing.read(Path(data["folder"]))
    return cache.open_cache(home, data["fingerprint"], rows, seen, Alone(), 2)


def test_pixels_are_those_that_torchvision_makes(tmp_path: Path) -> None:
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms import functional as tv

    data = dataset(tmp_path / "data", {"red": 3, "blue": 3}, size=(61, 43))
    made = opened(tmp_path / "cache", data)
    for place, row in enumerate(listing.read(Path(data["folder"]))):
        image = Image.open(row.file).convert("RGB")
        wanted = tv.center_crop(tv.resize(image, 28, InterpolationMode.BICUBIC), 24)
        assert np.array_equal(cache.middle(made.picture(place), 24), np.asarray(wanted))


def test_a_second_job_opens_the_same_file(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", {"red": 2, "blue": 2})
    opened(tmp_path / "cache", data)
    (folder,) = (tmp_path / "cache").iterdir()
    before = (folder / "pixels.bin").stat().st_mtime_ns
    opened(tmp_path / "cache", data)
    assert (folder / "pixels.bin").stat().st_mtime_ns == before


def test_another_size_is_another_cache(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", {"red": 2, "blue": 2})
    opened(tmp_path / "cache", data)
    opened(tmp_path / "cache", data, dataclasses.replace(SEEN, resize=32))
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_a_crash_while_decoding_leaves_no_cache_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = dataset(tmp_path / "data", {"red": 2, "blue": 2})

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(cache, "_finish", crash)
        with pytest.raises(KeyboardInterrupt):
            opened(tmp_path / "cache", data)
    assert not list((tmp_path / "cache").glob("pixels-*"))
    assert len(opened(tmp_path / "cache", data)) == 4


def test_damaged_and_missing_pictures_are_named_and_the_others_kept(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", {"red": 2, "blue": 2})
    rows = listing.read(Path(data["folder"]))
    rows[1].file.write_bytes(rows[1].file.read_bytes()[:60])
    rows[2].file.unlink()
    made = opened(tmp_path / "cache", data)
    assert made.damaged.keys() == {1, 2}
    assert made.picture(3).any()


def test_a_very_wide_picture_is_cut_and_a_tiny_one_enlarged(tmp_path: Path) -> None:
    wide = dataset(tmp_path / "wide", {"red": 1, "blue": 1}, size=(300, 20))
    tiny = dataset(tmp_path / "tiny", {"red": 1, "blue": 1}, size=(5, 4))
    assert opened(tmp_path / "cache", wide).picture(0).shape == (28, 56, 3)
    assert opened(tmp_path / "cache", tiny).picture(0).shape == (28, 35, 3)


def test_old_caches_make_room_for_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(tmp_path / "cache", dataset(tmp_path / "a", {"red": 1, "blue": 1}))
    monkeypatch.setattr(cache, "SPARE", 1 << 60)
    opened(tmp_path / "cache", dataset(tmp_path / "b", {"red": 2, "blue": 1}))
    assert len(list((tmp_path / "cache").glob("pixels-*"))) == 1


def test_features_make_room_too_those_used_last_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [".features-a.npy.9", "features-b.npy", "pixels-c", "features-d.npy"]
    for age, name in zip((2, 0.9, 0.6, 0.3), names, strict=True):
        place = tmp_path / name
        place.mkdir() if name == "pixels-c" else place.touch()
        os.utime(place, (time.time() - age * cache.OLD_DRAFT,) * 2)
    free = iter([0, 0, cache.SPARE + 9, 9])  # enough when two are gone
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=next(free)))
    cache.make_room(tmp_path, 9)
    assert [one for one in names if (tmp_path / one).exists()] == ["features-d.npy"]


def test_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"needs 1,152,921,504,606,846,976 bytes .* free"):
        cache.make_room(tmp_path, 1 << 60)


def test_the_index_without_a_picture_in_use_is_refused(tmp_path: Path) -> None:
    line = {"number": 0, "path": "a", "file": "a", "use": False}
    (tmp_path / "index.jsonl").write_text(json.dumps(line) + "\n")
    with pytest.raises(listing.BadData, match="no picture in use"):
        listing.read(tmp_path)


@pytest.mark.parametrize("name", [*PLAIN, "all"])
def test_each_augmentation_changes_pixels_and_the_same_seed_changes_them_alike(name: str) -> None:
    from recipes.algorithms.backbone_classifier import NEUTRAL

    strong = {"rotation": 40, "crop": 0.3, "erase": 1.0}
    strong |= {key: True for key in PLAIN if key.endswith("flip")}
    strong |= dict.fromkeys(("brightness", "contrast", "saturation"), 0.5)
    chosen = strong if name == "all" else {**NEUTRAL, name: strong[name]}
    pixels = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)
    plain = augment.one(pixels, NEUTRAL, 40, 1)
    assert np.array_equal(plain, cache.middle(pixels, 40))
    changed = [augment.one(pixels, chosen, 40, seed) for seed in range(8)]
    assert any(not np.array_equal(one, plain) for one in changed)
    assert np.array_equal(changed[3], augment.one(pixels, chosen, 40, 3))
    assert changed[0].shape == (40, 40, 3)

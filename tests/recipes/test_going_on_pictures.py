"""A training on pictures that goes on from a version: its weights, its view, its own history."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from recipes.engine import before, training
from recipes.engine.loop import Loop
from recipes.engine.peers import Peers
from recipes.job import BadJob, read
from tests.recipes.making import dataset, events, job
from tests.recipes.threads import one_thread
from tests.recipes.warm import begin

__all__ = ["one_thread"]

NET = {"backbone": "efficientnet_lite0", "image_size": 32, "dropout": 0}
PLAIN = {"horizontal_flip": False, "crop": 1, "brightness": 0, "contrast": 0, "saturation": 0}
GIVEN: dict[str, Any] = {
    "augmentation": PLAIN,
    "training": {"epochs": 5, "batch_size": 8, "warmup_epochs": 0, "learning_rate": 0.01},
}
STILL = {**GIVEN["training"], "epochs": 2, "learning_rate": 1e-7, "weight_decay": 0}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="module")
def data(home: Path) -> dict[str, str]:
    return dataset(home / "data", {"red": 16, "blue": 16})


def prepared(
    home: Path, data: dict[str, str], name: str, before: Path | None, **changes: Any
) -> Path:
    given = {**GIVEN, **changes, "params": {**NET, **changes.get("params", {})}}
    version = given.pop("version", 1)
    folder = job(home, data, name=name, **given)
    if before is not None:
        told = json.loads((folder / "job.json").read_text())
        told["spec"]["goes_on_from"] = {"bundle": str(before / "bundle"), "version": version}
        (folder / "job.json").write_text(json.dumps(told))
    return folder


def trained(
    home: Path, data: dict[str, str], name: str, before: Path | None, **changes: Any
) -> Path:
    folder = prepared(home, data, name, before, **changes)
    training.train(read(folder), folder, Peers(0, 1, torch.device("cpu")))
    return folder


@pytest.fixture(scope="module")
def first(home: Path, data: dict[str, str]) -> Path:
    torch.set_num_threads(1)
    return trained(home, data, "first", None)


@pytest.fixture(scope="module")
def again(home: Path, data: dict[str, str], first: Path) -> Path:
    return trained(home, data, "again", first, training=STILL)


def about(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "bundle" / "model.json").read_text())
    return found


def epochs(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "bundle" / "report.json").read_text())[
        "history"
    ]
    return found


def notes(folder: Path) -> str:
    return "\n".join(one["text"] for one in events(folder, "note"))


def test_it_begins_where_the_version_stood_and_not_at_random(first: Path, again: Path) -> None:
    old = about(first)["metrics"]["log_loss"]
    assert abs(epochs(first)[0]["val_loss"] - old) > 0.05, "the version has learned something"
    (finished,) = events(again, "finished")
    assert finished["facts"]["began"]["log_loss"] == pytest.approx(old, rel=1e-5)
    assert epochs(again)[0]["val_loss"] == pytest.approx(old, rel=1e-3)
    said = "Before it learns on, version 1 has on today's validation pictures the log loss "
    assert f"{said}{old:.4f}" in notes(again)
    assert "goes on from version 1, and keeps the way it sees pictures" in notes(again)
    assert "may be too good" not in notes(again), "the same pictures judge"


def test_its_history_is_its_own_and_it_knows_where_it_comes_from(first: Path, again: Path) -> None:
    assert [one["epoch"] for one in epochs(again)] == [1, 2]
    best = about(first)["epochs"]
    assert about(again)["lineage"] == [{"version": 1, "rounds": best, "unit": "epoch"}]
    assert 1 <= best <= 5
    told = [one for one in events(again, "progress") if one["unit"] == "epoch"]
    far = [(one["before"], one["of"]) for one in told]
    assert far == [(best, 2)] * (len(far) - 1) + [(best, about(again)["epochs"])]
    (finished,) = events(again, "finished")
    assert finished["facts"]["lineage"] == about(again)["lineage"]
    assert "lineage" not in about(first)


def test_a_head_learns_on_features_of_the_versions_own_backbone(
    home: Path, data: dict[str, str], first: Path
) -> None:
    """Not on ImageNet's, which lie in the cache for the same pictures: of the first version."""
    quick = {**GIVEN["training"], "epochs": 1, "backbone_rate": 1}
    one = trained(home, data, "whole net", first, params={"retrained": "last"}, training=quick)
    before = len(list((home / "cache").glob("features-*")))
    two = trained(home, data, "head", one, version=2, training=STILL)
    began = events(two, "finished")[0]["facts"]["began"]["log_loss"]
    assert began == pytest.approx(about(one)["metrics"]["log_loss"], rel=1e-4)
    old, new = (load_file(each / "bundle" / "weights.safetensors") for each in (one, two))
    assert all(torch.equal(old[name], new[name]) for name in old if name.startswith("body."))
    three = trained(home, data, "head again", two, version=3, training=STILL)
    made = len(list((home / "cache").glob("features-*"))) - before
    assert made == 1, "the same backbone, none anew"
    assert [each["version"] for each in about(three)["lineage"]] == [1, 2, 3]


def test_what_was_interrupted_goes_on_from_its_checkpoint_to_the_same_end(
    home: Path, data: dict[str, str], first: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Loop._save
    whole = trained(home, data, "whole", first, params={"image_size": 0})

    def interrupted(self: Loop, total: Any) -> None:
        own(self, total)
        if self.at.epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Loop, "_save", interrupted)
        with pytest.raises(KeyboardInterrupt):
            trained(home, data, "torn", first, params={"image_size": 0})
    folder = home / "torn"
    training.train(read(folder), folder, Peers(0, 1, torch.device("cpu")))
    assert epochs(folder)[-1]["val_loss"] == epochs(whole)[-1]["val_loss"]
    facts = [events(one, "finished")[0]["facts"] for one in (whole, folder)]
    assert facts[0]["began"] == facts[1]["began"]
    assert notes(folder).count("Before it learns on") == 1
    assert about(whole)["image"] == about(first)["image"], "automatic is as the version saw them"


REFUSED: dict[str, tuple[dict[str, int], dict[str, Any], str]] = {
    "a class more": (
        {"red": 8, "blue": 8, "green": 8},
        {},
        "the dataset has the new 'green'. Train from the beginning.",
    ),
    "a class less": ({"red": 8, "green": 8}, {}, "has the new 'green' and it lacks 'blue'"),
    "another backbone": (
        {"red": 8, "blue": 8},
        {"backbone": "resnet18"},
        "'Backbone' is 'resnet18' and was 'efficientnet_lite0' in the version",
    ),
    "another size": (
        {"red": 8, "blue": 8},
        {"image_size": 64},
        "The image size is 64 px and was 32 px in the version",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_match_is_refused_with_a_sentence(
    case: str, first: Path, tmp_path: Path
) -> None:
    counts, params, sentence = REFUSED[case]
    data = dataset(tmp_path / "data", counts)
    with pytest.raises(BadJob, match=sentence):
        trained(tmp_path, data, "refused", first, params=params)


def test_other_pictures_are_told_to_judge_it_too_kindly(
    home: Path, again: Path, tmp_path: Path
) -> None:
    data = dataset(tmp_path / "data", {"red": 10, "blue": 10})
    three = trained(tmp_path, data, "three", again, version=2, training=STILL)
    assert "which may have learned from pictures that judge now" in notes(three)
    assert [one["version"] for one in about(three)["lineage"]] == [1, 2]


def test_a_version_that_does_not_say_how_its_pictures_were_split_may_know_them(
    first: Path,
) -> None:
    said = about(first)
    split, fingerprint = said.pop("split"), said["fingerprint"]
    kept = before.Before(first / "bundle", said, 1)
    told = before.too_good(kept, fingerprint=fingerprint, split=split)
    assert "version 1 does not say how its pictures were split" in told


@pytest.mark.process
def test_two_ranks_begin_with_the_same_weights(
    home: Path, data: dict[str, str], first: Path
) -> None:
    folder = prepared(home, data, "two ranks", first, training=STILL, compute={"ranks": 2})
    assert begin(folder).wait(240) == 0
    (finished,) = events(folder, "finished")
    assert finished["facts"]["ranks"] == 2
    old = about(first)["metrics"]["log_loss"]
    assert finished["facts"]["began"]["log_loss"] == pytest.approx(old, rel=1e-4)
    assert epochs(folder)[0]["val_loss"] == pytest.approx(old, rel=1e-3)

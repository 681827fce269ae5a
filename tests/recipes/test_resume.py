"""Trainings of two ranks that are killed or give way, and end where the undisturbed one ends."""

import hashlib
import time
from pathlib import Path
from typing import Any

import pytest

from recipes.job import YIELDED
from tests.recipes.making import dataset, events, job
from tests.recipes.warm import Begun, begin

NET = {"retrained": "all", "backbone": "shufflenet_v2_x0_5", "pretrained": False, "image_size": 32}
GIVEN: dict[str, Any] = {
    "params": {**NET, "dropout": 0.3},
    "training": {"epochs": 3, "batch_size": 2, "early_stopping": False},
}
STEPS = 6  # an epoch: 24 pictures, 2 ranks, 2 pictures each
pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return dataset(tmp_path_factory.mktemp("data"), {"red": 24, "blue": 24})


def run(folder: Path, **environment: str) -> int:
    return begin(folder, **environment).wait(240)


def made(folder: Path) -> dict[str, Any]:
    """All that must be equal: every epoch's figures to the last digit, and the weights' bits."""
    names = ("train_loss", "val_loss", "metrics", "best")
    told = {one["epoch"]: [one[name] for name in names] for one in events(folder, "epoch")}
    weights = (folder / "bundle" / "weights.safetensors").read_bytes()
    return {**told, "weights": hashlib.sha256(weights).hexdigest()}


def prepared(home: Path, data: dict[str, str], ranks: int = 2) -> Path:
    return job(home, data, compute={"ranks": ranks}, **GIVEN)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, data: dict[str, str]) -> dict[str, Any]:
    folder = prepared(tmp_path_factory.mktemp("undisturbed"), data)
    assert run(folder) == 0
    assert set(made(folder)) == {1, 2, 3, "weights"}
    return made(folder)


def notes(folder: Path) -> str:
    return "\n".join(one["text"] for one in events(folder, "note"))


@pytest.mark.parametrize(
    ("place", "seconds", "said"),
    [
        (f"loop.step:{STEPS + 3}", "600", "after epoch 1"),
        (f"loop.step:{STEPS + 4}", "0", "in epoch 2, step"),
        ("checkpoint.renamed:1", "0", "in epoch 1, step"),
        ("checkpoint.unsigned:2", "600", "after epoch 1"),
        ("checkpoint.renamed:2", "600", "after epoch 2"),
    ],
)
def test_a_killed_training_goes_on_to_the_same_end_to_the_last_digit(
    tmp_path: Path,
    data: dict[str, str],
    undisturbed: dict[str, Any],
    place: str,
    seconds: str,
    said: str,
) -> None:
    folder = prepared(tmp_path, data)
    often = {"TRACKSIDE_CHECKPOINT_SECONDS": seconds}
    assert run(folder, TRACKSIDE_CRASH_AT=place, **often) == 1
    assert not events(folder, "finished")
    assert run(folder) == 0
    assert f"Goes on {said}" in notes(folder)
    assert made(folder) == undisturbed


def test_three_ranks_too_whose_sums_depend_on_their_order(
    tmp_path: Path, data: dict[str, str]
) -> None:
    whole = job(tmp_path, data, name="whole", compute={"ranks": 3}, **GIVEN)
    torn = job(tmp_path, data, name="torn", compute={"ranks": 3}, **GIVEN)
    often = {"TRACKSIDE_CHECKPOINT_SECONDS": "0"}
    assert run(whole) == 0
    assert run(torn, TRACKSIDE_CRASH_AT="loop.step:8", **often) == 1
    assert run(torn) == 0
    assert "Goes on in epoch 2, step" in notes(torn)
    assert made(torn) == made(whole)


def until_step(folder: Path, number: int, process: Begun) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        told = events(folder, "step") if (folder / "events.jsonl").exists() else []
        if told and told[-1]["step"] >= number:
            return
        time.sleep(0.01)
    raise AssertionError(f"No step {number} was told.")


def test_a_training_that_gives_way_in_the_middle_of_an_epoch_ends_as_if_it_had_not(
    tmp_path: Path, data: dict[str, str], undisturbed: dict[str, Any]
) -> None:
    folder = prepared(tmp_path, data)
    process = begin(folder)
    until_step(folder, 1, process)
    (folder / "stop").write_text("yield")
    assert process.wait(120) == YIELDED
    assert events(folder)[-1]["type"] in ("checkpoint", "log")
    (folder / "stop").unlink()
    assert run(folder) == 0
    assert "Goes on " in notes(folder)
    assert made(folder) == undisturbed


def test_after_a_damaged_checkpoint_the_one_before_it_is_gone_on_with(
    tmp_path: Path, data: dict[str, str], undisturbed: dict[str, Any]
) -> None:
    folder = prepared(tmp_path, data)
    # Only the rank that writes passes here: the other may be further than what is written.
    assert run(folder, TRACKSIDE_CRASH_AT="checkpoint.renamed:2") == 1
    torn = folder / "checkpoints" / "e0002" / "optimizer.safetensors"
    torn.write_bytes(torn.read_bytes()[:-1] + b"\x01")
    assert run(folder) == 0
    assert (
        "The checkpoint after epoch 2 is not used: optimizer.safetensors is not what was written."
    ) in notes(folder)
    assert made(folder) == undisturbed


@pytest.mark.parametrize("ranks", [1, 3])
def test_another_number_of_ranks_goes_on_and_says_what_changed(
    tmp_path: Path, data: dict[str, str], ranks: int
) -> None:
    folder = prepared(tmp_path, data)
    often = {"TRACKSIDE_CHECKPOINT_SECONDS": "0"}
    assert run(folder, TRACKSIDE_CRASH_AT=f"loop.step:{STEPS + 5}", **often) == 1
    text = (folder / "job.json").read_text()
    (folder / "job.json").write_text(text.replace('"ranks": 2', f'"ranks": {ranks}'))
    assert run(folder) == 0
    assert (
        f"It runs on {ranks} instead of 2 ranks: a step learns from {2 * ranks} pictures "
        "instead of 4."
    ) in notes(folder)
    assert [one["epoch"] for one in events(folder, "epoch")] == [1, 2, 3]
    steps = [one["step"] for one in events(folder, "step")]
    assert events(folder, "finished")
    assert steps[-1] > STEPS

"""What ends a training of real ranks for a reason: a full disk, a hung rank, no number, no time."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recipes import pulse
from recipes.engine import checkpoint
from recipes.job import YIELDED
from tests.recipes.making import ROOT, dataset, events, job
from tests.recipes.test_resume import NET, run, until_step
from tests.recipes.warm import begin

LONG: dict[str, Any] = {"epochs": 500, "batch_size": 4, "early_stopping": False}
pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return dataset(tmp_path_factory.mktemp("data"), {"red": 12, "blue": 12})


def told(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "attempt.json").read_text())
    return found


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The place of the checkpoints on a disk of its own, with room for one of them and a half."""
    place = tmp_path / "job" / "checkpoints"
    place.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=9m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a tmpfs cannot be mounted here: that needs root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_on_a_full_disk_the_last_checkpoint_stays_and_the_third_failure_ends_it(
    tmp_path: Path, data: dict[str, str], small_disk: Path
) -> None:
    folder = job(tmp_path, data, params=NET, training=LONG)
    assert run(folder) == 1
    assert checkpoint.names(small_disk) == ["e0001"]
    assert checkpoint.read(small_disk / "e0001").epoch == 1
    first, second = [one["text"] for one in events(folder, "note") if one["level"] == "warning"]
    assert first.startswith("The checkpoint after epoch 2 could not be written: the disk is full (")
    assert first.endswith("The one after epoch 1 is kept, and the training goes on.")
    assert second.startswith("The checkpoint after epoch 3")
    (failed,) = events(folder, "failed")
    assert failed["code"] == "disk_full"
    assert failed["message"].endswith("It was tried 3 times. The one after epoch 1 is kept.")
    assert [one["epoch"] for one in events(folder, "checkpoint")] == [1]


def test_it_stops_at_the_first_loss_that_is_no_number_and_keeps_a_finite_checkpoint(
    tmp_path: Path, data: dict[str, str]
) -> None:
    steep = {**LONG, "learning_rate": 10, "optimizer": "sgd", "warmup_epochs": 0}
    params = {**NET, "dropout": 0}
    folder = job(tmp_path, data, params=params, training=steep, compute={"ranks": 2})
    assert run(folder, TRACKSIDE_CHECKPOINT_SECONDS="0") == 1
    (failed,) = events(folder, "failed")
    assert failed["code"] == "not_finite"
    losses = [one["loss"] for one in events(folder, "step")]
    assert None not in losses[:-1]
    for name in checkpoint.names(folder / "checkpoints"):
        net = checkpoint.read(folder / "checkpoints" / name).net
        assert all(one.isfinite().all() for one in net.values() if one.is_floating_point())


@pytest.fixture
def little_memory() -> Iterator[Path]:
    """A cgroup with room for a leader and not for a rank that has loaded PyTorch."""
    place = Path("/sys/fs/cgroup/memory") / f"trackside-test-{os.getpid()}"
    try:
        place.mkdir()
        (place / "memory.limit_in_bytes").write_text(str(96 << 20))
    except OSError:
        pytest.skip("a memory cgroup cannot be made here: that needs root and cgroup v1")
    yield place
    place.rmdir()


def test_a_rank_that_the_system_kills_for_its_memory_is_told_by_the_counter(
    tmp_path: Path, data: dict[str, str], little_memory: Path
) -> None:
    folder = job(tmp_path, data, params=NET, training=LONG)
    join = f"echo $$ > {little_memory}/cgroup.procs && exec {sys.executable} -m recipes {folder}"
    begun = subprocess.run(["sh", "-c", join], cwd=ROOT, capture_output=True, check=False)
    assert begun.returncode == 1
    end = told(folder)
    assert (end["cause"], end["rank"], end["signal"]) == ("out_of_memory", 0, 9)
    assert (
        "because memory ran out (signal 9, SIGKILL): all of its 96 MB were used." in end["reason"]
    )


def hung(folder: Path, number: int) -> dict[str, Any]:
    """Stop a rank while it trains, and wait until the leader has ended the gang."""
    process = begin(folder, TRACKSIDE_HUNG_SECONDS="3")
    until_step(folder, 3, process)
    os.kill(pulse.read(folder)[number].pid, signal.SIGSTOP)
    assert process.wait(120) == 1
    return told(folder)


def test_a_rank_that_stands_still_is_found_and_named_with_its_step(
    tmp_path: Path, data: dict[str, str]
) -> None:
    folder = job(tmp_path, data, params=NET, training=LONG, compute={"ranks": 2})
    end = hung(folder, 1)
    assert (end["cause"], end["rank"], end["signal"]) == ("hung", 1, None)
    assert end["reason"].startswith("Rank 1 of 2 was stopped from outside at step ")
    assert (pulse.last_step(folder) or 0) >= 3
    log = (folder / "log.txt").read_text()
    assert "Current thread" in log or "Thread 0x" in log  # what the other rank was doing
    assert "loop.py" in log


def test_a_training_of_one_rank_that_stands_still_is_ended_too(
    tmp_path: Path, data: dict[str, str]
) -> None:
    end = hung(job(tmp_path, data, params=NET, training=LONG), 0)
    assert (end["cause"], end["rank"]) == ("hung", 0)


def test_at_its_time_limit_a_training_writes_a_checkpoint_and_ends(
    tmp_path: Path, data: dict[str, str]
) -> None:
    folder = job(tmp_path, data, params=NET, training=LONG, compute={"ranks": 2}, seconds=8.0)
    assert run(folder) == YIELDED
    assert told(folder)["cause"] == "time_limit"
    assert checkpoint.names(folder / "checkpoints")


@pytest.mark.parametrize(("state", "said"), [("T", "was stopped from outside"), ("R", None)])
def test_only_a_rank_that_is_stopped_is_found_before_its_own_patience_ends(
    tmp_path: Path, monkeypatch: Any, state: str, said: str | None
) -> None:
    monkeypatch.setattr(pulse, "LEAST", 0.2)
    monkeypatch.setattr(pulse, "LOOK", 0.0)
    monkeypatch.setattr(pulse, "_state", lambda pid: state)
    watcher = pulse.Watcher(tmp_path, range(1), 1)
    pulse.start(tmp_path, 0)
    pulse.beat(3, patience=3600)
    assert watcher.look() is None
    time.sleep(0.5)
    found = watcher.look()
    assert (said in found.reason) if found and said else (found is said)


def test_a_rank_is_told_apart_from_those_that_wait_for_it(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(pulse, "LEAST", 0.2)
    monkeypatch.setattr(pulse, "LOOK", 0.0)
    watcher = pulse.Watcher(tmp_path, range(4, 6), 8)
    for place, (step, stage) in enumerate([(7, pulse.MEET), (7, pulse.LOAD)]):
        monkeypatch.setattr(pulse.os, "getpid", lambda: 0)
        pulse.start(tmp_path, place)
        pulse.beat(step, stage, patience=0)
    found = None
    deadline = time.monotonic() + 20
    while found is None and time.monotonic() < deadline:
        found = watcher.look()
    assert found is not None
    assert found.rank == 5
    assert found.reason.startswith("Rank 5 of 8 stands still at step 7: no sign of it for ")


def test_who_has_marked_nothing_is_never_found_hung(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(pulse, "LEAST", 0.0)
    monkeypatch.setattr(pulse, "LOOK", 0.0)
    watcher = pulse.Watcher(tmp_path, range(2), 2)
    assert all(watcher.look() is None for _ in range(100))

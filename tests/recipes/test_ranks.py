"""Several ranks as real processes: the same numbers however they are started, and clean endings."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from recipes.job import Compute, Job, read, write, write_whole
from tests.recipes.making import dataset, events, job, torchrun
from tests.recipes.warm import Begun, begin, recipes

pytestmark = pytest.mark.process
ALL = {"retrained": "all", "backbone": "shufflenet_v2_x0_5", "pretrained": False, "image_size": 32}


def losses(folder: Path) -> list[Any]:
    epochs = [(one["train_loss"], one["val_loss"]) for one in events(folder, "epoch")]
    first = events(folder, "step")[0]
    return [first["loss"], *epochs]


@pytest.mark.parametrize("params", [{}, ALL], ids=["head", "all layers"])
def test_torchrun_and_the_gang_give_the_same_losses_to_the_last_digit(
    tmp_path: Path, params: dict[str, Any]
) -> None:
    data = dataset(tmp_path / "data", {"red": 9, "blue": 8})  # 5 and 4 in train: uneven
    warm = job(tmp_path, data, name="warm", params=params, compute={"ranks": 2})
    cold = tmp_path / "cold"
    shutil.copytree(warm, cold)
    done = recipes(warm)
    assert done.returncode == 0, done.stderr + (warm / "log.txt").read_text()
    shutil.rmtree(tmp_path / "cache")  # each computes its own pixels and features
    done = torchrun(2, cold)
    assert done.returncode == 0, done.stderr
    assert losses(warm) == losses(cold)
    assert len(events(warm, "epoch")) == 3


def test_two_ranks_write_the_table_of_one_and_class_folders_are_judged(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", {"red": 9, "blue": 8})
    trained = job(tmp_path, data, compute={"ranks": 2})
    assert begin(trained).wait() == 0
    tables = []
    for ranks in ("1", "2"):
        out = tmp_path / f"{ranks}.csv"
        given = (trained / "bundle", tmp_path / "data" / "files", "--out", out, "--ranks", ranks)
        done = recipes("score", *given)
        assert done.returncode == 0, done.stderr
        tables.append(out.read_text())
    assert tables[0] == tables[1]
    assert len(tables[0].splitlines()) == 18
    for line in map(json.loads, (tmp_path / "data" / "index.jsonl").read_text().splitlines()):
        copy = tmp_path / "classes" / line["path"]
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tmp_path / "data" / line["file"], copy)
    judged = tmp_path / "judged.json"
    done = recipes("evaluate", trained / "bundle", tmp_path / "classes", "--out", judged)
    assert done.returncode == 0, done.stderr
    assert json.loads(judged.read_text())["judged"] == 17


def test_ranks_share_batches_in_turn(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", {"red": 9, "blue": 8})
    trained = job(tmp_path, data)
    assert begin(trained).wait() == 0
    tables = []
    for ranks in (1, 2):
        folder = tmp_path / f"score{ranks}"
        spec = {"bundle": str(trained / "bundle"), "dataset": data, "batch": 3}
        compute = Compute(ranks=ranks)
        write(folder, Job(job=2, kind="score", spec=spec, compute=compute))
        assert begin(folder).wait() == 0
        tables.append((folder / "output" / "data.csv").read_text())
    assert tables[0] == tables[1]
    assert len(tables[0].splitlines()) == 18


def test_a_job_that_cannot_run_fails_with_one_sentence_from_two_ranks(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", {"red": 5})
    folder = job(tmp_path, data, compute={"ranks": 2})
    done = recipes(folder)
    assert done.returncode == 1
    (failed,) = events(folder, "failed")
    assert failed["code"] == "bad_data"
    assert "only the class 'red'" in failed["message"]
    assert "Traceback" in failed["detail"]
    assert failed["message"] in done.stderr


def test_a_rank_that_dies_without_a_word_is_told_by_another(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", {"red": 9, "blue": 8})
    long = {"epochs": 1000, "early_stopping": False}
    folder = job(tmp_path, data, params=ALL, training=long, compute={"ranks": 2})
    gang = begin(folder)
    wait_for(folder, "step", gang)
    children = Path(f"/proc/{gang.pid}/task/{gang.pid}/children").read_text().split()
    os.kill(int(children[1]), signal.SIGKILL)
    assert gang.wait(60) == 1
    assert json.loads((folder / "attempt.json").read_text())["signal"] == signal.SIGKILL


def test_finish_early_reaches_all_ranks_and_the_job_succeeds(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", {"red": 9, "blue": 8})
    long = {"epochs": 1000, "early_stopping": False}
    folder = job(tmp_path, data, params=ALL, training=long, compute={"ranks": 2})
    gang = begin(folder)
    wait_for(folder, "step", gang)
    write_whole(folder / "stop", "finish_early")
    assert gang.wait(60) == 0
    (finished,) = events(folder, "finished")
    assert 1 <= finished["facts"]["epochs"] < 1000


def test_sigterm_ends_all_ranks_with_143(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", {"red": 9, "blue": 8})
    long = {"epochs": 1000, "early_stopping": False}
    folder = job(tmp_path, data, params=ALL, training=long, compute={"ranks": 2})
    gang = begin(folder)
    wait_for(folder, "step", gang)
    children = Path(f"/proc/{gang.pid}/task/{gang.pid}/children").read_text().split()
    gang.send_signal(signal.SIGTERM)
    assert gang.wait(60) == 143
    assert len(children) == 2
    assert not any(Path("/proc", child).exists() for child in children)
    assert not events(folder, "finished")
    assert not events(folder, "failed")


def test_a_finished_folder_can_be_run_again_with_the_same_result(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", {"red": 6, "blue": 6})
    folder = job(tmp_path, data)
    assert begin(folder).wait() == 0
    before = losses(folder)
    assert begin(folder).wait() == 0
    assert losses(folder) == before
    assert read(folder).kind == "train"


def wait_for(folder: Path, type_: str, gang: Begun) -> None:
    """Until the journal has such an event; fails at once when the gang is over."""
    journal = folder / "events.jsonl"
    while f'"type":"{type_}"' not in (journal.read_text() if journal.exists() else ""):
        try:
            gang.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        pytest.fail(f"The job ended before it wrote {type_!r}.")

"""XGBoost by several ranks: one model out of all their rows, the same stop for all."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from recipes import own_network
from recipes.engine.tabular.training import train_table
from recipes.job import YIELDED, BadJob, read
from tests.recipes.making import events
from tests.recipes.tabling import about, dataset, job, real, report, small
from tests.recipes.warm import begin

pytestmark = pytest.mark.process
# Where this machine gives them no network of their own, they are allowed to listen on its own.
TWO = {"ranks": 2, "threads": 1, "open": bool(own_network.refusal())}


def probabilities(folder: Path) -> Any:
    table = pq.read_table(folder / "bundle" / "predictions.parquet").sort_by("number")
    return table.column(table.column_names[-1]).to_numpy()


def test_two_ranks_learn_the_model_that_one_learns(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", real("adult").slice(0, 6000))
    spec = {"params": {"rounds": 40}}
    folders = [
        job(tmp_path, data, "income", name=f"on-{n}", spec=spec, compute={**TWO, "ranks": n})
        for n in (1, 2)
    ]
    for folder in folders:
        assert begin(folder).wait() == 0, events(folder, "failed")
    alone, together = map(about, folders)
    last = events(folders[1], "finished")[0]
    assert last["facts"]["ranks"] == 2
    assert len(events(folders[1], "started")) == 1
    assert together["metrics"]["roc_auc"] == pytest.approx(alone["metrics"]["roc_auc"], abs=0.01)
    # Where the values are cut is agreed on by both: the same rows are told nearly alike.
    assert np.abs(probabilities(folders[0]) - probabilities(folders[1])).mean() < 0.03
    # Half of the rows alone would be another model: what one rank never saw counts too.
    assert together["learned"]["rounds"] > 1


def test_all_ranks_finish_early_after_the_same_round(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", small(2000))
    spec = {"params": {"rounds": 10_000, "early_stopping": False}}
    folder = job(tmp_path, data, "good", spec=spec, compute=TWO)
    running = begin(folder)
    while not (folder / "events.jsonl").exists() or not events(folder, "epoch"):
        assert running.poll() is None
        time.sleep(0.05)
    (folder / "stop").write_text("finish_early")
    assert running.wait() == 0
    assert 0 < about(folder)["learned"]["rounds"] < 10_000


def test_ranks_that_search_are_interrupted_and_go_on_and_finish_early(tmp_path: Path) -> None:
    def reached(count: int) -> None:
        file = folder / "events.jsonl"
        while not file.exists() or len(events(folder, "trial")) < count:
            assert running.poll() is None
            time.sleep(0.05)

    data = dataset(tmp_path / "data", small(200))
    search = {"strategy": "random", "trials": 1000, "folds": 2}
    spec = {"params": {"rounds": 3}, "search": search}
    folder = job(tmp_path, data, "good", spec=spec, compute=TWO)
    running = begin(folder)
    reached(2)
    (folder / "stop").write_text("yield")
    assert running.wait() == YIELDED
    before = len(events(folder, "trial"))
    (folder / "stop").unlink()
    running = begin(folder)
    reached(before + 1)
    (folder / "stop").write_text("finish_early")
    assert running.wait() == 0
    told = events(folder, "trial")
    assert [one["number"] for one in told] == list(range(1, len(told) + 1))
    assert len({str(one["params"]) for one in told}) == len(told)
    found = report(folder)["search"]
    assert (found["stopped"], len(found["trials"])) == ("finished early", len(told))
    best = next(one for one in found["trials"] if one["best"])
    assert about(folder)["params"] == {**about(folder)["params"], **best["params"]}
    assert about(folder)["refit"]


def test_params_that_learn_in_one_process_say_so(tmp_path: Path) -> None:
    two: Any = SimpleNamespace(rank=0, world=2, device=torch.device("cpu"))
    spec = {"params": {"tree_method": "exact"}}
    folder = job(tmp_path, dataset(tmp_path / "data", small()), "good", spec=spec)
    with pytest.raises(BadJob, match="'tree_method': 'exact' learns in one process"):
        train_table(read(folder), folder, two)


def test_what_learns_in_one_process_says_so(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", small())
    folder = job(tmp_path, data, "good", algorithm="random_forest", compute={"ranks": 2})
    assert begin(folder).wait() == 1
    assert "learns in one process" in events(folder, "failed")[0]["message"]

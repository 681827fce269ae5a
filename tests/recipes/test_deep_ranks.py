"""Deep networks by two real ranks over gloo: one net, the same stop, unequal parts."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from recipes.algorithms import ALGORITHMS
from recipes.job import YIELDED, Compute
from recipes.learners.learner import ALONE, Company, Rows, Setup, Told, TooFewRows
from tests.recipes.making import events
from tests.recipes.tabling import about, dataset, job, small
from tests.recipes.warm import _context, begin

pytestmark = pytest.mark.process


def setup(name: str, company: Company = ALONE, classes: int = 2, **params: Any) -> Setup:
    card = ALGORITHMS[name]
    given: dict[str, Any] = {"rounds": 6, "width": 16, "learning_rate": 0.01, **params}
    cleaned = card.resolve(card.params.clean(given), {}, {}, "cpu").params
    names = ["a", "b", "c", "rank"]
    return Setup(
        classes=classes, params=cleaned, seed=1, threads=1, device="cpu", names=names,
        ranks={3: 3}, company=company,
    )  # fmt: skip


def rows(count: int, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(count, 4)).astype(np.float32)
    matrix[:, 3] = rng.integers(-1, 3, count)
    target = (matrix[:, 0] + (matrix[:, 3] == 1) > 0).astype(np.float64)
    return Rows(matrix, target, rng.random(count))


def lost(given: Any, held: Rows) -> float:
    """The loss over all rows, as the told one should be."""
    if given.ndim == 1:
        return float(np.sqrt(np.average(np.square(given - held.target), weights=held.weight)))
    picked = given[np.arange(len(given)), held.target.astype(int)]
    return float(np.average(-np.log(picked), weights=held.weight))


def rank(home: Path, number: int, name: str, classes: int) -> None:
    """One of two: it learns its part, and rank 0 alone hears the order to stop."""
    import torch

    from recipes.engine.peers import joined
    from recipes.learners import taught
    from recipes.learners.deep import Deep

    torch.set_num_threads(1)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    with joined(Compute(ranks=2), number, 2, f"file://{home}/meet") as peers:
        company = Company(rank=number, world=2, share=peers.share, sum=peers.sum, wrap=peers.wrap)
        build = ALGORITHMS[name].learner
        assert build is not None
        told: list[dict[str, Any]] = []
        whole, part = rows(301), slice(number, None, 2)  # 151 and 150
        assert whole.weight is not None
        mine = Rows(whole.matrix[part], whole.target[part], whole.weight[part])
        one = build(setup(name, company, classes))
        assert isinstance(one, Deep)

        def stopped() -> bool:
            return bool(peers.share(number == 0 and len(told) >= 4))

        taught.AT_ONCE = 7 * 5 * 16  # its 41 or 40 rows of the validation in unequal blocks
        held = rows(81, 1)
        one.fit(mine, held, Told(told.append, stopped))
        best = told[one.facts()["rounds"] - 1]["val_loss"]
        assert best == pytest.approx(lost(one.predict(held.matrix), held), rel=1e-4)
        few = Rows(mine.matrix[: 1 - number], mine.target[: 1 - number], None)
        with pytest.raises(TooFewRows, match="has 1 rows and 2 ranks"):
            build(setup(name, company, classes)).fit(few, None, Told())
        folder = home / str(number)
        folder.mkdir()
        one.save(folder)
        (folder / "told.json").write_text(json.dumps(told))


@pytest.mark.parametrize(("name", "classes"), [("deep_mlp", 0), ("ft_transformer", 2)])
def test_ranks_with_unequal_parts_learn_one_net(tmp_path: Path, name: str, classes: int) -> None:
    begun = [
        _context().Process(target=rank, args=(tmp_path, number, name, classes))
        for number in range(2)
    ]
    for one in begun:
        one.start()
    for one in begun:
        one.join(300)
        assert one.exitcode == 0
    nets = [load_file(tmp_path / str(number) / "net.safetensors") for number in range(2)]
    assert nets[0].keys() == nets[1].keys()
    for key, value in nets[0].items():
        np.testing.assert_array_equal(value, nets[1][key])
    told = [json.loads((tmp_path / str(number) / "told.json").read_text()) for number in range(2)]
    assert told[0] == told[1]
    assert [one["round"] for one in told[0]] == [1, 2, 3, 4]
    losses = [one["val_loss"] for one in told[0]]
    assert losses[-1] < losses[0]


def wait_for(folder: Path, kind: str, running: Any) -> None:
    file = folder / "events.jsonl"
    while not file.exists() or not events(folder, kind):
        assert running.poll() is None, file.exists() and events(folder, "failed")
        time.sleep(0.05)


def test_two_ranks_give_way_begin_again_and_reach_what_one_reaches(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", small(600))
    long = {"rounds": 3000, "early_stopping": False, "width": 16, "learning_rate": 0.01}
    spec: dict[str, Any] = {"params": long, "refit": False}
    told: dict[str, Any] = {"algorithm": "deep_mlp", "spec": spec}
    folder = job(tmp_path, data, "good", compute={"ranks": 2, "threads": 1}, **told)
    running = begin(folder)
    wait_for(folder, "epoch", running)
    (folder / "stop").write_text("yield")
    assert running.wait() == YIELDED
    (folder / "stop").unlink()
    before = len(events(folder, "epoch"))
    running = begin(folder)
    while len(events(folder, "epoch")) < before + 8:
        assert running.poll() is None
        time.sleep(0.05)
    (folder / "stop").write_text("finish_early")
    assert running.wait() == 0
    made = about(folder)
    assert 0 < made["learned"]["rounds"] < 3000
    assert made["learned"]["device"] == "cpu"
    assert events(folder, "finished")[0]["facts"]["ranks"] == 2
    assert made["metrics"]["roc_auc"] > 0.95  # one rank: 0.99


def test_a_rank_that_is_killed_ends_the_job_with_a_sentence(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", small(200))
    spec = {"params": {"rounds": 100_000, "early_stopping": False, "width": 8}}
    folder = job(
        tmp_path, data, "good", algorithm="deep_mlp", spec=spec, compute={"ranks": 2, "threads": 1}
    )
    gang = begin(folder)
    wait_for(folder, "epoch", gang)
    children = Path(f"/proc/{gang.pid}/task/{gang.pid}/children").read_text().split()
    os.kill(int(children[1]), signal.SIGKILL)
    assert gang.wait() == 1
    ended = json.loads((folder / "attempt.json").read_text())
    assert ended["signal"] == signal.SIGKILL
    assert "killed" in ended["reason"]

"""A checkpoint is there whole or not at all; all ranks have as many steps."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recipes.engine import checkpoint, schedule
from recipes.engine.checkpoint import Checkpoint
from recipes.engine.sources import order


def saved(home: Path, epoch: int, *, best: int = 1) -> Path:
    made = Checkpoint(
        epoch=epoch,
        net={"weight": torch.full((3,), float(epoch))},
        optimizer={"0.step": torch.tensor(float(epoch))},
        info={"best": best},
    )
    return checkpoint.write(home, made, best=best)


def test_the_newest_two_and_the_best_are_kept(tmp_path: Path) -> None:
    for epoch in range(1, 7):
        saved(tmp_path, epoch, best=2)
    assert sorted(one.name for one in tmp_path.glob("e*")) == ["e0002", "e0005", "e0006"]


@pytest.mark.parametrize(
    "name", ["net.safetensors", "optimizer.safetensors", "info.json", "manifest.json"]
)
@pytest.mark.parametrize("size", [0, 5, -1])
def test_after_a_torn_file_the_checkpoint_before_it_counts(
    tmp_path: Path, name: str, size: int
) -> None:
    saved(tmp_path, 1)
    place = saved(tmp_path, 2)
    (place / name).write_bytes((place / name).read_bytes()[:size])
    found = checkpoint.newest(tmp_path)
    assert found is not None
    assert found.epoch == 1
    assert found.net["weight"].tolist() == [1, 1, 1]


def test_a_draft_is_no_checkpoint(tmp_path: Path) -> None:
    saved(tmp_path, 1).rename(tmp_path / ".e0001.77")
    assert checkpoint.newest(tmp_path) is None


@pytest.mark.parametrize("kind", [torch.optim.AdamW, torch.optim.SGD, torch.optim.RMSprop])
def test_an_optimizer_goes_on_as_if_nothing_had_happened(kind: type, tmp_path: Path) -> None:
    def steps(net: torch.nn.Module, optimizer: torch.optim.Optimizer, count: int) -> None:
        for _ in range(count):
            optimizer.zero_grad()
            net(torch.ones(2, 3)).square().sum().backward()
            optimizer.step()

    torch.manual_seed(0)
    net = torch.nn.Linear(3, 2)
    other = torch.nn.Linear(3, 2)
    first = kind(net.parameters(), lr=0.01)
    steps(net, first, 3)
    state = checkpoint.optimizer_state(first)
    made = Checkpoint(epoch=3, net=net.state_dict(), optimizer=state, info={"best": 3})
    found = checkpoint.read(checkpoint.write(tmp_path, made, best=3))
    assert found is not None
    other.load_state_dict(found.net)
    second = kind(other.parameters(), lr=0.01)
    checkpoint.restore_optimizer(second, found.optimizer)
    steps(net, first, 2)
    steps(other, second, 2)
    assert torch.equal(net.weight, other.weight)


@given(
    count=st.integers(1, 200),
    batch=st.integers(1, 40),
    world=st.integers(1, 5),
    epoch=st.integers(0, 3),
)
def test_all_ranks_have_as_many_full_batches_and_every_picture_is_seen(
    count: int, batch: int, world: int, epoch: int
) -> None:
    plan = order(count, batch, world, seed=3, epoch=epoch)
    assert plan.shape[1] == world
    assert plan.shape[2] <= batch
    assert set(plan.ravel().tolist()) == set(range(count))
    assert plan.size < count + plan.shape[1] * plan.shape[2]
    assert np.array_equal(plan, order(count, batch, world, seed=3, epoch=epoch))


@given(
    schedule_=st.sampled_from(["cosine", "step", "constant"]),
    epochs=st.integers(1, 20),
    warmup=st.floats(0, 30),
    steps=st.integers(1, 20),
)
def test_the_learning_rate_stays_positive_and_below_its_top(
    schedule_: str, epochs: int, warmup: float, steps: int
) -> None:
    settings = {
        "schedule": schedule_,
        "epochs": epochs,
        "warmup_epochs": warmup,
        "step_epochs": 3,
        "step_factor": 0.1,
    }
    rates = [schedule.factor(settings, step, steps) for step in range(epochs * steps)]
    assert all(0 < rate <= 1 for rate in rates)
    if schedule_ != "constant" and not warmup:
        assert rates == sorted(rates, reverse=True)

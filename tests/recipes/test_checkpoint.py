"""A checkpoint is there whole or not at all; all ranks have as many steps."""

import contextlib
import errno
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recipes.engine import checkpoint, schedule
from recipes.engine.checkpoint import Checkpoint
from recipes.engine.peers import Peers
from recipes.engine.saving import Keeper
from recipes.engine.sources import order
from recipes.events import Journal


def saved(home: Path, epoch: int, *, step: int = 0, best: int = 1, best_of: str = "") -> Path:
    made = Checkpoint(
        epoch=epoch,
        step=step,
        net={"weight": torch.full((3,), float(epoch))},
        optimizer={"0.step": torch.tensor(float(epoch))},
        best={"weight": torch.full((3,), float(best))},
        ranks=[{"total": torch.tensor(0.5)}] if step else [],
        info={"best": best},
    )
    return checkpoint.write(home, made, best_of=best_of).path


def whole(home: Path) -> list[str]:
    """The names of those that can be read, the newest first."""
    found = []
    for name in checkpoint.names(home):
        with contextlib.suppress(checkpoint.Damaged):
            checkpoint.read(home / name)
            found.append(name)
    return found


def test_the_newest_two_are_kept_and_each_holds_the_best_weights(tmp_path: Path) -> None:
    last = ""
    for epoch in range(1, 5):
        best = min(epoch, 2)
        last = saved(tmp_path, epoch, best=best, best_of=last if epoch > 2 else "").name
    place = saved(tmp_path, 4, step=30, best=2, best_of=last)
    assert checkpoint.names(tmp_path) == ["e0004.s000030", "e0004"]
    for name in checkpoint.names(tmp_path):
        assert checkpoint.read(tmp_path / name).best["weight"].tolist() == [2, 2, 2]
    assert (place / "best.safetensors").stat().st_nlink == 2  # no second copy of the same


@pytest.mark.parametrize(
    "name",
    [
        *("net.safetensors", "optimizer.safetensors", "best.safetensors", "rank0.safetensors"),
        *("info.json", "manifest.json"),
    ],
)
@pytest.mark.parametrize("size", [0, 5, -1])
def test_after_a_torn_file_the_checkpoint_before_it_counts(
    tmp_path: Path, name: str, size: int
) -> None:
    saved(tmp_path, 1)
    place = saved(tmp_path, 1, step=7)
    (place / name).write_bytes((place / name).read_bytes()[:size])
    with pytest.raises(checkpoint.Damaged):
        checkpoint.read(place)
    assert whole(tmp_path) == ["e0001"]


@pytest.mark.parametrize("name", ["net.safetensors", "best.safetensors", "info.json"])
def test_one_flipped_bit_is_found(tmp_path: Path, name: str) -> None:
    place = saved(tmp_path, 2)
    content = bytearray((place / name).read_bytes())
    content[-2] ^= 1
    (place / name).write_bytes(content)
    with pytest.raises(checkpoint.Damaged, match=f"{name} is not what was written"):
        checkpoint.read(place)


def test_a_checkpoint_of_another_version_is_refused_with_both_named(tmp_path: Path) -> None:
    place = saved(tmp_path, 2)
    manifest = json.loads((place / "manifest.json").read_text())
    (place / "manifest.json").write_text(json.dumps({**manifest, "version": 9}))
    with pytest.raises(checkpoint.Damaged, match="version 9, and this Trackside reads version 2"):
        checkpoint.read(place)


def test_a_draft_is_no_checkpoint(tmp_path: Path) -> None:
    saved(tmp_path, 1).rename(tmp_path / ".e0001.77")
    assert checkpoint.names(tmp_path) == []


@pytest.mark.parametrize("failing", ["net.safetensors", "manifest.json"])
def test_a_write_that_fails_leaves_the_older_ones_and_no_draft(
    tmp_path: Path, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(tmp_path, 1)
    own = checkpoint._write

    def full(path: Path, content: bytes) -> None:
        own(path, content[:3] if path.name == failing else content)
        if path.name == failing:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "_write", full)
    with pytest.raises(OSError, match="No space left"):
        saved(tmp_path, 2)
    assert not list(tmp_path.glob(".e*"))
    assert whole(tmp_path) == checkpoint.names(tmp_path) == ["e0001"]


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
    found = checkpoint.read(checkpoint.write(tmp_path, made).path)
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


def test_damaged_ones_make_room_however_new_they_are(tmp_path: Path) -> None:
    names = [saved(tmp_path, epoch).name for epoch in (8, 9)]
    again = Checkpoint(epoch=1, step=0, net={}, optimizer={}, best={}, ranks=[], info={"best": 1})
    written = checkpoint.write(tmp_path, again, damaged=names)
    assert (written.kept, checkpoint.names(tmp_path)) == (["e0001"], ["e0001"])


def test_a_training_that_begins_anew_keeps_what_it_writes(tmp_path: Path) -> None:
    for epoch in (2, 3):
        (saved(tmp_path, epoch) / "net.safetensors").write_bytes(b"torn")
    alone = Peers(0, 1, torch.device("cpu"), threads=1, near=1)
    keeper = Keeper(tmp_path, alone, Journal(tmp_path), lambda _net: None)
    assert keeper.find() is None
    kept = []
    for epoch in (1, 2, 3, 4):
        made = Checkpoint(epoch=epoch, net={}, optimizer={}, info={"best": epoch})
        keeper.save(made, None)
        kept.append(checkpoint.names(tmp_path))
    assert kept == [["e0001"], ["e0002", "e0001"], ["e0003", "e0002"], ["e0004", "e0003"]]

"""Keeps a training's checkpoints, and goes on from them to the same end, to the last digit."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from recipes.engine import checkpoint
from recipes.engine.checkpoint import Checkpoint, Damaged, State
from recipes.engine.peers import Peers
from recipes.events import FULL, Journal

EVERY = float(os.environ.get("TRACKSIDE_CHECKPOINT_SECONDS", "600"))  # within an epoch
TRIES = 3
MIB = 1 << 20


class DiskFull(Exception):
    """No checkpoint could be written several times; the message says how much room is missing."""

    code = "disk_full"


@dataclass(frozen=True, kw_only=True)
class Found:
    """A checkpoint that is gone on from."""

    checkpoint: Checkpoint
    world: int  # the ranks that wrote it
    batch: int  # pictures of a rank and step


class Keeper:
    """Writes checkpoints on rank 0; all ranks call it, since each gives its own part."""

    def __init__(self, home: Path, peers: Peers, journal: Journal, check: Callable[[State], None]):
        self._home, self._peers, self._journal, self._check = home, peers, journal, check
        self._failures = 0
        self._last = ""  # the name of the newest one
        self._damaged: list[str] = []
        self._best = 0  # the epoch whose weights lie in it
        self._at = time.monotonic()

    def due(self) -> bool:
        """Rank 0: it is time for one within the epoch. It says so once."""
        now = time.monotonic()
        due = now - self._at >= EVERY
        self._at = now if due else self._at
        return due

    def save(self, made: Checkpoint, own: State | None) -> None:
        """Write it; a full disk is told, and ends the training only when it stays full.

        `own` is what this rank has alone in the middle of an epoch, None between epochs.
        """
        parts = self._peers.gather(_arrays(own)) if own is not None else []
        if self._peers.rank != 0:
            return
        self._check(made.net)
        whole = Checkpoint(**{**vars(made), "ranks": [_tensors(one) for one in parts]})
        best = int(made.info["best"])
        try:
            best_of = self._last if best == self._best else ""
            rejected = self._damaged
            written = checkpoint.write(self._home, whole, best_of=best_of, damaged=rejected)
        except OSError as problem:
            self._failed(whole, problem)
            return
        finally:
            self._at = time.monotonic()
        self._failures, self._last, self._best = 0, whole.name, best
        self._damaged = []  # they are gone; a good one may get such a name
        self._journal.write(
            "checkpoint",
            epoch=whole.epoch,
            step=whole.step,
            path=str(written.path),
            sha256=written.sha256,
            bytes=written.bytes,
            kept=written.kept,
        )

    def _failed(self, made: Checkpoint, problem: OSError) -> None:
        self._failures += 1
        need = sum(one.numel() * one.element_size() for one in _all(made))
        why = problem.strerror or str(problem)
        if problem.errno in FULL:
            free = _free(self._home)
            why = f"the disk is full ({free // MIB} MB free, {-(-need // MIB)} MB needed)"
        text = f"The checkpoint {where(made)} could not be written: {why}."
        kept = f"The one {where(self._last)} is kept" if self._last else "There is none so far"
        if self._failures >= TRIES:
            raise DiskFull(f"{text} It was tried {TRIES} times. {kept}.") from problem
        text = f"{text} {kept}, and the training goes on."
        self._journal.write("note", level="warning", text=text)

    def find(self) -> Found | None:
        """The newest whole checkpoint. Rank 0 decides, so that all ranks go on from the same."""
        name = self._peers.share(self._choose() if self._peers.rank == 0 else None)
        if not name:
            return None
        found = checkpoint.read(self._home / name)
        self._last, self._best = name, int(found.info["best"])
        world, batch = found.info.pop("world"), found.info.pop("batch")
        return Found(checkpoint=found, world=int(world), batch=int(batch))

    def _choose(self) -> str:
        names = checkpoint.names(self._home)
        for name in names:
            try:
                checkpoint.read(self._home / name)
            except Damaged as why:
                self._damaged.append(name)
                text = f"The checkpoint {where(name)} is not used: {why}."
                self._journal.write("note", level="warning", text=text)
            else:
                return name
        if names:
            text = "No whole checkpoint is left: the training begins anew."
            self._journal.write("note", level="warning", text=text)
        return ""


def where(one: Checkpoint | str) -> str:
    """`after epoch 3`, `in epoch 4, step 120`."""
    name = one if isinstance(one, str) else one.name
    epoch, _, step = name.removeprefix("e").partition(".s")
    return f"in epoch {int(epoch) + 1}, step {int(step)}" if step else f"after epoch {int(epoch)}"


def own_state(net: nn.Module, total: Tensor, device: torch.device) -> State:
    """What a rank has alone: statistics, the losses' sum, and where its random numbers stand."""
    buffers = {f"buffer.{name}": one for name, one in net.named_buffers()}
    numbers = {"total": total, "rng": torch.get_rng_state()}
    if device.type == "cuda":
        numbers["cuda"] = torch.cuda.get_rng_state(device)
    return {**buffers, **numbers}


def restore_own(net: nn.Module, own: State, device: torch.device) -> Tensor:
    """Put back what `own_state` gave; the losses' sum."""
    _put_buffers(net, {name[7:]: one for name, one in own.items() if name.startswith("buffer.")})
    torch.set_rng_state(own["rng"])
    if "cuda" in own and device.type == "cuda":
        torch.cuda.set_rng_state(own["cuda"], device)
    return own["total"].to(device)


def restore_mean(net: nn.Module, ranks: list[State], device: torch.device) -> Tensor:
    """For another number of ranks: the mean of the statistics, and the mean of the losses' sums."""
    moving = [
        name
        for name, one in ranks[0].items()
        if name.startswith("buffer.") and one.is_floating_point()
    ]
    means = {name[7:]: torch.stack([own[name] for own in ranks]).mean(0) for name in moving}
    _put_buffers(net, means)
    return torch.stack([own["total"] for own in ranks]).mean(0).to(device)


def _put_buffers(net: nn.Module, saved: State) -> None:
    with torch.no_grad():
        for name, one in net.named_buffers():
            if name in saved:
                one.copy_(saved[name])


def _arrays(own: State) -> dict[str, Any]:
    return {name: one.detach().cpu().numpy() for name, one in own.items()}


def _tensors(arrays: dict[str, Any]) -> State:
    return {name: torch.from_numpy(one) for name, one in arrays.items()}


def _all(made: Checkpoint) -> list[Tensor]:
    return [*made.net.values(), *made.optimizer.values(), *made.best.values()]


def _free(home: Path) -> int:
    try:
        return shutil.disk_usage(home).free
    except OSError:
        return 0

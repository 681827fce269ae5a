"""Checkpoints of a training: a folder an epoch, whole or not at all, no pickle.

`manifest.json` is written last and holds the SHA-256 of the other files: a folder without it, or
with another hash, was torn by a crash and the one before it counts.
"""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor

KEEP = 2  # the newest ones; the best one stays too

State = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Where a training stands after an epoch. `info` is the loop's own JSON."""

    epoch: int
    net: State
    optimizer: State
    info: dict[str, Any]


def write(home: Path, checkpoint: Checkpoint, *, best: int) -> Path:
    """Write one and drop those that are neither among the newest nor the best."""
    place = home / f"e{checkpoint.epoch:04d}"
    draft = home / f".{place.name}.{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    files = {
        "net.safetensors": save(_plain(checkpoint.net)),
        "optimizer.safetensors": save(_plain(checkpoint.optimizer)),
        "info.json": json.dumps(checkpoint.info).encode(),
    }
    for name, content in files.items():
        _write(draft / name, content)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    _write(draft / "manifest.json", json.dumps(hashes).encode())
    shutil.rmtree(place, ignore_errors=True)
    draft.rename(place)
    _sync(home)
    newest = sorted(home.glob("e*"))[-KEEP:]
    for old in home.glob("e*"):
        if old not in newest and old.name != f"e{best:04d}":
            shutil.rmtree(old, ignore_errors=True)
    return place


def newest(home: Path) -> Checkpoint | None:
    """The newest whole checkpoint, or None."""
    for place in sorted(home.glob("e*"), reverse=True):
        found = read(place)
        if found is not None:
            return found
    return None


def read(place: Path) -> Checkpoint | None:
    """The checkpoint in that folder; None when it is torn."""
    try:
        hashes = json.loads((place / "manifest.json").read_text())
        for name, digest in hashes.items():
            if hashlib.sha256((place / name).read_bytes()).hexdigest() != digest:
                return None
        return Checkpoint(
            epoch=int(place.name[1:]),
            net=load_file(place / "net.safetensors"),
            optimizer=load_file(place / "optimizer.safetensors"),
            info=json.loads((place / "info.json").read_text()),
        )
    except (OSError, ValueError):
        return None


def optimizer_state(optimizer: torch.optim.Optimizer) -> State:
    """The optimizer's tensors by `<parameter>.<name>`; its numbers become tensors too."""
    state = optimizer.state_dict()["state"]
    return {
        f"{parameter}.{name}": value if isinstance(value, Tensor) else torch.tensor(value)
        for parameter, values in state.items()
        for name, value in values.items()
        if value is not None
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, saved: State) -> None:
    """Put back what `optimizer_state` gave."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in saved.items():
        parameter, _, name = key.partition(".")
        state.setdefault(int(parameter), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def _plain(state: State) -> State:
    return {name: one.detach().cpu().contiguous().clone() for name, one in state.items()}


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

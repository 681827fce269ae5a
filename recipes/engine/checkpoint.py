"""Checkpoints of a training: a folder each, whole or not at all, no pickle.

`e0003` holds what stood after epoch 3, `e0003.s000120` what stood 120 steps later. `manifest.json`
is written last and holds the SHA-256 of the other files: a folder without it, or with another hash,
was torn by a crash and the one before it counts. Each is complete: the best weights lie in it too,
as a link to those of the checkpoint before it where they are the same.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from recipes import crash

KEEP = 2
VERSION = 2
MANIFEST = "manifest.json"
_NAME = re.compile(r"[et](\d+)(?:\.s(\d+))?")  # t: of a search, recipes/engine/tabular/trials.py

State = dict[str, Tensor]


class Damaged(Exception):
    """A checkpoint that cannot be gone on from; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Where a training stands. `info` is the loop's own JSON, `ranks` what each rank has alone."""

    epoch: int
    net: State
    optimizer: State
    info: dict[str, Any]
    step: int = 0  # steps done of the epoch that follows
    best: State = field(default_factory=dict)
    ranks: list[State] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"e{self.epoch:04d}" + (f".s{self.step:06d}" if self.step else "")


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was written, and which ones there are now."""

    path: Path
    sha256: str  # of the manifest
    bytes: int
    kept: list[str]


def write(
    home: Path, checkpoint: Checkpoint, *, best_of: str = "", damaged: Collection[str] = ()
) -> Written:
    """Write one and drop all but the newest. Raises OSError; what was there before stays then.

    `best_of` names an older checkpoint whose best weights are still the best. Those that are
    `damaged` count for nothing, however new: they go.
    """
    fill = partial(_fill, checkpoint=checkpoint, older=home / best_of if best_of else None)
    return put(home, checkpoint.name, fill, damaged=damaged)


def put(
    home: Path, name: str, fill: Callable[[Path], str], *, damaged: Collection[str] = ()
) -> Written:
    """The same of a folder that `fill` makes: its answer is the manifest's SHA-256."""
    place = home / name
    draft = home / f".{place.name}.{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        digest = fill(draft)
        size = sum(one.stat().st_size for one in draft.iterdir())
        crash.point("checkpoint.filled")
        shutil.rmtree(place, ignore_errors=True)
        draft.rename(place)
        _sync(home)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    crash.point("checkpoint.renamed")
    every = names(home)
    kept = [name for name in every if name == place.name or name not in damaged][:KEEP]
    for old in set(every) - set(kept):
        shutil.rmtree(home / old, ignore_errors=True)
    return Written(path=place, sha256=digest, bytes=size, kept=kept)


def _fill(draft: Path, checkpoint: Checkpoint, older: Path | None) -> str:
    files = {
        "net.safetensors": save(_plain(checkpoint.net)),
        "optimizer.safetensors": save(_plain(checkpoint.optimizer)),
        "info.json": json.dumps(checkpoint.info).encode(),
    }
    for rank, state in enumerate(checkpoint.ranks):
        files[f"rank{rank}.safetensors"] = save(_plain(state))
    linked = _link_best(older, draft) if older is not None else ""
    if not linked:
        files["best.safetensors"] = save(_plain(checkpoint.best))
    return sign(draft, files, {"best.safetensors": linked} if linked else {})


def sign(draft: Path, files: dict[str, bytes], there: dict[str, str]) -> str:
    """Write the files, and last the manifest of them and of those that are there already, by their
    hashes. The manifest's own is the answer."""
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    manifest = json.dumps({"version": VERSION, "files": {**hashes, **there}}).encode()
    for name, content in files.items():
        _write(draft / name, content)
    crash.point("checkpoint.unsigned")
    _write(draft / MANIFEST, manifest)
    _sync(draft)
    return hashlib.sha256(manifest).hexdigest()


def _link_best(older: Path, draft: Path) -> str:
    """The hash of the best weights there, which are linked; empty when that cannot be."""
    try:
        digest = str(_manifest(older)["best.safetensors"])
        os.link(older / "best.safetensors", draft / "best.safetensors")
    except (OSError, Damaged, KeyError):
        return ""
    return digest


def names(home: Path) -> list[str]:
    """The checkpoints of a folder, the newest first; whole or torn."""
    found = [one.name for one in home.glob("[et]*") if _NAME.fullmatch(one.name)]
    return sorted(found, key=_place, reverse=True)


def _place(name: str) -> tuple[int, int]:
    match = _NAME.fullmatch(name)
    if match is None:
        raise Damaged(f"{name} is no name of a checkpoint")
    return int(match[1]), int(match[2] or 0)


def read(place: Path) -> Checkpoint:
    """The checkpoint in that folder. Raises Damaged."""
    epoch, step = _place(place.name)
    content = contents(place)
    try:
        states = {name: load(data) for name, data in content.items() if name.endswith("tensors")}
        info = json.loads(content["info.json"])
    except (KeyError, ValueError) as wrong:
        raise Damaged(f"it cannot be read: {wrong}") from None
    ranks = sum(name.startswith("rank") for name in states)
    return Checkpoint(
        epoch=epoch,
        step=step,
        net=states["net.safetensors"],
        optimizer=states["optimizer.safetensors"],
        best=states["best.safetensors"],
        ranks=[states[f"rank{rank}.safetensors"] for rank in range(ranks)],
        info=info,
    )


def contents(place: Path) -> dict[str, bytes]:
    """Its files by their names. Raises Damaged where one is not what the manifest says."""
    content = {}
    for name, digest in _manifest(place).items():
        content[name] = _read(place / name)
        if hashlib.sha256(content[name]).hexdigest() != digest:
            raise Damaged(f"{name} is not what was written")
    return content


def _manifest(place: Path) -> dict[str, Any]:
    """The hashes of its files."""
    try:
        found = json.loads(_read(place / MANIFEST))
        version, files = found["version"], dict(found["files"])
    except (ValueError, KeyError, TypeError):
        raise Damaged(f"{MANIFEST} is torn") from None
    if version != VERSION:
        raise Damaged(f"it has version {version}, and this Trackside reads version {VERSION}")
    return files


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as wrong:
        raise Damaged(f"{path.name} cannot be read: {wrong.strerror}") from None


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

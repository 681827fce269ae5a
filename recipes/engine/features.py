"""Features of a frozen backbone, computed once by all ranks and kept for later jobs."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from recipes.data.cache import key as pixels_key
from recipes.data.cache import make_room
from recipes.data.listing import Row
from recipes.engine.pace import Count
from recipes.engine.peers import Peers
from recipes.engine.predict import outputs
from recipes.engine.sources import Source
from recipes.events import Journal
from recipes.nets.backbones import Backbone, ImageInput
from recipes.nets.classifier import Net

MADE = 2  # raised when the same net makes other features


def name(
    fingerprint: str,
    rows: Sequence[Row],
    seen: ImageInput,
    backbone: Backbone,
    precision: str,
    *,
    body: str = "",
) -> str:
    """Names features. `body`: `weights_of` a backbone that is not as it was published."""
    parts = [
        pixels_key(fingerprint, rows, seen),
        seen.size,
        seen.mean,
        seen.std,
        backbone.name,
        body or backbone.file,
        precision,
        torch.__version__,
        MADE,
    ]
    return f"features-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]}.npy"


def weights_of(body: nn.Module) -> str:
    """The SHA-256 of its state."""
    digest = hashlib.sha256()
    for name_, one in body.state_dict().items():
        digest.update(name_.encode())
        digest.update(one.cpu().contiguous().numpy().data)
    return digest.hexdigest()


def compute(
    place: Path,
    net: Net,
    source: Source,
    peers: Peers,
    precision: str,
    journal: Journal,
) -> Tensor:
    """The features of every picture of the source, from the cache or computed now."""
    if peers.share(_is_there(place) if peers.rank == 0 else None):
        kept = np.load(place)
        if len(kept) == len(source.labels):
            return torch.from_numpy(kept)
    count = Count(journal, peers.world, len(source.labels), unit="image")
    made = outputs(net.body, source, peers, precision, seen=count.add)
    if peers.rank == 0:
        make_room(place.parent, made.numel() * 4)
        draft = place.with_name(f".{place.name}.{os.getpid()}")
        with draft.open("wb") as out:
            np.save(out, made.numpy())
            out.flush()
            os.fsync(out.fileno())
        draft.replace(place)
    peers.barrier()
    return made


def _is_there(place: Path) -> bool:
    """Used now: what was used last is dropped last."""
    try:
        os.utime(place)
    except FileNotFoundError:
        return False
    return True

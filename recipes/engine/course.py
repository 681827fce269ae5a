"""What a training is given, and how far it is."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recipes.engine.sources import Source
from recipes.tasks import Metric

# What rank 0 wishes at a step; the largest wins.
NOTHING, SAVE, FINISH, GIVE_WAY = range(4)
WISHES = {"finish_early": FINISH, "yield": GIVE_WAY}


@dataclass(frozen=True, kw_only=True)
class Course:
    """Everything a training needs besides the net."""

    train: Source
    val: Source
    settings: dict[str, Any]
    metric: Metric
    classes: int
    pretrained: bool
    precision: str
    seed: int
    home: Path  # for checkpoints
    features: bool  # batches are features: the head alone runs
    before: int = 0  # epochs of the model that it goes on from
    stopped: Callable[[], str] = lambda: ""  # "finish_early" or "yield"; asked on rank 0

    def class_weights(self, device: torch.device) -> Tensor | None:
        """That rare classes count as much as frequent ones, where that was asked for."""
        if not self.settings["balance_classes"]:
            return None
        counts = torch.bincount(self.train.labels, minlength=self.classes)
        weights = counts.sum() / (self.classes * counts.clamp(min=1))
        return weights.float().to(device)


@dataclass
class Standing:
    """How far the training is."""

    epoch: int = 0
    step: int = 0
    within: int = 0  # steps done of the epoch that follows
    history: list[dict[str, Any]] = field(default_factory=list)
    best: int = 0
    best_rank: tuple[float, float] = (-np.inf, -np.inf)
    since_best: int = 0
    watched: float = -np.inf
    left_out: int = 0  # steps that fp16 has left out
    early: str = ""  # why it ended before the last epoch, as a sentence
    began: dict[str, Any] | None = None  # the figures of the model that it goes on from, here


def seed_of(*parts: int) -> int:
    """One seed out of several numbers."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:7], "big")

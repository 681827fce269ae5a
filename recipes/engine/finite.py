"""Stops a training at the first loss that is no finite number."""

import math
from typing import Any

import torch
from torch import Tensor


class NotFinite(Exception):
    """The loss is no number any more; the message says what to change."""

    code = "not_finite"


class Finite:
    """Looks at every step's loss. A GPU is not waited for: it notes the step, and we ask later."""

    def __init__(self, device: torch.device, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._wait = device.type == "cpu"
        self._first = torch.full((), -1, dtype=torch.int64, device=device)

    def saw(self, loss: Tensor, step: int) -> None:
        """Step `step`, counted from 1, had that loss. Raises NotFinite."""
        bad = ~torch.isfinite(loss)
        if self._wait:
            if bool(bad):
                self._raise(step)
            return
        self._first = torch.where((self._first < 0) & bad, step, self._first)

    def check(self, state: dict[str, Tensor] | None = None) -> None:
        """All losses so far, and these weights. Raises NotFinite."""
        first = int(self._first)
        if first >= 0:
            self._raise(first)
        for name, one in (state or {}).items():
            if one.is_floating_point() and not bool(torch.isfinite(one).all()):
                raise NotFinite(f"The weights {name} are no finite numbers any more. {self._tip}")

    def mean(self, value: float, epoch: int) -> None:
        """The mean of an epoch. Raises NotFinite."""
        if not math.isfinite(value):
            self._raise(0, f"in epoch {epoch}")

    def _raise(self, step: int, where: str = "") -> None:
        where = where or f"at step {step}"
        raise NotFinite(f"The loss is no finite number any more {where}. {self._tip}")

    @property
    def _tip(self) -> str:
        rate = self._settings["learning_rate"]
        return (
            f"A smaller learning rate than {rate:g} (try {rate / 10:g}) or a longer warm-up helps "
            "in nearly all cases; so does the precision fp32."
        )

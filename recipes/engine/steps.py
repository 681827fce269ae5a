"""The optimizer's steps. For fp16 the loss is scaled, and a step whose gradients are too large for
its numbers is left out: those are counted and told."""

from typing import Any

import torch
from torch import Tensor

from recipes.engine.course import Standing
from recipes.events import Journal

FEW = 16  # that often a scale can be halved: as many may be left out until it is found
MANY = 0.05  # of all steps: more are no matter of the scale


class Steps:
    """Takes them. All ranks leave out the same ones: gradients are means over the ranks."""

    def __init__(
        self, optimizer: torch.optim.Optimizer, device: torch.device, precision: str
    ) -> None:
        self.scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")
        self._optimizer = optimizer
        self._left_out = 0
        # The scaler calls the optimizer or does not: nobody has to ask a GPU and wait for it.
        optimizer.register_step_post_hook(self._was_made)

    def take(self, loss: Tensor) -> None:
        self._left_out += 1
        self._optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self.scaler.step(self._optimizer)
        self.scaler.update()

    def _was_made(self, *_: Any) -> None:
        self._left_out -= 1

    def left_out(self) -> int:
        """How many since it was last asked."""
        found, self._left_out = self._left_out, 0
        return found

    def tell(self, at: Standing, event: dict[str, Any], journal: Journal) -> None:
        """At the end of an epoch, whose event this is."""
        before = at.history[-1].get("left_out", 0) if at.history else 0
        at.left_out += self.left_out()
        if at.left_out:
            event["left_out"] = at.left_out
        if found := note(at.left_out, at.step, before=before):
            journal.write("note", **found)


def note(left_out: int, steps: int, *, before: int) -> dict[str, str] | None:
    """For the journal: the first ones, and at each epoch's end when there are too many.

    All numbers count from the training's first step; `before`: what the epoch before had told.
    """
    text = (
        f"fp16 has left out {left_out:,} of {steps:,} steps: their gradients were too large for "
        "its numbers."
    )
    if left_out > FEW + MANY * steps and left_out > before:
        tip = "The precision bf16 or fp32, or a smaller learning rate, makes use of all."
        return {"level": "warning", "text": f"{text} {tip}"}
    if left_out and not before:
        usual = "Some are usual at the beginning, until the scale of the loss is found."
        return {"level": "info", "text": f"{text} {usual}"}
    return None

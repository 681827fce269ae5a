"""How the learning rate moves, and which parameters follow it how closely."""

import math
from typing import Any

import torch
from torch import nn

from recipes.nets.classifier import Net


def factor(settings: dict[str, Any], step: int, steps_per_epoch: int) -> float:
    """What the learning rate is multiplied by at a step, counted from 0."""
    warmup = settings["warmup_epochs"] * steps_per_epoch
    # A warm-up longer than the training would never end.
    warmup = min(warmup, settings["epochs"] * steps_per_epoch / 2)
    if step < warmup:
        return float((step + 1) / (warmup + 1))
    if settings["schedule"] == "constant":
        return 1.0
    if settings["schedule"] == "step":
        epoch = step // steps_per_epoch
        return float(settings["step_factor"] ** (epoch // settings["step_epochs"]))
    total = max(1.0, settings["epochs"] * steps_per_epoch - warmup)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / total)))


def optimizer_for(net: Net, settings: dict[str, Any], *, pretrained: bool) -> torch.optim.Optimizer:
    """The optimizer over what learns; a pretrained body takes smaller steps than the new head."""
    share = settings["backbone_rate"] if pretrained else 1.0
    groups = []
    for part, scale in ((net.body, share), (net.head, 1.0)):
        for decays in (True, False):
            chosen = _learning(part, decays=decays)
            if chosen:
                decay = settings["weight_decay"] if decays else 0.0
                groups.append({"params": chosen, "scale": scale, "weight_decay": decay})
    rate = settings["learning_rate"]
    for group in groups:
        group["lr"] = rate * group["scale"]
    match settings["optimizer"]:
        case "sgd":
            return torch.optim.SGD(groups, rate, momentum=0.9, nesterov=True)
        case "rmsprop":
            return torch.optim.RMSprop(groups, rate, momentum=0.9, alpha=0.9, eps=1e-3)
        case "adam":
            return torch.optim.Adam(groups, rate)
        case _:
            return torch.optim.AdamW(groups, rate)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate * group["scale"]


def _learning(part: nn.Module, *, decays: bool) -> list[nn.Parameter]:
    """Weights decay; biases and the scales of norms, which have one dimension, do not."""
    return [one for one in part.parameters() if one.requires_grad and (one.ndim > 1) == decays]

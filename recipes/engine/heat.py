"""Grad-CAM for any backbone: which places of a picture speak for a class.

The last feature map with a spatial layout is found by running the net, not by a layer's name:
convolutions give (C, H, W), Swin (H, W, C), and vision transformers a row of patch tokens, perhaps
with class tokens before them.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

LEAST_SIDE = 4  # coarser maps say nothing about where


def heat(net: nn.Module, body: nn.Module, picture: Tensor, which: int) -> Tensor | None:
    """A map from 0 to 1 for one picture (1, 3, H, W), or None where the net has no such map.

    `which` is the class; the net must be in evaluation mode.
    """
    made: list[Tensor] = []

    def keep(_: nn.Module, __: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.requires_grad and _spatial(output) is not None:
            made.append(output)

    hooks = [module.register_forward_hook(keep) for module in body.modules()]
    try:
        with torch.enable_grad():
            score = net(picture.detach().requires_grad_(True))[0, which]
    finally:
        for hook in hooks:
            hook.remove()
    return _last_that_matters(score, made)


def _last_that_matters(score: Tensor, made: list[Tensor]) -> Tensor | None:
    """Where only a class token leaves a block, the patches behind it have no gradient: go back."""
    if not made:
        return None
    gradients = torch.autograd.grad(score, made, allow_unused=True, materialize_grads=True)
    for output, gradient in zip(reversed(made), reversed(gradients), strict=True):
        values, slopes = _spatial(output.detach()), _spatial(gradient)
        if values is not None and slopes is not None and bool((slopes != 0).any()):
            return _grad_cam(values, slopes)
    return None


def _grad_cam(values: Tensor, slopes: Tensor) -> Tensor:
    """Each channel counts by its mean slope; what speaks against the class is left out."""
    weights = slopes.mean((1, 2), keepdim=True)
    found = (weights * values).sum(0).relu()
    highest = found.max()
    return found / highest if highest > 0 else found


def _spatial(output: Tensor) -> Tensor | None:
    """The first picture's map as (C, H, W), or None when the output is no map."""
    if output.dim() == 4 and output.shape[0] == 1:
        first = output[0]
        if first.shape[1] == first.shape[2] >= LEAST_SIDE:
            return first
        if first.shape[0] == first.shape[1] >= LEAST_SIDE:
            return first.permute(2, 0, 1)
    if output.dim() == 3 and output.shape[0] == 1:
        return _tokens(output[0])
    return None


def _tokens(tokens: Tensor) -> Tensor | None:
    side = math.isqrt(tokens.shape[0])
    extra = tokens.shape[0] - side * side
    if side < LEAST_SIDE or extra > 1:
        return None
    return tokens[extra:].T.reshape(tokens.shape[1], side, side)

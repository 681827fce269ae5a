"""Augmentation: a random crop of each picture, then flips, turns and colours of the whole batch.

Every random number comes from the generator that is passed in, on the CPU, so that the same seed
gives the same pictures on every device and for any number of threads.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from recipes.data.cache import Pixels, middle

Settings = dict[str, Any]
Random = np.random.Generator

TRIES = 10
RATIO = math.log(4 / 3)
GREY = torch.tensor([0.299, 0.587, 0.114])


def one(pixels: Pixels, augmentation: Settings, size: int, seed: int) -> Pixels:
    """One picture as training would see it: height x width x 3 in, size x size x 3 out."""
    rng = np.random.default_rng(seed)
    batch = crop_batch([pixels], augmentation, size, rng)
    changed = change_batch(batch.permute(0, 3, 1, 2).float(), augmentation, rng)
    out: Pixels = changed[0].permute(1, 2, 0).round().clamp(0, 255).byte().numpy()
    return out


def crop_batch(
    pictures: Sequence[Pixels], augmentation: Settings | None, size: int, rng: Random | None
) -> Tensor:
    """uint8, batch x size x size x 3. Without augmentation the middle of each picture."""
    out = torch.empty((len(pictures), size, size, 3), dtype=torch.uint8)
    for place, pixels in enumerate(pictures):
        if augmentation is None or rng is None or augmentation["crop"] >= 1:
            cut = middle(pixels, size)
        else:
            cut = _random_crop(pixels, augmentation["crop"], rng)
        out[place] = _fit(cut, size)
    return out


def change_batch(batch: Tensor, augmentation: Settings, rng: Random) -> Tensor:
    """Flip, turn, recolour and erase a float batch (N, 3, H, W) of values from 0 to 255."""
    count = len(batch)
    for name, axis in (("horizontal_flip", 3), ("vertical_flip", 2)):
        if augmentation[name]:
            chosen = torch.from_numpy(rng.random(count) < 0.5).to(batch.device)
            batch = torch.where(chosen[:, None, None, None], batch.flip(axis), batch)
    if augmentation["rotation"]:
        batch = _turn(batch, rng.uniform(-1, 1, count) * math.radians(augmentation["rotation"]))
    batch = _recolour(batch, augmentation, rng)
    if augmentation["erase"]:
        batch = _erase(batch, augmentation["erase"], rng)
    return batch.contiguous(memory_format=torch.channels_last)


def _fit(cut: Pixels, size: int) -> Tensor:
    tensor = torch.from_numpy(cut)
    if tensor.shape[:2] == (size, size):
        return tensor
    resized = functional.interpolate(
        tensor.permute(2, 0, 1)[None], (size, size), mode="bilinear", antialias=True
    )
    return resized[0].permute(1, 2, 0)


def _random_crop(pixels: Pixels, smallest: float, rng: Random) -> Pixels:
    """A rectangle with a random share of the area, as torchvision's RandomResizedCrop draws it."""
    height, width = pixels.shape[:2]
    draws = rng.random((TRIES, 4))
    for share, ratio, across, down in draws:
        area = height * width * (smallest + (1 - smallest) * share)
        aspect = math.exp(RATIO * (2 * ratio - 1))
        wide, high = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < wide <= width and 0 < high <= height:
            left, top = int(across * (width - wide + 1)), int(down * (height - high + 1))
            return pixels[top : top + high, left : left + wide]
    return middle(pixels, min(height, width))


def _turn(batch: Tensor, angles: np.ndarray[Any, np.dtype[np.float64]]) -> Tensor:
    """Turn each picture about its middle; what comes in from outside mirrors the edge."""
    cos, sin = (torch.from_numpy(part(angles)).float() for part in (np.cos, np.sin))
    zero = torch.zeros_like(cos)
    theta = torch.stack([cos, -sin, zero, sin, cos, zero], 1).view(-1, 2, 3).to(batch.device)
    grid = functional.affine_grid(theta, list(batch.shape), align_corners=False)
    return functional.grid_sample(batch, grid, padding_mode="reflection", align_corners=False)


def _recolour(batch: Tensor, augmentation: Settings, rng: Random) -> Tensor:
    def factors(name: str) -> Tensor:
        spread = augmentation[name]
        drawn = torch.from_numpy(rng.uniform(1 - spread, 1 + spread, len(batch))).float()
        return drawn.to(batch.device)[:, None, None, None]

    touched = False
    if augmentation["brightness"]:
        batch, touched = batch * factors("brightness"), True
    if augmentation["contrast"]:
        mean = _grey(batch).mean((1, 2, 3), keepdim=True)
        batch, touched = mean + (batch - mean) * factors("contrast"), True
    if augmentation["saturation"]:
        grey = _grey(batch)
        batch, touched = grey + (batch - grey) * factors("saturation"), True
    return batch.clamp(0, 255) if touched else batch


def _grey(batch: Tensor) -> Tensor:
    weights = GREY.to(batch.device)[None, :, None, None]
    return (batch * weights).sum(1, keepdim=True)


def _erase(batch: Tensor, share: float, rng: Random) -> Tensor:
    """Grey rectangles of 2 to 33 % of the area, as torchvision's RandomErasing draws them."""
    height, width = batch.shape[2:]
    batch = batch.clone()
    for place in range(len(batch)):
        chosen, part, ratio, across, down = rng.random(5)
        if chosen >= share:
            continue
        area, aspect = height * width * (0.02 + 0.31 * part), math.exp(2 * RATIO * (2 * ratio - 1))
        wide = min(width, round(math.sqrt(area * aspect)))
        high = min(height, round(math.sqrt(area / aspect)))
        left, top = int(across * (width - wide + 1)), int(down * (height - high + 1))
        batch[place, :, top : top + high, left : left + wide] = 127.5
    return batch

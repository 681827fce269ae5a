"""What a model of pictures learned from, as far as a later evaluation compares with it.

`reference.safetensors` of a bundle holds, of a sample of the training pictures, simple figures of
the pixels that the net saw and the features that the trained net makes of them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from recipes import pulse
from recipes.data.listing import Row
from recipes.engine import drifted
from recipes.engine.peers import autocast
from recipes.engine.predict import BATCH
from recipes.engine.prepare import Ready
from recipes.engine.sources import Places

Json = dict[str, Any]
FILE = "reference.safetensors"
EMBEDDING = "features"
PICTURES = 300  # of the training that stand for all, and of an evaluation
LUMA = (0.299, 0.587, 0.114)


def places(count: int, seed: int) -> Places:
    """Which of so many pictures are looked at."""
    found = np.arange(count)
    if count > PICTURES:
        found = np.sort(np.random.default_rng(seed).choice(count, PICTURES, replace=False))
    return found.astype(np.int64)


def figures(pixels: Tensor) -> dict[str, Tensor]:
    """Of uint8, batch x height x width x 3: a number from 0 to 1 for each picture, by name."""
    shares = pixels.float() / 255
    red, green, blue = shares.unbind(3)
    luma = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
    steps = luma.diff(dim=1).abs().mean((1, 2)) + luma.diff(dim=2).abs().mean((1, 2))
    return {
        "brightness": luma.mean((1, 2)),
        "contrast": luma.flatten(1).std(1),
        "saturation": (shares.amax(3) - shares.amin(3)).mean((1, 2)),
        "sharpness": steps,
        "red": red.mean((1, 2)),
        "green": green.mean((1, 2)),
        "blue": blue.mean((1, 2)),
    }


def sizes(rows: Sequence[Row]) -> dict[str, Tensor]:
    """Width and height in pixels; NaN where the index does not tell them."""
    return {
        name: torch.tensor([float(getattr(one, name) or "nan") for one in rows])
        for name in ("width", "height")
    }


def of_training(ready: Ready, precision: str, device: torch.device, seed: int) -> dict[str, Tensor]:
    """What the bundle keeps. The net stands on its device, with the weights that are kept."""
    rows = ready.parts.train
    chosen = places(len(rows), seed)
    found: list[dict[str, Tensor]] = []
    ready.net.eval()
    with torch.inference_mode():
        for start in range(0, len(chosen), BATCH):
            few = chosen[start : start + BATCH]
            pixels = ready.pictures.load(few, None)
            made = figures(pixels)
            found.append({**made, EMBEDDING: _features(ready, pixels, few, precision, device)})
            pulse.beat()
    joined = {name: torch.cat([one[name] for one in found]) for name in found[0]}
    return {**joined, **sizes([rows[place] for place in chosen.tolist()])}


def _features(
    ready: Ready, pixels: Tensor, few: Places, precision: str, device: torch.device
) -> Tensor:
    if ready.features:
        return ready.sources["train"].load(few, None).half()
    with autocast(device, precision):
        made: Tensor = ready.net.body(ready.pictures.prepare(pixels, None))
    return made.half().cpu()


def save(made: dict[str, Tensor], folder: Path) -> None:
    save_file({name: one.contiguous() for name, one in made.items()}, folder / FILE)


def read(bundle: Path) -> dict[str, Tensor] | None:
    """None in a bundle that was made before there was a reference."""
    return load_file(bundle / FILE) if (bundle / FILE).is_file() else None


def compared(before: dict[str, Tensor], now: dict[str, Tensor]) -> Json:
    """The drift of each figure, and how well features tell the pictures apart (docs/jobs.md)."""
    names = [name for name in before if name in now and name != EMBEDDING]
    columns = [
        {"name": name, "kind": "numeric", **found}
        for name in sorted(names)
        if (found := drifted.numbers(_numpy(before[name]), _numpy(now[name])))
    ]
    sides = [_numpy(one[EMBEDDING]) for one in (before, now)]
    same = sides[0].shape[1] == sides[1].shape[1]
    return {
        "rows": [len(one) for one in sides],
        "columns": drifted.ranked(columns),
        "classifier": drifted.apart(sides[0], sides[1], _straight) if same else None,
    }


def _numpy(values: Tensor) -> Any:
    return values.double().numpy()


def _straight() -> Any:
    """A straight line through features, held back: they are more than the pictures."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - slow to import
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    return make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=200))

"""An explain job: probabilities and a heat map for pictures of the dataset or uploaded ones."""

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from recipes import bundle
from recipes.data import pictures
from recipes.data.cache import Pixels, middle, resize
from recipes.data.listing import BadData
from recipes.data.sandbox import Limits, Tell, each
from recipes.engine.heat import heat
from recipes.engine.predict import probabilities
from recipes.engine.sources import Normal
from recipes.events import Journal
from recipes.job import BadJob, Job
from recipes.nets.backbones import ImageInput

STRONGEST = 190  # of 255: the picture stays visible below the hottest place
Item = dict[str, Any]  # JSON


def explain_job(job: Job, folder: Path, device: torch.device) -> None:
    """Write the picture as the net sees it and its heat map, the same size, side by side."""
    with closing(Journal(folder)) as journal:
        asked = job.spec.get("images") or []
        if not asked:
            raise BadJob("The job names no pictures.")
        output = folder / "output"
        shutil.rmtree(output, ignore_errors=True)
        output.mkdir()
        model = bundle.load(Path(job.spec["bundle"]))
        model.net.requires_grad_(False)
        model = model._replace(net=model.net.to(device))
        seen, damaged = read_apart([Path(one["file"]) for one in asked], model.seen, output)
        if not seen:
            raise BadData(f"The picture cannot be used: {damaged[0]}")
        items = []
        for place, one in enumerate(asked):
            item: Item = {"number": one.get("number")}
            if place in damaged:
                item |= {"trouble": damaged[place]}
            else:
                item |= _item(model, seen[place], device, output, place, bool(job.spec.get("heat")))
            items.append(item)
        journal.write("finished", items=items)


def read_apart(
    files: list[Path], seen: ImageInput, output: Path
) -> tuple[dict[int, Pixels], dict[int, str]]:
    """Each file decoded and cut in a child of its own, since a file may be anybody's upload."""
    pixels: dict[int, Pixels] = {}
    damaged: dict[int, str] = {}
    raw = output / ".pixels"

    def work(start: int, tell: Tell) -> None:
        for place in range(start, len(files)):
            tell({"at": place})
            try:
                cut = middle(np.asarray(resize(pictures.open_rgb(files[place]), seen)), seen.size)
                raw.with_suffix(f".{place}").write_bytes(cut.tobytes())
                tell({"done": place})
            except pictures.BadPicture as bad:
                tell({"bad": place, "why": str(bad)})

    for line in each(work, Limits()):
        if "done" in line:
            file = raw.with_suffix(f".{line['done']}")
            flat = np.fromfile(file, np.uint8, count=seen.size * seen.size * 3)
            pixels[int(line["done"])] = flat.reshape(seen.size, seen.size, 3)
            file.unlink()
        elif "why" in line:
            damaged[int(line["bad"] if "bad" in line else line["crashed"])] = str(line["why"])
    return pixels, damaged


def _item(
    model: bundle.Bundle,
    pixels: Pixels,
    device: torch.device,
    output: Path,
    place: int,
    hot: bool,
) -> Item:
    picture = Normal(model.seen, device).pictures([pixels])
    with torch.inference_mode():
        probas = probabilities(model.net(picture).float().cpu())[0]
    best = int(np.argmax(probas))
    shown = f"output/{place}-image.webp"
    Image.fromarray(pixels).save(output.parent / shown, "WEBP", quality=90)
    item: Item = {
        "probas": {name: float(share) for name, share in zip(model.classes, probas, strict=True)},
        "prediction": model.classes[best],
        "image": shown,
        "heat": None,
    }
    found = heat(model.net, model.net.body, picture.clone(), best) if hot else None
    if found is not None:
        item["heat"] = f"output/{place}-heat.png"
        overlay(found.cpu(), model.seen.size).save(output.parent / item["heat"], "PNG")
    return item


def overlay(found: Tensor, size: int) -> Image.Image:
    """Yellow over orange to red, clear where nothing speaks for the class."""
    smooth = functional.interpolate(found[None, None].float(), (size, size), mode="bilinear")
    share = smooth[0, 0].clamp(0, 1).numpy()
    colours = np.zeros((size, size, 4), np.uint8)
    colours[..., 0] = 255
    colours[..., 1] = (230 * (1 - share) + 20).astype(np.uint8)
    colours[..., 3] = (STRONGEST * share**0.8).astype(np.uint8)
    return Image.fromarray(colours)

"""Small datasets and job folders for the tests of the recipes."""

import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from recipes.job import Compute, Job, write

ROOT = Path(__file__).resolve().parents[2]
COLOURS = {"blue": (40, 60, 200), "red": (200, 50, 40), "green": (40, 180, 60)}


def dataset(
    folder: Path,
    counts: dict[str, int],
    *,
    size: tuple[int, int] = (40, 32),
    splits: tuple[str, ...] = ("train", "val"),
    mode: str = "RGB",
) -> dict[str, str]:
    """Pictures of one coloured shape each, in turn for each split."""
    lines: list[dict[str, Any]] = []
    for label, count in counts.items():
        for place in range(count):
            number = len(lines)
            file = Path("files") / "00" / f"{number}.png"
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            picture(number, label, size).convert(mode).save(folder / file)
            lines.append(
                {
                    "number": number,
                    "path": f"{label}/{place}.png",
                    "file": file.as_posix(),
                    "split": splits[place % len(splits)] if splits else "",
                    "label": label,
                    "width": size[0],
                    "height": size[1],
                    "use": True,
                }
            )
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "index.jsonl").write_text(text)
    return {"folder": str(folder), "fingerprint": hashlib.sha256(text.encode()).hexdigest()}


def picture(number: int, label: str, size: tuple[int, int]) -> Image.Image:
    rng = random.Random(number)
    grey = rng.randrange(90, 160)
    image = Image.new("RGB", size, (grey, grey, grey))
    left, top = rng.randrange(size[0] // 3), rng.randrange(size[1] // 3)
    box = (left, top, left + size[0] // 2, top + size[1] // 2)
    ImageDraw.Draw(image).ellipse(box, fill=COLOURS[label])
    return image


def job(home: Path, data: dict[str, str], **changes: Any) -> Path:
    """A train job's folder with a small, quick design."""
    spec = {
        "task": "image_classification",
        "algorithm": "backbone_classifier",
        "params": {"image_size": 64, **changes.pop("params", {})},
        "training": {"epochs": 3, "batch_size": 4, **changes.pop("training", {})},
        "augmentation": changes.pop("augmentation", {}),
        "split": changes.pop("split", {}),
        "metric": changes.pop("metric", "accuracy"),
        "dataset": data,
        "target": "label",
    }
    compute = Compute(**changes.pop("compute", {}))
    folder = home / changes.pop("name", "job")
    given = Job(job=1, kind="train", spec=spec, compute=compute, cache=str(home / "cache"),
                weights=str(home / "weights"), **changes)  # fmt: skip
    write(folder, given)
    return folder


def events(folder: Path, type_: str = "") -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    return [line for line in lines if not type_ or line["type"] == type_]


def recipes(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """`python -m recipes ...`"""
    command = [sys.executable, "-m", "recipes", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def torchrun(ranks: int, folder: Path) -> subprocess.CompletedProcess[str]:
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
    command = [*run, str(ranks), "-m", "recipes", str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

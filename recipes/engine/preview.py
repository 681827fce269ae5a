"""Augmented copies of the user's own pictures, made by the functions that training calls."""

import shutil
from contextlib import closing
from pathlib import Path

import numpy as np
from PIL import Image

from recipes.data import augment, listing, pictures
from recipes.data.cache import Pixels, middle, resize
from recipes.events import Journal
from recipes.job import BadJob, Job
from recipes.nets.backbones import ImageInput
from recipes.tasks import TASKS

MARGIN = 256 / 224  # as much around the middle as the default net's own input has
SIZES = range(32, 513)
MOST = 256  # pictures in all, originals and copies


def preview_job(job: Job, folder: Path) -> None:
    """Write `output/<number>.webp` and `output/<number>-<copy>.webp` for each chosen picture."""
    with closing(Journal(folder)) as journal:
        size, copies, numbers = _asked(job)
        task = TASKS[job.spec.get("task", "image_classification")]
        augmentation = task.augmentation.clean(job.spec["augmentation"])
        rows = {row.number: row for row in listing.read(Path(job.spec["dataset"]["folder"]))}
        chosen = [rows[number] for number in numbers if number in rows]
        if not chosen:
            raise listing.BadData("None of the chosen pictures is in the dataset any more.")
        output = folder / "output"
        shutil.rmtree(output, ignore_errors=True)
        output.mkdir()
        items = []
        for row in chosen:
            pixels = _pixels(row.file, size)
            original = _save(output, f"{row.number}.webp", middle(pixels, size))
            made = [
                augment.one(pixels, augmentation, size, _seed(job, row.number, copy))
                for copy in range(copies)
            ]
            names = [
                _save(output, f"{row.number}-{copy}.webp", one) for copy, one in enumerate(made)
            ]
            items.append({"number": row.number, "original": original, "copies": names})
        journal.write("finished", items=items)


def _asked(job: Job) -> tuple[int, int, list[int]]:
    size, copies = int(job.spec.get("size", 160)), int(job.spec.get("copies", 4))
    numbers = [int(number) for number in job.spec["numbers"]]
    if size not in SIZES:
        raise BadJob(f"A preview is {SIZES[0]} to {SIZES[-1]} pixels wide, not {size}.")
    if copies < 1 or len(numbers) * (copies + 1) > MOST:
        raise BadJob(f"A preview shows at most {MOST} pictures, and one copy of each or more.")
    return size, copies, numbers


def _pixels(file: Path, size: int) -> Pixels:
    seen = ImageInput(
        size=size,
        resize=round(size * MARGIN),
        mean=(0.5,) * 3,
        std=(0.5,) * 3,
        interpolation="bicubic",
    )
    return np.array(resize(pictures.open_rgb(file), seen))


def _seed(job: Job, number: int, copy: int) -> int:
    seeds = np.random.SeedSequence([int(job.spec.get("seed", job.seed)), number, copy])
    return int(seeds.generate_state(1)[0])


def _save(output: Path, name: str, pixels: Pixels) -> str:
    Image.fromarray(pixels).save(output / name, "WEBP", quality=85)
    return f"output/{name}"

"""Two trainings at once on one machine: with leased cores, and with the libraries' own threads.

The same jobs, ResNet-18 from scratch on photos, run in pairs. Ours: each has half of the cores and
as many threads, bound to them, as leases give them. The other way, which launchers without leases
have: each takes as many threads as there are cores. Told are the images/s of both jobs together,
without the first epoch, and the images for a second of CPU time over the whole run: threads that
spin at barriers cost that too, and it can be compared on a machine that others use as well.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.train_rate import PHOTOS, ROOT, imported, spread
from recipes.algorithms import ALGORITHMS
from recipes.job import Compute, Job, write
from recipes.tasks import TASKS

ROUNDS, EPOCHS, BATCH, SIZE = 3, 4, 32, 96


def main() -> int:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2 or not PHOTOS.exists():
        print("two_jobs: skipped, it needs two cores and ../shared/data/hymenoptera.zip")
        return 0
    half = len(cores) // 2
    leased = [
        Compute(threads=half, cores=tuple(cores[:half])),
        Compute(threads=half, cores=tuple(cores[half : 2 * half])),
    ]
    default = [Compute(threads=len(cores))] * 2
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        dataset = imported(work)
        measure(work, dataset, leased, "filling the cache")
        ours, others = [], []
        for turn in range(ROUNDS):
            ours.append(measure(work, dataset, leased, f"leased {turn}"))
            others.append(measure(work, dataset, default, f"default {turn}"))
    told = (("images/s", 0), ("images for a second of CPU", 1))
    ratios = [tell(unit, [x[n] for x in ours], [x[n] for x in others]) for unit, n in told]
    return 0 if min(ratios) > 1 else 1


def tell(unit: str, ours: list[float], others: list[float]) -> float:
    ratios = [one / other for one, other in zip(ours, others, strict=True)]
    print(f"two_jobs: leased cores {spread(ours)}, default threads {spread(others)} {unit}")
    print(f"two_jobs: ratio {spread(ratios)} (wanted: more than 1)", flush=True)
    return statistics.median(ratios)


def measure(
    work: Path, dataset: dict[str, str], computes: list[Compute], name: str
) -> tuple[float, float]:
    """Both together: images/s while they train, images for a second of CPU over the whole run."""
    folders = []
    for number, compute in enumerate(computes):
        folders.append(work / f"{name} {number}".replace(" ", "-"))
        write(folders[-1], training(work, dataset, compute))
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "recipes", str(folder)], cwd=ROOT, stdout=subprocess.DEVNULL
        )
        for folder in folders
    ]
    cpu = 0.0
    for one in running:
        _, status, used = os.wait4(one.pid, 0)
        one.returncode = os.waitstatus_to_exitcode(status)
        cpu += used.ru_utime + used.ru_stime
    assert not any(one.returncode for one in running), (folders[0] / "log.txt").read_text()
    trained = [_trained(folder) for folder in folders]
    images = EPOCHS * sum(count for count, _ in trained)
    return sum(count * (EPOCHS - 1) / seconds for count, seconds in trained), images / cpu


def _trained(folder: Path) -> tuple[int, float]:
    """Images of an epoch, seconds of all but the first."""
    lines = [json.loads(line) for line in (folder / "events.jsonl").open()]
    seconds = [one["train_seconds"] for one in lines if one["type"] == "epoch"][1:]
    images = next(one["facts"]["images"]["train"] for one in lines if one["type"] == "finished")
    return int(images), float(sum(seconds))


def training(work: Path, dataset: dict[str, str], compute: Compute) -> Job:
    card, task = ALGORITHMS["backbone_classifier"], TASKS["image_classification"]
    params = {
        "backbone": "resnet18", "pretrained": False, "retrained": "all", "image_size": SIZE,
    }  # fmt: skip
    settings = {
        "epochs": EPOCHS, "batch_size": BATCH, "optimizer": "sgd", "early_stopping": False,
    }  # fmt: skip
    spec = {
        "task": task.name,
        "algorithm": card.name,
        "params": card.params.clean(params),
        "training": card.training.clean(settings),
        "augmentation": task.augmentation.clean({"crop": 0.08}),
        "split": task.split.defaults(),
        "metric": task.default_metric,
        "dataset": dataset,
        "target": "label",
    }
    return Job(
        job=3, kind="train", spec=spec, compute=compute, cache=str(work / "cache"),
        weights=str(work / "weights"),
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())

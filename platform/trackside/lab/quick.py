"""Small jobs that a page waits for: previews of augmentation, explanations of a model."""

import random
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404
from django.urls import reverse

from recipes.tasks import data_of
from trackside.accounts.models import User
from trackside.datasets import holding
from trackside.datasets import queries as datasets
from trackside.datasets.models import Dataset
from trackside.jobs import services as jobs
from trackside.jobs.models import Job
from trackside.jobs.states import JOB_OVER
from trackside.lab.design import clean_part
from trackside.lab.entrants import Entrant
from trackside.lab.models import Analysis
from trackside.lab.subjects import ready
from trackside.lab.trouble import Refused

ONE_CORE = {"kind": "cpu", "ranks": 1}
KINDS = ("preview", "explain", "compare")
ROWS, COPIES, SIZE = 4, 4, 160
MOST_EXPLAINED = 24
SHOWN = {".png": "image/png", ".webp": "image/webp", ".jpg": "image/jpeg"}


def preview(analysis: Analysis, user: User, augmentation: dict[str, Any], seed: int) -> Job:
    """Draw some of the user's pictures as augmented ones. Raises BadDesign, Refused."""
    if data_of(analysis.task) != "images":
        raise Refused(f"{analysis.name} learns from a table: only pictures are augmented.")
    dataset = ready(analysis.dataset)
    values = clean_part(analysis.design, "augmentation", augmentation)
    numbers = list(datasets.pictures(dataset).values_list("number", flat=True))
    return jobs.submit(
        project=analysis.project,
        user=user,
        kind="preview",
        title=f"Preview of {analysis.name}",
        spec={
            "dataset": holding.source(dataset),
            "augmentation": values,
            "size": SIZE,
            "numbers": sorted(random.Random(seed).sample(numbers, min(ROWS, len(numbers)))),
            "seed": seed,
            "copies": COPIES,
        },
        compute=dict(ONE_CORE),
        seed=seed,
    )


def explain(model: Entrant, user: User, images: list[dict[str, Any]]) -> Job:
    """What the model sees in these images. Raises Refused."""
    if not images:
        raise Refused("Choose at least one image.")
    return jobs.submit(
        project=model.project,
        user=user,
        kind="explain",
        title=f"Explain {model.title}",
        spec={
            "bundle": str(model.bundle),
            "images": images[:MOST_EXPLAINED],
            "heat": True,
        },
        compute=dict(ONE_CORE),
    )


def pictures_of(dataset: Dataset, numbers: list[int]) -> list[dict[str, Any]]:
    """The files of these pictures, as `explain` takes them."""
    home = datasets.folder(dataset)
    rows = dataset.pictures.filter(number__in=numbers[:MOST_EXPLAINED]).order_by("number")
    return [{"number": one.number, "file": str(home / one.file)} for one in rows]


def answer(job: Job) -> dict[str, Any]:
    """The state of a quick job, and its items with addresses instead of files once it is done."""
    if job.kind not in KINDS:
        raise Http404("There is no such job.")
    done = job.state == "succeeded"
    items = job.result.get("items") or [] if done else []
    return {
        "job": job.pk,
        "address": reverse("lab_job", args=[job.project.key, job.pk]),
        "seq": job.event_seq,
        "state": job.state,
        "over": job.state in JOB_OVER,
        "reason": job.reason,
        "items": [_shown(job, one) for one in items],
    }


def _shown(job: Job, item: dict[str, Any]) -> dict[str, Any]:
    made = dict(item)
    for name in ("original", "image", "heat"):
        if made.get(name):
            made[name] = _address(job, made[name])
    if "copies" in made:
        made["copies"] = [_address(job, one) for one in made["copies"]]
    return made


def _address(job: Job, path: str) -> str:
    return reverse("lab_file", args=[job.project.key, job.pk, path.removeprefix("output/")])


def file_of(job: Job, name: str) -> tuple[Path, str]:
    """A picture that a quick job drew, and its type. Raises Http404."""
    attempt = job.attempts.exclude(folder="").order_by("-number").first()
    kind = SHOWN.get(Path(name).suffix.lower())
    if job.kind not in KINDS or attempt is None or kind is None:
        raise Http404("There is no such image.")
    base = (Path(settings.TRACKSIDE_STORAGE) / attempt.folder / "output").resolve()
    path = (base / name).resolve()
    if not path.is_relative_to(base) or not path.is_file():
        raise Http404("There is no such image.")
    return path, kind

"""A project in which a model was trained: the rows and folders that the Flow and REST work on."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import Client

from trackside.accounts.models import User
from trackside.accounts.services import make_token
from trackside.datasets.models import Dataset, DatasetState, Picture, Problem
from trackside.jobs.models import Attempt, Job
from trackside.lab import services as lab
from trackside.lab.models import Analysis, Session, TrainedModel
from trackside.projects.models import Project
from trackside.saved_models.models import Version
from trackside.saved_models.stores import Found

RESULT = {
    "bundle": "bundle",
    "metric": "accuracy",
    "score": 0.95,
    "metrics": {"accuracy": 0.95, "log_loss": 0.2},
    "facts": {"device": "cpu", "precision": "fp32", "ranks": 2, "seconds": 61, "size": 1234},
}


def photos(project: Project, name: str = "photos", *, labelled: bool = True) -> Dataset:
    classes = [{"name": "ants", "count": 2}, {"name": "bees", "count": 2}] if labelled else []
    one = Dataset.objects.create(
        project=project,
        name=name,
        kind="images",
        state=DatasetState.READY,
        rows=4,
        fingerprint="f" * 64,
        facts={"classes": classes, "splits": {"train": 2, "val": 2}, "images": 4},
    )
    one.folder = f"datasets/{one.pk}"
    one.save()
    storage = Path(settings.TRACKSIDE_STORAGE)
    (storage / one.folder).mkdir(parents=True)
    for number in range(4):
        label = ("ants", "bees")[number % 2] if labelled else ""
        Picture.objects.create(
            dataset=one,
            number=number,
            path=f"{label}/{number}.jpg",
            label=label,
            split="train",
            width=64,
            height=48,
            bytes=1000,
        )
    Problem.objects.create(dataset=one, where="ants/x.gif", what="GIF: not a photograph")
    return one


def bundle(relative: str) -> str:
    """A bundle's folder in the storage."""
    folder = Path(settings.TRACKSIDE_STORAGE) / relative
    folder.mkdir(parents=True)
    (folder / "model.json").write_text(json.dumps({"version": 1, "classes": ["ants", "bees"]}))
    (folder / "weights.safetensors").write_bytes(b"w" * 5000)
    return relative


def analysis(project: Project, user: User, dataset: Dataset | None = None) -> Analysis:
    return lab.create_analysis(project, user, "sort", dataset or photos(project))


def trained(project: Project, user: User, within: Analysis | None = None) -> TrainedModel:
    """The first model of a session whose job has ended well."""
    return ended_well(lab.train(within or analysis(project, user), user, {"kind": "cpu"}))


def ended_well(session: Session) -> TrainedModel:
    model = session.models.select_related("job").get()
    assert model.job is not None
    done(model.job)
    bundle(f"models/job-{model.job.pk}")
    lab.publish_training(model.job, Attempt(job=model.job, compute={}), dict(RESULT))
    return TrainedModel.objects.get(pk=model.pk)


def done(job: Job, state: str = "succeeded") -> None:
    """What the agent would have reported; the services of jobs have tests of their own."""
    Job.objects.filter(pk=job.pk).update(state=state)
    job.refresh_from_db()


def found(version: Version, score: float = 0.9) -> Found:
    """What an evaluation found, without its document."""
    return Found(
        version=version, dataset="photos", fingerprint="f" * 64, folder="evaluations/none",
        metric="accuracy", metrics={"accuracy": score}, judged=4, of=4,
    )  # fmt: skip


def attempt(job: Job) -> Attempt:
    """An attempt that is not in the database, with a folder in the storage."""
    folder = f"jobs/{job.pk}/a1"
    (Path(settings.TRACKSIDE_STORAGE) / folder / "output").mkdir(parents=True)
    return Attempt(job=job, number=1, fence=1, folder=folder, compute={})


class Rest(Client):
    """A script with a token: `rest.post("/projects", {...})`."""

    def __init__(self, user: User) -> None:
        _, secret = make_token(user, "test")
        super().__init__(headers={"Authorization": f"Bearer {secret}"})

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        data = "" if body is None else json.dumps(body)
        kind = "" if body is None else "application/json"
        return self.generic(method, f"/api/v1{path}", data, content_type=kind, headers=headers)


def spec_of(answer: Any) -> dict[str, Any]:
    """Of the run that was asked for, which is over then: the next one may begin."""
    assert answer.status_code == 201, answer.content
    job = Job.objects.get(pk=answer.json()["id"])
    Job.objects.update(state="succeeded")
    return dict(job.spec)

"""Models of real tables, trained by the recipes themselves, as rows of a project."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch
from django.conf import settings
from django.test import Client
from django.utils import timezone

from recipes.engine.peers import Peers
from recipes.job import Compute, read, write
from recipes.job import Job as Folder
from recipes.kinds import KINDS
from tests.recipes import tabling
from tests.recipes.making import events
from tests.web.world import attempt, done
from trackside.accounts.models import User
from trackside.connections.access import for_job
from trackside.datasets.models import Dataset, DatasetState
from trackside.jobs.models import Job
from trackside.lab.models import Analysis, Session, TrainedModel
from trackside.projects.models import Project
from workers.outcomes import PUBLISH

TRAININGS: dict[str, dict[str, Any]] = {
    "two_class": {
        "table": "titanic",
        "target": "survived",
        "spec": {"params": {"rounds": 20}, "features": {"alive": {"role": "ignore"}}},
    },
    "multiclass": {"table": "diamonds", "target": "cut", "spec": {"params": {"rounds": 3}}},
    "regression": {"table": "taxis", "target": "total", "spec": {"params": {"rounds": 10}}},
}
ROWS = 800


class Learned(dict[str, Path]):
    """By task the folder of its job: trained when first asked for, then kept."""

    def __init__(self, home: Path) -> None:
        super().__init__()
        self.home = home

    def __missing__(self, task: str) -> Path:
        self[task] = learn(self.home / task, task)
        return self[task]


def learn(home: Path, task: str) -> Path:
    """The job's folder, with `data`, the dataset's, beside it."""
    wish = TRAININGS[task]
    table = tabling.real(wish["table"]).slice(0, ROWS)
    data = tabling.dataset(home / "data", table)
    folder = tabling.job(home, data, wish["target"], task=task, spec=wish["spec"])
    KINDS["train"].run(read(folder), folder, Peers(0, 1, torch.device("cpu")))
    return folder


def ran(job: Job, folder: Path) -> dict[str, Any]:
    """What the node does: the job's own recipe runs in the folder. Its result."""
    given = Folder(job=job.pk, kind=job.kind, spec=job.spec, compute=Compute(threads=2))
    write(folder, given)
    if (told := for_job(job)) is not None:  # as the agent leaves it (workers/access.py)
        (folder / "way").write_text(json.dumps(told))
        given = replace(given, access=str(folder / "way"))
    KINDS[job.kind].run(given, folder, Peers(0, 1, torch.device("cpu")))
    (finished,) = events(folder, "finished")
    return finished


def published(job: Job) -> dict[str, Any]:
    """The job runs, and its end is published. Its result."""
    one = attempt(job)
    result = ran(job, Path(settings.TRACKSIDE_STORAGE) / one.folder)
    done(job)
    PUBLISH[job.kind](job, one, result)
    return result


def page(browser: Client, model: TrainedModel, tab: str, query: str = "") -> str:
    """A tab of the model's results."""
    key = model.session.analysis.project.key
    answer = browser.get(f"/p/{key}/trained-models/{model.pk}/{tab}/{query}")
    assert answer.status_code == 200, (tab, answer.status_code)
    return str(answer.content.decode())


def table_dataset(project: Project, user: User | None, name: str, data: Path) -> Dataset:
    """A dataset whose rows and columns are those of the folder."""
    about = json.loads((data / "facts.json").read_text())
    one = Dataset.objects.create(
        project=project,
        name=name,
        kind="table",
        state=DatasetState.READY,
        rows=about["rows"],
        facts=about,
        created_by=user,
    )
    one.folder = f"datasets/{one.pk}"
    one.save()
    shutil.copytree(data, Path(settings.TRACKSIDE_STORAGE) / one.folder)
    return one


def placed(project: Project, user: User, folder: Path) -> TrainedModel:
    """The training in the folder as a finished model of an analysis of its own."""
    job = read(folder)
    (finished,) = events(folder, "finished")
    spec, task = job.spec, str(job.spec["task"])
    dataset = table_dataset(project, user, f"{task} rows", folder.parent / "data")
    Dataset.objects.filter(pk=dataset.pk).update(fingerprint=spec["dataset"]["fingerprint"])
    analysis = Analysis.objects.create(
        project=project, name=f"{task} study", dataset=dataset, task=task, target=spec["target"],
        design={"metric": finished["metric"]}, created_by=user,
    )  # fmt: skip
    session = Session.objects.create(
        analysis=analysis, number=1, name="First", design=analysis.design,
        compute={"kind": "cpu", "ranks": 1}, click_id=uuid4().hex, created_by=user,
    )  # fmt: skip
    row = Job.objects.create(
        project=project, created_by=user, kind="train", title="Train", spec=spec,
        compute={"kind": "cpu", "ranks": 1}, seed=1, state="succeeded", reason="Done.",
        finished_at=timezone.now(), click_id=uuid4().hex,
    )  # fmt: skip
    bundle = f"models/job-{row.pk}"
    shutil.copytree(folder / "bundle", Path(settings.TRACKSIDE_STORAGE) / bundle)
    return TrainedModel.objects.create(
        session=session, job=row, algorithm=spec["algorithm"], label="XGBoost", bundle=bundle,
        params=spec.get("params") or {}, metric=finished["metric"], score=finished["score"],
        metrics=finished["metrics"], facts=finished["facts"], published_at=timezone.now(),
    )  # fmt: skip

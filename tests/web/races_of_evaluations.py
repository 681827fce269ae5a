"""A race of evaluations: several of one store are published at the same moment."""

import csv
from functools import partial
from pathlib import Path
from typing import Any

from django.db import transaction

from tests.web import cast
from tests.web.racing import stage, together
from trackside.datasets.models import Dataset
from trackside.flow import evaluating
from trackside.flow.models import Recipe, Run
from trackside.jobs.models import Attempt, Job
from trackside.saved_models.models import Evaluation, EvaluationStore, SavedModel, Version

AT_ONCE, AGAIN = 4, 2


def evaluations() -> dict[str, Any]:
    """Each is told twice, as after a lost answer; two recipes write the store and its dataset."""
    project, ada, _ = stage()
    cast.node()
    model = SavedModel.objects.create(project=project, name="sorter", task="two_class")
    version = Version.objects.create(saved_model=model, number=1, metric="accuracy", active=True)
    store = EvaluationStore.objects.create(project=project, name="history", saved_model=model)
    data, figures = (
        Dataset.objects.create(project=project, name=name, kind="table", state="ready")
        for name in ("new", "figures")
    )
    recipes = [
        Recipe.objects.create(
            project=project, name=name, kind="evaluate", dataset=data, saved_model=model,
            store=store, metrics=figures,
        )
        for name in ("one", "two")
    ]  # fmt: skip
    for _ in range(AGAIN):
        jobs = [cast.submit(project, ada) for _ in range(AT_ONCE)]
        for place, job in enumerate(jobs):
            Run.objects.create(recipe=recipes[place % 2], job=job, version=version)
        together([partial(_publish, job.pk) for job in jobs * 2])
    figures.refresh_from_db()
    numbers = sorted(Evaluation.objects.values_list("number", flat=True))
    archive = Path(figures.job.spec["archive"]) if figures.job else Path()
    with archive.open(newline="") as file:
        rows = [int(one["number"]) for one in csv.DictReader(file)]
    everyone = list(range(1, AT_ONCE * AGAIN + 1))
    version.refresh_from_db()
    devices = {one["device"] for one in version.parity}
    reports = len(version.parity) == len(devices) == len(everyone)
    return {"numbers": numbers == everyone, "rows": sorted(rows) == everyone, "reports": reports}


def _publish(number: int) -> None:
    """Inside the transaction that ends the job, as an agent does it."""
    told: dict[str, Any] = {"metric": "accuracy", "metrics": {"accuracy": 0.5}}
    report = {"engine": "own", "device": f"GPU of {number}", "used": True, "why": "It agrees."}
    told |= {"judged": 3, "of": 4, "facts": {"parity": [report]}}
    with transaction.atomic():
        job = Job.objects.select_for_update(of=("self",)).get(pk=number)
        folder = f"jobs/{number}/a1"
        evaluating.publish_evaluation(job, Attempt(job=job, folder=folder, compute={}), told)

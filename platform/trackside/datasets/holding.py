"""Who needs a dataset, and how it stays as it is while somebody decides on it."""

import json
from typing import Any

from django.http import Http404

from trackside.datasets import storage
from trackside.datasets.models import Dataset
from trackside.datasets.trouble import Refused
from trackside.jobs.models import Job
from trackside.jobs.states import JOB_OVER

NEEDED_BY = {
    "analyses": "the analysis {} uses it",
    "read_by": "the recipe {} reads it",
    "written_by": "the recipe {} writes it",
    "measured_by": "the recipe {} writes it",
}
WRITTEN_BY = ("written_by", "measured_by")


def held(dataset: Dataset) -> Dataset:
    """Its row as it is now, which nobody changes until this transaction ends. Raises Http404."""
    rows = Dataset.objects.select_for_update(of=("self",)).select_related("project", "job")
    found = rows.filter(pk=dataset.pk).first()
    if found is None:
        raise Http404(f"{dataset.name} was deleted meanwhile.")
    return found


def source(dataset: Dataset) -> dict[str, str]:
    """The dataset as a job's spec names it (docs/jobs.md)."""
    folder = str(storage.folder(dataset))
    return {"folder": folder, "fingerprint": dataset.fingerprint, "name": dataset.name}


def check_unneeded(dataset: Dataset) -> None:
    """Raises Refused with the name of what needs the dataset: it cannot be deleted."""
    rows: Any = dataset  # the apps that point here stand above this one
    for relation, says in NEEDED_BY.items():
        one = getattr(rows, relation).first()
        if one is not None:
            raise Refused(f"{dataset.name} cannot be deleted: {says.format(one)}.")
    check_unread(dataset, "deleted")


def writer_of(dataset: Dataset) -> str:
    """The recipe that writes the dataset; "" where none does."""
    rows: Any = dataset
    writers = (getattr(rows, relation).first() for relation in WRITTEN_BY)
    return next((one.name for one in writers if one is not None), "")


def check_unread(dataset: Dataset, what: str) -> None:
    """Raises Refused with the job that reads the dataset: it cannot be `what`, as "deleted"."""
    path = json.dumps(str(storage.folder(dataset)))
    for job in Job.objects.filter(project=dataset.project).exclude(state__in=JOB_OVER):
        if path in json.dumps(job.spec):
            raise Refused(f"{dataset.name} cannot be {what}: job {job.pk} ({job.title}) reads it.")

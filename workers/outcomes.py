"""What the end of a job makes: one line a kind. Runs inside the transaction that ends the job.

A file system knows no transactions: what was moved by one that did not commit is removed later.
"""

import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from recipes import crash
from trackside.compute import clock
from trackside.datasets.services import publish_import
from trackside.flow.evaluating import publish_evaluation
from trackside.flow.services import publish_scoring, publish_training
from trackside.jobs import committed
from trackside.jobs.models import Attempt, Job
from trackside.jobs.states import JobState

CHECKPOINTS_STAY = timedelta(days=1)  # for who wants to look why a training ended
Publish = Callable[[Job, Attempt, dict[str, Any]], None]


def _training(job: Job, attempt: Attempt, result: dict[str, Any]) -> None:
    _keep_bundle(job, attempt)
    publish_training(job, attempt, result)


def _keep_bundle(job: Job, attempt: Attempt) -> None:
    """The bundle leaves the job folder; a second try after a rolled back first finds it moved."""
    storage = Path(settings.TRACKSIDE_STORAGE)
    made, home = storage / attempt.folder / "bundle", storage / "models" / f"job-{job.pk}"
    home.parent.mkdir(parents=True, exist_ok=True)
    if made.is_dir():
        shutil.rmtree(home, ignore_errors=True)  # of an attempt that was lost before its commit
        os.rename(made, home)
        crash.point("publish.moved")
    elif not home.is_dir():
        raise FileNotFoundError(f"The training of job {job.pk} left no model.")


PUBLISH: dict[str, Publish] = {
    "import": publish_import,
    "train": _training,
    "score": publish_scoring,
    "evaluate": publish_evaluation,
}


def tidy() -> None:
    """Remove what nobody needs any more: of trainings that are over."""
    committed.clear(clock.now() - CHECKPOINTS_STAY)
    _drop_unpublished()
    connection.close()  # it would stand idle for an hour


def _drop_unpublished() -> None:
    """The bundles of trainings that ended without a model after all.

    Their node was killed between the move and the commit, or the result could not be stored, and
    the next attempt failed or was cancelled.
    """
    models = Path(settings.TRACKSIDE_STORAGE) / "models"
    there = {int(one.name[4:]): one for one in models.glob("job-*") if one.name[4:].isdecimal()}
    over = Job.objects.filter(kind="train", state__in=(JobState.FAILED, JobState.CANCELLED))
    numbers = set(over.values_list("pk", flat=True))
    for number in there.keys() & numbers:
        shutil.rmtree(there[number], ignore_errors=True)

"""The only writer of saved models and their versions. At most one version is active at any time."""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils.timezone import now

from trackside.accounts.models import User
from trackside.jobs.models import Job
from trackside.jobs.states import JOB_OVER
from trackside.projects.models import Project
from trackside.saved_models.models import SavedModel, Version


class Refused(Exception):
    """What was asked cannot be done to this version; the message says why and what can."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a training leaves behind; `bundle` is a folder relative to the storage."""

    bundle: str
    metric: str
    metrics: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    trained_model_id: int | None = None
    job: Job | None = None


def create(project: Project, user: User | None, name: str, task: str) -> SavedModel:
    """A saved model without versions yet. Raises Refused when the name is taken."""
    if SavedModel.objects.filter(project=project, name=name).exists():
        raise Refused(f"This project already has a saved model called {name}.")
    return SavedModel.objects.create(project=project, name=name, task=task, created_by=user)


@transaction.atomic
def publish_version(
    saved_model: SavedModel, trained: Trained, *, user: User | None, active: bool
) -> Version:
    """The next version. The first one becomes the active one whatever `active` says."""
    held = SavedModel.objects.select_for_update().get(pk=saved_model.pk)
    last: int | None = held.versions.aggregate(last=Max("number"))["last"]
    version = Version.objects.create(
        saved_model=held,
        number=(last or 0) + 1,
        trained_model_id=trained.trained_model_id,
        job=trained.job,
        bundle=trained.bundle,
        metric=trained.metric,
        metrics=trained.metrics,
        facts=trained.facts,
        created_by=user,
    )
    if active or not held.versions.filter(active=True).exists():
        activate(version)
    return version


def _hold(version: Version) -> None:
    """Nobody else decides on the model's versions until this ends. Raises Refused."""
    SavedModel.objects.select_for_update().filter(pk=version.saved_model_id).first()
    try:
        version.refresh_from_db()
    except Version.DoesNotExist:
        raise Refused(f"{version} was deleted meanwhile.") from None


@transaction.atomic
def activate(version: Version) -> Version:
    """Make this version the one that scores; activating an older one is the roll-back."""
    _hold(version)
    version.saved_model.versions.filter(active=True).exclude(pk=version.pk).update(active=False)
    Version.objects.filter(pk=version.pk, active=False).update(active=True, activated_at=now())
    version.refresh_from_db()
    return version


@transaction.atomic
def delete_version(version: Version) -> None:
    """Take an inactive version away; its bundle stays while the Lab still shows that model."""
    _hold(version)
    if version.active:
        raise Refused(
            f"{version} is the active version. Activate another one first, then delete this one."
        )
    _check_unread(version)
    bundle, shared = version.bundle, _is_shared(version)
    version.delete()
    if not shared:
        transaction.on_commit(lambda: _forget(bundle))


@transaction.atomic
def keep_parity(version: Version, told: Any, job: Job) -> None:
    """Keep a job's reports on engines (docs/jobs.md): the newest one an engine and device.

    The row is held: jobs that end at once keep what the others said.
    """
    reports = told if isinstance(told, list) else [told] if told else []
    held = Version.objects.select_for_update().filter(pk=version.pk).first()
    if not reports or held is None:
        return
    kept = {(one["engine"], one["device"]): one for one in held.parity}
    for one in reports:
        made = {"engine": "own", "when": now().isoformat(), **one, "job": job.pk}
        before = kept.get((made["engine"], made["device"]))
        if before is None or before["when"] <= made["when"]:
            kept[made["engine"], made["device"]] = made
    held.parity = list(kept.values())
    held.save(update_fields=["parity"])


def _check_unread(version: Version) -> None:
    """Raises Refused with the job that reads the version's bundle."""
    place = json.dumps(str(Path(settings.TRACKSIDE_STORAGE) / version.bundle))
    for job in Job.objects.filter(project=version.saved_model.project).exclude(state__in=JOB_OVER):
        if place in json.dumps(job.spec):
            raise Refused(
                f"{version} cannot be deleted: job {job.pk} ({job.title}) reads it. Wait for it "
                "or stop it."
            )


def _is_shared(version: Version) -> bool:
    others = Version.objects.filter(bundle=version.bundle).exclude(pk=version.pk)
    return version.trained_model_id is not None or others.exists()


def _forget(bundle: str) -> None:
    if bundle:
        shutil.rmtree(Path(settings.TRACKSIDE_STORAGE) / bundle, ignore_errors=True)

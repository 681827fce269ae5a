"""Taking sessions and analyses away, with their files; what is still needed is refused."""

import shutil
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from trackside.accounts.models import User
from trackside.accounts.services import audit
from trackside.jobs.states import JOB_OVER
from trackside.lab.models import Analysis, Session, TrainedModel
from trackside.lab.trouble import Refused
from trackside.saved_models.models import Version


@transaction.atomic
def delete_session(session: Session, user: User) -> None:
    """Its models and their bundles go. Raises Refused while it trains or a version uses one."""
    models = TrainedModel.objects.filter(session=session)
    _check(models, session.name)
    bundles = _drop(models)
    audit(user, "session deleted", f"{session.analysis.name}/{session.name}")
    session.delete()
    transaction.on_commit(lambda: _forget(bundles), robust=True)


@transaction.atomic
def delete_analysis(analysis: Analysis, user: User) -> None:
    """With all its sessions. Raises Refused."""
    models = TrainedModel.objects.filter(session__analysis=analysis)
    _check(models, analysis.name)
    bundles = _drop(models)
    audit(user, "analysis deleted", f"{analysis.project.key}/{analysis.name}")
    analysis.delete()
    transaction.on_commit(lambda: _forget(bundles), robust=True)


def _check(models: QuerySet[TrainedModel], name: str) -> None:
    at_work = models.exclude(job=None).exclude(job__state__in=JOB_OVER).first()
    if at_work is not None:
        raise Refused(
            f"{name} cannot be deleted: {at_work.label} is still training. Cancel it first."
        )
    version = Version.objects.filter(trained_model__in=models).select_related("saved_model").first()
    if version is not None:
        raise Refused(
            f"{name} cannot be deleted: {version.saved_model} in the Flow uses a model of it as "
            f"version {version.number}. Delete that version first."
        )


def _drop(models: QuerySet[TrainedModel]) -> list[str]:
    return [bundle for bundle in models.values_list("bundle", flat=True) if bundle]


def _forget(bundles: list[str]) -> None:
    for bundle in bundles:
        shutil.rmtree(Path(settings.TRACKSIDE_STORAGE) / bundle, ignore_errors=True)

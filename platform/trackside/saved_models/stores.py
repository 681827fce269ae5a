"""Evaluation stores: the only writer of evaluations, and how they are read."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max, QuerySet

from trackside.accounts.models import User
from trackside.accounts.services import audit
from trackside.jobs.models import Job
from trackside.projects.models import Project
from trackside.saved_models.models import Evaluation, EvaluationStore, SavedModel, Version
from trackside.saved_models.services import Refused

Json = dict[str, Any]
FILE = "evaluation.json"


@dataclass(frozen=True, kw_only=True)
class Found:
    """What an evaluation found; `folder` is relative to the storage and holds its document."""

    version: Version
    recipe: str = ""
    dataset: str
    fingerprint: str
    folder: str
    metric: str
    metrics: Json
    threshold: float | None = None  # of two classes
    trained: Json = field(default_factory=dict)  # in the training, at the same threshold
    judged: int
    of: int
    left_out: list[Json] = field(default_factory=list)
    drift: Json = field(default_factory=dict)
    job: Job | None = None


def store_for(
    project: Project, user: User | None, name: str, saved_model: SavedModel
) -> EvaluationStore:
    """The store of this name, new or that of the same model. Raises Refused."""
    before = EvaluationStore.objects.filter(project=project, name=name).first()
    if before is None:
        return EvaluationStore.objects.create(
            project=project, name=name, saved_model=saved_model, created_by=user
        )
    if before.saved_model_id != saved_model.pk:
        raise Refused(
            f"The evaluation store {name} belongs to {before.saved_model}. Choose another name: "
            f"a history is that of one model."
        )
    return before


@transaction.atomic
def record(store: EvaluationStore, found: Found, user: User | None) -> Evaluation:
    """The next evaluation, of a number that none had; told twice by the same job it is one."""
    held = EvaluationStore.objects.select_for_update().get(pk=store.pk)
    before = held.evaluations.filter(job=found.job).first() if found.job else None
    if before is not None:
        return before
    last: int | None = held.evaluations.aggregate(last=Max("number"))["last"]
    held.given = max(held.given, last or 0) + 1
    held.save(update_fields=["given"])
    return Evaluation.objects.create(
        store=held,
        number=held.given,
        version=found.version,
        version_number=found.version.number,
        recipe=found.recipe,
        dataset=found.dataset,
        fingerprint=found.fingerprint,
        job=found.job,
        folder=found.folder,
        metric=found.metric,
        metrics=found.metrics,
        threshold=found.threshold,
        trained=found.trained or found.version.metrics,
        judged=found.judged,
        of=found.of,
        left_out=found.left_out,
        drift=found.drift,
        created_by=user,
    )


@transaction.atomic
def delete(evaluation: Evaluation, user: User) -> None:
    """Its document goes when the transaction is kept."""
    folder, store = evaluation.folder, evaluation.store
    audit(user, "evaluation deleted", f"{store.project.key}/{store} {evaluation.number}")
    evaluation.delete()
    transaction.on_commit(lambda: _forget([folder]), robust=True)


@transaction.atomic
def delete_store(store: EvaluationStore, user: User) -> None:
    """With its history. Raises Refused while a recipe writes it."""
    rows: Any = store  # the Flow, whose recipes point here, stands above this app
    writer = rows.written_by.first()
    if writer is not None:
        raise Refused(f"{store} cannot be deleted: the recipe {writer} writes it.")
    folders = list(store.evaluations.values_list("folder", flat=True))
    audit(user, "evaluation store deleted", f"{store.project.key}/{store}")
    store.delete()
    transaction.on_commit(lambda: _forget(folders), robust=True)


def _forget(folders: list[str]) -> None:
    home = Path(settings.TRACKSIDE_STORAGE)
    for folder in folders:
        if folder:
            shutil.rmtree(home / folder, ignore_errors=True)


def document(evaluation: Evaluation) -> Json:
    """evaluation.json (docs/jobs.md); empty when it is not there or torn."""
    path = Path(settings.TRACKSIDE_STORAGE) / evaluation.folder / FILE
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def stores_of(project: Project) -> QuerySet[EvaluationStore]:
    rows = EvaluationStore.objects.filter(project=project)
    return rows.select_related("saved_model").order_by("name")


def evaluations_of(store: EvaluationStore) -> QuerySet[Evaluation]:
    """Newest first, with what a page shows of each."""
    return store.evaluations.select_related("version", "job", "created_by").order_by("-number")


def newest_of(project: Project) -> dict[int, Evaluation]:
    """The newest evaluation of each store of the project, by store."""
    rows = Evaluation.objects.filter(store__project=project)
    newest = rows.order_by().values("store").annotate(last=Max("pk")).values("last")
    return {one.store_id: one for one in rows.filter(pk__in=newest)}


def score_of(evaluation: Evaluation) -> float | None:
    value = evaluation.metrics.get(evaluation.metric)
    return float(value) if isinstance(value, int | float) else None


def snapshot(evaluation: Evaluation) -> Json:
    """One evaluation as REST shows it."""
    return {
        "number": evaluation.number,
        "saved_model_version": evaluation.version_number,
        "recipe": evaluation.recipe,
        "dataset": evaluation.dataset,
        "fingerprint": evaluation.fingerprint,
        "job": evaluation.job_id,
        "metric": evaluation.metric,
        "score": score_of(evaluation),
        "metrics": evaluation.metrics,
        "threshold": evaluation.threshold,
        "trained": evaluation.trained,
        "judged": evaluation.judged,
        "of": evaluation.of,
        "left_out": evaluation.left_out,
        "drift": evaluation.drift,
        "created_at": evaluation.created_at.isoformat(),
    }


def store_snapshot(store: EvaluationStore) -> Json:
    """`GET /projects/{key}/evaluation-stores/{name}`, without its evaluations."""
    last = evaluations_of(store).first()
    return {
        "name": store.name,
        "saved_model": store.saved_model.name,
        "task": store.saved_model.task,
        "evaluations": store.evaluations.count(),
        "last": snapshot(last) if last else None,
    }


def lines(store: EvaluationStore, last: int | None = None) -> Iterator[list[Any]]:
    """The history as a table, oldest first: a column for each metric that any evaluation has.

    `last`: only so many of the newest.
    """
    rows = list(store.evaluations.order_by("-number")[:last])[::-1]
    names = sorted({name for one in rows for name in one.metrics})
    yield [
        "number", "created_at", "dataset", "fingerprint", "recipe", "saved_model", "version",
        "job", "judged", "of", "left_out", "threshold",
        *names, *(f"trained_{name}" for name in names),
        "columns_moved", "columns_moved_strongly", "drift_auc",
    ]  # fmt: skip
    for one in rows:
        told = one.drift.get("classifier") or {}
        yield [
            one.number, one.created_at.isoformat(), one.dataset, one.fingerprint, one.recipe,
            store.saved_model.name, one.version_number,
            one.job_id, one.judged, one.of, one.of - one.judged, one.threshold,
            *(one.metrics.get(name) for name in names),
            *(one.trained.get(name) for name in names),
            one.drift.get("moved_count"), one.drift.get("strong_count"), told.get("auc"),
        ]  # fmt: skip

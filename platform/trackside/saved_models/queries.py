"""Reading saved models: the versions page and the REST answer."""

from typing import Any

from django.db.models import QuerySet

from recipes.tasks import TASKS
from trackside.projects.models import Project
from trackside.saved_models.models import SavedModel, Version


def saved_models_of(project: Project) -> QuerySet[SavedModel]:
    return SavedModel.objects.filter(project=project).order_by("name")


def versions_of(saved_model: SavedModel) -> QuerySet[Version]:
    """Newest first, with what the page shows of each."""
    rows = saved_model.versions.select_related("trained_model", "job", "created_by")
    return rows.defer("job__spec").order_by("-number")  # of a table that has megabytes


def searched(saved_model: SavedModel) -> set[int]:
    """The numbers of the versions whose jobs were to search."""
    rows = saved_model.versions.filter(job__spec__has_key="search")
    return set(rows.values_list("number", flat=True))


def active_version(saved_model: SavedModel) -> Version | None:
    return saved_model.versions.filter(active=True).first()


def score_of(version: Version) -> float | None:
    value = version.metrics.get(version.metric)
    return float(value) if isinstance(value, int | float) else None


def metric_label(task: str, metric: str) -> str:
    card = TASKS.get(task)
    known = card.metrics.get(metric) if card else None
    return known.label if known else metric


def snapshot(version: Version) -> dict[str, Any]:
    """One version as REST shows it."""
    return {
        "version": version.number,
        "active": version.active,
        "metric": version.metric,
        "score": score_of(version),
        "metrics": version.metrics,
        "facts": version.facts,
        "proof": version.facts.get("proof"),
        "parity": version.parity,
        "trained_model": version.trained_model_id,
        "job": version.job_id,
        "created_at": version.created_at.isoformat(),
    }


def saved_model_snapshot(saved_model: SavedModel) -> dict[str, Any]:
    """`GET /projects/{key}/saved-models/{name}`."""
    versions = [snapshot(one) for one in versions_of(saved_model)]
    active = next((one["version"] for one in versions if one["active"]), None)
    return {
        "name": saved_model.name,
        "task": saved_model.task,
        "active_version": active,
        "versions": versions,
    }

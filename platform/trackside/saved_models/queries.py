"""Reading saved models: the versions page, the REST answer and the comparison of two versions."""

from typing import Any

from django.db.models import QuerySet

from recipes.tasks import TASKS
from trackside.projects.models import Project
from trackside.saved_models.models import SavedModel, Version


def saved_models_of(project: Project) -> QuerySet[SavedModel]:
    return SavedModel.objects.filter(project=project).order_by("name")


def versions_of(saved_model: SavedModel) -> QuerySet[Version]:
    """Newest first, with what the page shows of each."""
    return saved_model.versions.select_related("trained_model", "job", "created_by").order_by(
        "-number"
    )


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


def compared(task: str, first: Version, second: Version) -> list[dict[str, Any]]:
    """Metric by metric: both values, their difference and which one is better (None: equal)."""
    rows = []
    for name in sorted({*first.metrics, *second.metrics}):
        one, two = first.metrics.get(name), second.metrics.get(name)
        rows.append({"name": name, "label": metric_label(task, name), "first": one, "second": two})
        rows[-1].update(_difference(task, name, one, two))
    return rows


def _difference(task: str, name: str, one: Any, two: Any) -> dict[str, Any]:
    if not isinstance(one, int | float) or not isinstance(two, int | float):
        return {"difference": None, "better": None}
    card = TASKS.get(task)
    metric = card.metrics.get(name) if card else None
    gain = two - one if metric is None or metric.higher_is_better else one - two
    better = None if gain == 0 else "second" if gain > 0 else "first"
    return {"difference": two - one, "better": better}

"""What in the Flow is older than what it was made from, and why."""

from typing import Any

from trackside.datasets.models import Dataset
from trackside.flow.models import Recipe, Run
from trackside.projects.models import Project
from trackside.saved_models.models import Evaluation, Version

Prints = dict[str, str]  # the datasets' fingerprints by name


def prints_of(datasets: list[Dataset]) -> Prints:
    return {one.name: one.fingerprint for one in datasets}


def active_of(project: Project) -> dict[int, Version]:
    """The active versions by saved model, with the jobs that made them."""
    rows = Version.objects.filter(saved_model__project=project, active=True)
    return {one.saved_model_id: one for one in rows.select_related("job")}


def of_rows(recipe: Recipe, run: Run, now: Version | None) -> str:
    """Why a scored dataset is out of date, or nothing; `now`: the active version."""
    if run.version and now and run.version.pk != now.pk:
        return f"Scored with version {run.version.number}; version {now.number} is active now."
    used = run.job.spec.get("dataset", {}).get("fingerprint")
    if used and used != recipe.dataset.fingerprint:
        return f"{recipe.dataset} has changed since this was scored."
    return ""


def of_model(version: Version | None, prints: Prints) -> str:
    """Why the active version is; nothing where nobody knows what it learned from."""
    if version is None or version.job is None:
        return ""
    learned: dict[str, Any] = version.job.spec.get("dataset") or {}
    name = str(learned.get("name") or "")
    if not _changed(name, str(learned.get("fingerprint") or ""), prints):
        return ""
    return f"{name} has changed since version {version.number} learned from it."


def of_store(last: Evaluation | None, now: Version | None, prints: Prints) -> str:
    """Why the newest evaluation is."""
    if last is None:
        return ""
    if now and now.number != last.version_number:
        return f"Version {last.version_number} was judged; version {now.number} is active now."
    if _changed(last.dataset, last.fingerprint, prints):
        return f"{last.dataset} has changed since it judged version {last.version_number}."
    return ""


def _changed(name: str, fingerprint: str, prints: Prints) -> bool:
    now = prints.get(name)
    return bool(now and fingerprint) and now != fingerprint

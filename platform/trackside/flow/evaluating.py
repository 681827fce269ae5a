"""Evaluation recipes: what they need, the spec of their jobs, and what comes of a run."""

import os
from pathlib import Path
from typing import Any

from recipes.tasks import data_of
from trackside.accounts.models import User
from trackside.datasets import storage, tables
from trackside.datasets.models import Dataset, DatasetState, Picture
from trackside.flow import measuring, scoring
from trackside.flow.models import Recipe, Run
from trackside.flow.trouble import BadRecipe
from trackside.jobs.models import Attempt, Job
from trackside.projects.models import Project
from trackside.saved_models import bundles, stores
from trackside.saved_models.models import EvaluationStore, SavedModel, Version
from trackside.saved_models.services import Refused

Json = dict[str, Any]


def settings_of(model: SavedModel, given: Json) -> Json:
    """Of images the batch; an evaluation of a table has none. Raises BadRecipe."""
    if data_of(model.task) == "images":
        return scoring.settings_of(model, given)
    for name in given:
        said = f"An evaluation of a table has no setting {name!r}."
        raise BadRecipe(f"settings.{name}", said)
    return {}


def store_of(
    project: Project, user: User | None, name: str, model: SavedModel
) -> EvaluationStore | None:
    """The store that an evaluation writes; None where none is named. Raises BadRecipe."""
    if not name:
        return None
    try:
        return stores.store_for(project, user, name, model)
    except Refused as refused:
        raise BadRecipe("output", str(refused)) from None


def trouble(dataset: Dataset, version: Version) -> str:
    """Why there is nothing to judge by in this dataset, or nothing; it can be read otherwise."""
    if dataset.state != DatasetState.READY:
        return ""
    if data_of(version.saved_model.task) == "images":
        labelled = Picture.objects.filter(dataset=dataset).exclude(label="").exists()
        return (
            ""
            if labelled
            else (
                f"No picture of {dataset} has a label: without the truth nothing can be judged. "
                "Score it instead, or upload it in class folders."
            )
        )
    target = str(bundles.about(bundles.folder(version)).get("target") or "")
    here = tables.types(dataset)
    if not here or not target or target in here:
        return ""
    return (
        f"{dataset} has no column {target!r}, which {version.saved_model} predicts: without the "
        "truth nothing can be judged. Score it instead, or add that column."
    )


def spec_of(recipe: Recipe, version: Version, source: Json) -> Json:
    """The spec of its job. `source` is the dataset as jobs name it. Raises BundleGone."""
    spec: Json = {
        **scoring.about(recipe.saved_model, version),
        "bundle": str(bundles.folder(version)),
        "dataset": source,
        "rows": recipe.output is not None,
        **settings_of(recipe.saved_model, recipe.settings),
    }
    if version.facts.get("threshold") is not None:
        spec["threshold"] = version.facts["threshold"]  # the one that is kept for this model
    return spec


def publish_evaluation(job: Job, attempt: Attempt, result: Json) -> None:
    """The next evaluation of the recipe's store; its judged rows become the output dataset.

    The store is held from `record` on: the metrics dataset gets every row of it.
    """
    run = Run.objects.filter(job=job).select_related("recipe__store", "version").first()
    if run is None or run.version is None or run.recipe.store is None:
        return  # its recipe was deleted meanwhile: nobody waits for it
    if run.recipe.output_id and result.get("file"):
        scoring.publish_scoring(job, attempt, result)
    else:
        scoring.keep_parity(run, job, result)
    source = job.spec.get("dataset") or {}
    found = stores.Found(
        version=run.version,
        recipe=run.recipe.name,
        dataset=str(source.get("name") or run.recipe.dataset.name),
        fingerprint=str(source.get("fingerprint") or ""),
        folder=_keep(job, attempt),
        metric=str(result.get("metric") or ""),
        metrics=result.get("metrics") or {},
        threshold=(result.get("facts") or {}).get("threshold"),
        trained=result.get("trained") or {},
        judged=int(result.get("judged") or 0),
        of=int(result.get("of") or 0),
        left_out=result.get("left_out") or [],
        drift=result.get("drift") or {},
        job=job,
    )
    made = stores.record(run.recipe.store, found, job.created_by)
    if measuring.write(run.recipe, job.created_by) and run.recipe.metrics is not None:
        result["fills"] = run.recipe.metrics.name
    result["store"], result["evaluation"] = run.recipe.store.name, made.number


def _keep(job: Job, attempt: Attempt) -> str:
    """The document leaves the job's folder; asked twice, it is there already."""
    home = Path("evaluations") / f"job-{job.pk}"
    made, kept = storage.root() / attempt.folder / stores.FILE, storage.root() / home / stores.FILE
    kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if made.is_file():
        os.replace(made, kept)
    return str(home)

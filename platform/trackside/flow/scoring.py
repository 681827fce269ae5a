"""Scoring recipes: their settings, the spec of their jobs, and what comes of a run."""

from pathlib import Path
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from recipes.kinds.score import SETTINGS
from recipes.params import ParamError
from recipes.tasks import data_of
from trackside.connections.access import usable
from trackside.datasets import storage
from trackside.datasets.intake import facts_file
from trackside.datasets.models import Dataset, DatasetState
from trackside.flow.models import Recipe, Run
from trackside.flow.trouble import BadRecipe
from trackside.jobs import engines
from trackside.jobs.kinds import card_of, placed
from trackside.jobs.models import Attempt, Job
from trackside.projects.models import Project
from trackside.saved_models import bundles, queries
from trackside.saved_models import services as saved_models
from trackside.saved_models.models import SavedModel, Version

BATCH, BATCHES = 32, (1, 4096)
OF_SQL = ("connection", "schema", "table", "mode")  # settings of rows that go to a database
Json = dict[str, Any]


def settings_of(model: SavedModel, given: Json) -> Json:
    """What is kept: of images the batch, of tables the card's settings. Raises BadRecipe."""
    if data_of(model.task) == "images":
        return _batch(given)
    try:
        clean = SETTINGS.clean(given)
    except ParamError as wrong:
        name, sentence = next(iter(wrong.errors.items()))
        raise BadRecipe(f"settings.{name}", sentence) from None
    if clean["threshold"] is not None and model.task != "two_class":
        said = f"{model} has no threshold: only a model of two classes has one."
        raise BadRecipe("settings.threshold", said)
    if said := engines.trouble(clean["engine"], card_of(about(model))):
        raise BadRecipe("settings.engine", said)
    if clean["output"] == "sql":
        return {**clean, **_table_of(model.project, clean)}
    return {name: value for name, value in clean.items() if name not in OF_SQL}


def _table_of(project: Project, given: Json) -> Json:
    """Where in a database the rows go, as it may be today. Raises BadRecipe."""
    named = given["connection"]
    found = usable(project).filter(name=named).first()
    if found is None:
        said = f"This project has no connection called {named!r}." if named else ""
        raise BadRecipe("settings.connection", said or "Choose the connection of the database.")
    if not found.writable:
        said = f"{found} is for reading only. An administrator can change that."
        raise BadRecipe("settings.connection", said)
    if found.schema and given["schema"] not in ("", found.schema):
        said = f"{found} offers the schema {found.schema!r} alone."
        raise BadRecipe("settings.schema", said)
    if not given["table"]:
        raise BadRecipe("settings.table", "Name the table that the rows are written to.")
    return {"schema": given["schema"] or found.schema}


def _batch(given: Json) -> Json:
    batch = given.get("batch", BATCH)
    for name in given.keys() - {"batch"}:
        said = f"A scoring of images has no setting {name!r}; it has batch."
        raise BadRecipe(f"settings.{name}", said)
    low, high = BATCHES
    if isinstance(batch, bool) or not isinstance(batch, int) or not low <= batch <= high:
        said = f"'batch' must be a whole number from {low} to {high}, not {batch!r}."
        raise BadRecipe("settings.batch", said)
    return {"batch": batch}


def writes_file(settings: Json) -> bool:
    """Whether its rows are no dataset: a file to download, or a table of a database."""
    return bool(settings.get("output", "dataset") != "dataset")


def about(model: SavedModel, version: Version | None = None) -> Json:
    """What of a spec decides where it may run: the task, and the algorithm as far as it is known.

    `version` is the active one unless it is named.
    """
    version = version or queries.active_version(model)
    told: Json = {}
    if version is not None:
        told = bundles.about(Path(storage.root()) / version.bundle)
    return {"task": model.task, "algorithm": str(told.get("algorithm") or ""), "bundle": ""}


def positive(model: SavedModel) -> str:
    """The positive one of two classes, as the active version has it; "" where there is none."""
    version = queries.active_version(model)
    told = bundles.about(Path(storage.root()) / version.bundle) if version else {}
    classes = told.get("classes") or []
    return str(classes[-1]) if len(classes) == 2 else ""


def on(model: SavedModel, compute: Json, kind: str, engine: str = "") -> Json:
    """The compute as it may be for this model today, and this kind of job. Raises BadCompute."""
    one = kind == "evaluate" and data_of(model.task) == "table"
    if one and compute.get("kind", "cpu") == "cpu":
        compute = {**compute, "ranks": 1}  # one process has all the cores
    return placed({**about(model), "engine": engine}, compute, kind) if compute else compute


def spec_of(recipe: Recipe, version: Version, source: Json) -> Json:
    """The spec of its job. `source` is the dataset as jobs name it. Raises BundleGone."""
    spec = {
        **about(recipe.saved_model, version),
        "bundle": str(bundles.folder(version)),
        "dataset": source,
        **settings_of(recipe.saved_model, recipe.settings),
    }
    if spec.get("output") == "sql":
        spec["output"] = _destination(recipe.project, spec)
    if spec.get("threshold") is None and version.facts.get("threshold") is not None:
        spec["threshold"] = version.facts["threshold"]  # the one that is kept for this model
    return spec


def _destination(project: Project, spec: Json) -> Json:
    """`output` of the spec (docs/jobs.md, "A database"), from the settings that lie flat in it."""
    found = usable(project).get(name=spec["connection"])
    told = {name: spec.pop(name) for name in OF_SQL}
    once = uuid4().hex  # the same in all attempts of a job: its rows are written by one of them
    return {**told, "kind": "sql", "connection": found.pk, "name": found.name, "once": once}


def publish_scoring(job: Job, attempt: Attempt, result: Json) -> None:
    """The output dataset becomes ready, with the rows of this run; those of the last one go.

    A file stays with its attempt. What was said of engines and GPUs stays with the version.
    """
    run = Run.objects.filter(job=job).select_related("recipe__output", "version").first()
    keep_parity(run, job, result)
    if writes_file(job.spec):
        if result.get("file"):
            result["download"] = f"{attempt.folder}/{result['file']}"
        return
    output = run.recipe.output if run else Dataset.objects.filter(job=job).first()
    if output is None:
        return  # its recipe was deleted meanwhile: nobody waits for these rows
    home = storage.take_over(output, attempt)
    output.folder = str(home.relative_to(storage.root()))
    output.state, output.reason = DatasetState.READY, ""
    output.rows = int(result.get("rows") or 0)
    told = facts_file(home) or {"columns": result.get("columns") or []}
    output.facts = {**told, "scored_by": job.pk, "scored_with": _engine(result)}
    output.bytes = _size(output.folder)
    output.fingerprint = f"job-{job.pk}"
    output.updated_at = timezone.now()
    output.save()
    result["output"] = output.name
    transaction.on_commit(lambda: storage.drop_others(output.pk, home), robust=True)


def keep_parity(run: Run | None, job: Job, result: Json) -> None:
    """What the job compared before it predicted stays with the version that it used."""
    if run is not None and run.version is not None:
        saved_models.keep_parity(run.version, (result.get("facts") or {}).get("parity"), job)


def _engine(result: Json) -> str:
    """What predicted the rows, in a sentence with its reason; "" of images."""
    facts = result.get("facts") or {}
    if not facts.get("engine"):
        return ""
    used = [one["why"] for one in engines.reports(facts.get("parity")) if one.get("used")]
    why = used[:1] or [facts.get("untried", "")]
    return " ".join([f"{engines.called(facts['engine'])}.", *why]).rstrip()


def _size(folder: str) -> int:
    found = (storage.root() / folder).rglob("*")
    return sum(path.stat().st_size for path in found if path.is_file())

"""The Flow of a project, read from its rows in a handful of queries."""

from typing import Any

from django.db.models import Prefetch, QuerySet

from recipes.algorithms import ALGORITHMS
from recipes.tasks import TASKS
from trackside.compute.models import Gpu
from trackside.datasets import tables
from trackside.datasets.models import Dataset, DatasetState
from trackside.flow import freshness, graph, retraining, sql_target
from trackside.flow.models import Recipe, Run
from trackside.flow.recipes import wirings
from trackside.jobs.states import JOB_OVER, JobState
from trackside.lab.labels import metric_text, param_text, params_in_words
from trackside.projects.models import Project
from trackside.saved_models import lineage, stores
from trackside.saved_models import queries as saved
from trackside.saved_models.models import Evaluation, EvaluationStore, SavedModel, Version
from trackside.ui import words

LABELS = {name: f"{said} recipe" for name, said in (
    ("train", "Training"), ("score", "Scoring"), ("evaluate", "Evaluation"))}  # fmt: skip


def recipes_of(project: Project) -> QuerySet[Recipe]:
    """With their latest runs first."""
    runs = Run.objects.select_related("job", "version").order_by("-job_id")
    return (
        Recipe.objects.filter(project=project)
        .select_related("dataset", "saved_model", "output", "store", "metrics", "analysis")
        .prefetch_related(Prefetch("runs", queryset=runs, to_attr="latest"))
        .order_by("name")
    )


def flow_of(project: Project) -> graph.Graph:
    rows = list(recipes_of(project))
    boxes = [_recipe(one) for one in rows]
    outputs = {one.output_id: one for one in rows if one.output_id}
    datasets = list(Dataset.objects.filter(project=project).select_related("job"))
    prints, newest = freshness.prints_of(datasets), stores.newest_of(project)
    measures = {one.metrics_id: one.name for one in rows if one.metrics_id}
    models = list(SavedModel.objects.filter(project=project).prefetch_related("versions"))
    active = freshness.active_of(project)
    items = [_dataset(one, outputs.get(one.pk), measures.get(one.pk), active) for one in datasets]
    trains = {one.saved_model_id: one.name for one in rows if one.kind == "train"}
    old = {one.pk: freshness.of_model(active.get(one.pk), prints) for one in models}
    items += [_saved_model(one, trains.get(one.pk), old[one.pk]) for one in models] + boxes
    judges = {(one.store_id, one.name): one for one in rows if one.store_id}
    for one in stores.stores_of(project):
        last = newest.get(one.pk)
        why = freshness.of_store(last, active.get(one.saved_model_id), prints)
        items.append(_store(one, last, why, judges.get((one.pk, last.recipe)) if last else None))
    items += _tables(rows)
    return graph.build(items, wirings(project))


def last_run(recipe: Recipe) -> Run | None:
    """The newest run; the recipe may come from `recipes_of` or from anywhere."""
    if hasattr(recipe, "latest"):
        return recipe.latest[0] if recipe.latest else None
    return recipe.runs.select_related("job", "version").order_by("-job_id").first()


def _last_written(recipe: Recipe) -> Run | None:
    """The newest of the runs of `recipes_of` but those that were cancelled: they wrote nothing."""
    runs: list[Run] = recipe.latest  # type: ignore[attr-defined]
    return next((run for run in runs if run.job.state != JobState.CANCELLED), None)


def last_done(recipe: Recipe) -> Run | None:
    """The newest run whose job has succeeded."""
    runs = recipe.runs.filter(job__state=JobState.SUCCEEDED)
    return runs.select_related("job__project", "version").order_by("-job_id").first()


def snapshot(recipe: Recipe) -> dict[str, Any]:
    """One recipe as REST shows it."""
    run = last_run(recipe)
    writes = {"train": recipe.saved_model, "evaluate": recipe.store}
    output = writes.get(recipe.kind, recipe.output)
    inputs = {"dataset": recipe.dataset.name}
    if recipe.kind != "train":
        inputs["saved_model"] = recipe.saved_model.name
    return {
        "name": recipe.name,
        "kind": recipe.kind,
        "inputs": inputs,
        "output": output.name if output else None,
        "rows": recipe.output.name if recipe.kind == "evaluate" and recipe.output else None,
        "metrics": recipe.metrics.name if recipe.metrics else None,
        "settings": recipe.settings,
        "compute": recipe.compute,
        "activate": recipe.activate,
        "job": run.job_id if run else None,
        "state": run.job.state if run else "never_run",
    }


def _dataset(
    one: Dataset, writer: Recipe | None, measured: str | None, active: dict[int, Version]
) -> graph.Item:
    run = _last_written(writer) if writer else None
    state, reason = one.state, one.reason
    if run is not None and run.job.state not in JOB_OVER:
        state, reason = "building", run.job.reason
    elif run is not None and run.job.state == JobState.FAILED:
        state, reason = "failed", run.job.reason
    elif run is not None and one.state == DatasetState.READY and writer is not None:
        reason = freshness.of_rows(writer, run, active.get(writer.saved_model_id))
        state = "out_of_date" if reason else state
    importing = one.job if one.state == DatasetState.IMPORTING else None
    return graph.Item(
        type="dataset",
        name=one.name,
        kind=one.kind,
        label=f"Dataset of {one.get_kind_display().lower()}",
        sub=_rows(one),
        state=state,
        reason=reason,
        job=importing.pk if importing else None,
        progress=importing.progress if importing else {},
        about={
            "rows": one.rows,
            "bytes": one.bytes,
            "by": writer.name if writer else measured,
            "teaches": one.kind == "images" or tables.described(one),
        },
    )


def _rows(one: Dataset) -> str:
    if one.state == DatasetState.PLANNED:
        return "not built yet"
    if one.state != DatasetState.READY:
        return one.get_state_display().lower()
    return words.plural(one.rows, "image" if one.kind == "images" else "row")


def _saved_model(one: SavedModel, recipe: str | None, old: str) -> graph.Item:
    versions = list(one.versions.all())
    active = next((version for version in versions if version.active), None)
    card = TASKS.get(one.task)
    task = card.label if card else one.task
    about: dict[str, Any] = {"versions": len(versions), "task": task, "recipe": recipe}
    if active:
        about |= {
            "active": active.number,
            "metric": saved.metric_label(one.task, active.metric),
            "score": saved.score_of(active),
            "shown": metric_text(
                saved.score_of(active), card.metrics.get(active.metric) if card else None
            )
            + (", may be too good" if lineage.too_good(active.facts) else ""),
            "device": active.facts.get("device", ""),
        }
    return graph.Item(
        type="saved_model",
        name=one.name,
        kind=one.task,
        label="Saved model",
        sub=f"v{active.number} active" if active else "no version yet",
        state="out_of_date" if old else "ready" if active else "planned",
        reason=old,
        about=about,
    )


def _store(
    one: EvaluationStore, last: Evaluation | None, old: str, writer: Recipe | None
) -> graph.Item:
    about: dict[str, Any] = {"model": one.saved_model.name, "by": writer.name if writer else None}
    if last:
        card = TASKS.get(one.saved_model.task)
        about |= {
            "evaluations": last.number,
            "metric": saved.metric_label(one.saved_model.task, last.metric),
            "shown": metric_text(
                stores.score_of(last), card.metrics.get(last.metric) if card else None
            ),
            "moved": last.drift.get("moved_count"),
        }
    return graph.Item(
        type="evaluation_store",
        name=one.name,
        kind=one.saved_model.task,
        label="Evaluation store",
        sub=f"{about['metric']} {about['shown']}" if last else "no evaluation yet",
        state="out_of_date" if old else "ready" if last else "planned",
        reason=old,
        about=about,
    )


def _recipe(one: Recipe) -> graph.Item:
    run = last_run(one)
    job = run.job if run else None
    return graph.Item(
        type="recipe",
        name=one.name,
        kind=one.kind,
        label=LABELS.get(one.kind, one.kind),
        state=job.state if job else "never_run",
        reason=job.reason if job else "",
        job=job.pk if job else None,
        progress=job.progress if job else {},
        about={"compute": in_words(one.compute), "activate": one.activate},
    )


def _tables(recipes: list[Recipe]) -> list[graph.Item]:
    """Where in a database rows go: a box a table, whoever writes it."""
    writers: dict[str, list[Recipe]] = {}
    for one in recipes:
        if name := sql_target.box(one.settings):
            writers.setdefault(name, []).append(one)
    return [_table(name, some) for name, some in writers.items()]


def _table(name: str, writers: list[Recipe]) -> graph.Item:
    """As the last run into it left it; one that was cancelled has written nothing."""
    runs = [(run.job, one) for one in writers for run in one.latest  # type: ignore[attr-defined]
            if sql_target.same(one.settings, run.job.spec)
            and run.job.state != JobState.CANCELLED]  # fmt: skip
    job, writer = max(runs, key=lambda run: run[0].pk, default=(None, writers[0]))
    state, reason, rows = "planned", "", None
    if job is not None and job.state not in JOB_OVER:
        state, reason = "building", job.reason
    elif job is not None and job.state == JobState.FAILED:
        state, reason = "failed", job.reason
    elif job is not None:
        state, rows = "ready", job.result.get("rows")
    settings = writer.settings
    where = {part: settings.get(part, "") for part in ("connection", "schema", "table")}
    return graph.Item(
        type="table",
        name=name,
        kind="sql",
        label="Table of a database",
        sub="not built yet" if state == "planned" else str(settings["connection"]),
        state=state,
        reason=reason,
        about={**where, "rows": rows, "by": writer.name},
    )


def in_words(compute: dict[str, Any]) -> str:
    """A compute choice as a short text."""
    return "; ".join([_where(compute), *_terms(compute)])


def _terms(compute: dict[str, Any]) -> list[str]:
    """What is unusual about it: sharing, order, limits."""
    said = []
    if compute.get("share") == "shared":
        memory = f", {words.size(compute['memory'])} of each" if compute.get("memory") else ""
        said.append(f"shared{memory}")
    if compute.get("priority"):
        said.append(f"priority {compute['priority']}")
    if compute.get("preemptible"):
        said.append("may be preempted")
    if compute.get("max_seconds"):
        said.append(f"at most {words.duration(compute['max_seconds'])}")
    return said


def _where(compute: dict[str, Any]) -> str:
    kind = compute.get("kind", "cpu")
    if kind == "any":
        name = f" ({compute['name']})" if compute.get("name") else ""
        several = int(compute.get("nodes") or 1)
        nodes = f" on {several} nodes at most" if several > 1 else ""
        return f"Automatic: {words.plural(int(compute.get('count', 1)), 'GPU')}{name}{nodes}"
    if kind == "gpus":
        uuids = compute.get("uuids", [])
        rows = Gpu.objects.filter(uuid__in=uuids).select_related("node")
        known = {gpu.uuid: f"GPU {gpu.index} on {gpu.node}" for gpu in rows}
        return ", ".join(known.get(uuid, "a GPU that is gone") for uuid in uuids)
    ranks = compute.get("ranks")
    return f"CPU, {words.plural(int(ranks), 'rank')}" if ranks else "CPU"


def design_in_words(recipe: Recipe) -> list[tuple[str, str]]:
    """What a training recipe trains with, by the labels of the cards."""
    card = ALGORITHMS.get(recipe.settings.get("algorithm", ""))
    design = recipe.settings.get("design", {})
    if card is None:
        return []
    params = recipe.settings.get("params", {})
    training = design.get("training", {})
    lines = params_in_words(card.params.of(recipe.saved_model.task), params)
    few = [one for one in card.training.fields if one.name in ("epochs", "batch_size", "optimizer")]
    lines += [(one.label, param_text(one, training.get(one.name))) for one in few]
    metric = saved.metric_label(recipe.saved_model.task, design.get("metric", ""))
    if search := retraining.search_in_words(recipe.settings):
        lines.append(("Search", search))
    return [("Algorithm", card.label), *lines, ("Chosen by", metric)]

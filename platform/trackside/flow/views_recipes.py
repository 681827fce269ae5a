"""Pages of recipes: a new scoring, one recipe with its compute, running it."""

from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from recipes.tasks import data_of
from trackside.accounts.gate import caller, signed_in
from trackside.compute.picking import keeping, picked, picker
from trackside.compute.requests import BadCompute
from trackside.datasets.models import Dataset, DatasetState
from trackside.flow import queries, reading, services
from trackside.flow.graph import Cycle
from trackside.flow.models import Recipe
from trackside.flow.recipes import NAME
from trackside.jobs.models import Job
from trackside.jobs.states import JOB_OVER
from trackside.lab.trouble import Refused
from trackside.projects.access import may_edit, project_for, row
from trackside.projects.models import Project, Role
from trackside.saved_models import queries as saved
from trackside.saved_models.bundles import BundleGone
from trackside.saved_models.models import SavedModel

TROUBLE = (services.BadRecipe, services.RecipeBusy, BadCompute, Cycle, Refused)


def field_of(wrong: Exception) -> str:
    return str(getattr(wrong, "field", "") or "")


@signed_in
@require_http_methods(["GET", "POST"])
def recipe_new(request: HttpRequest, key: str) -> HttpResponse:
    project = project_for(request.user, key, Role.EDITOR)
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            return _made(request, project)
        except TROUBLE as wrong:
            errors[field_of(wrong).partition(".uuids")[0] or "form"] = str(wrong)
    typed = request.POST if request.method == "POST" else request.GET
    datasets, models = _inputs(project, typed.get("dataset", ""), typed.get("model", ""))
    context = {
        "project": project,
        "datasets": datasets,
        "models": models,
        "groups": _by_kind(datasets),
        "one_process": all(one.kind == "table" for one in datasets),
        "picked_dataset": typed.get("dataset") or _first(datasets),
        "picked_model": typed.get("model") or _first(models),
        "typed": request.POST,
        "suggested": _suggested(project, typed.get("dataset") or _first(datasets)),
        "errors": errors,
        "picker": picker(request, picked(request.POST) if request.method == "POST" else {}),
        "click_id": uuid4().hex,
    }
    return render(request, "flow/new.html", context, status=422 if errors else 200)


def _inputs(project: Project, dataset: str, model: str) -> tuple[list[Dataset], list[SavedModel]]:
    """What can be scored and what can score; first what goes with the one that is named."""
    rows = Dataset.objects.filter(project=project).exclude(state=DatasetState.FAILED)
    active = SavedModel.objects.filter(project=project, versions__active=True).order_by("name")
    models, reads = list(active), {data_of(one.task) for one in active}
    datasets = [one for one in rows.order_by("name") if one.kind in reads]
    kinds = {one.kind for one in datasets if one.name == dataset}
    kinds = kinds or {data_of(one.task) for one in models if one.name == model}
    kinds = kinds or {one.kind for one in datasets[:1]}
    models.sort(key=lambda one: data_of(one.task) not in kinds)
    datasets.sort(key=lambda one: one.kind not in kinds)
    chosen = next((one for one in models if one.name == model), None)
    if chosen and not dataset:
        datasets.sort(key=lambda one: (one.kind not in kinds, bool(_unfit(one, chosen))))
    return datasets, models


def _unfit(dataset: Dataset, model: SavedModel) -> str:
    """Why the model cannot score the dataset today, as far as it is known."""
    version = saved.active_version(model)
    try:
        return reading.trouble(dataset, version) if version else ""
    except BundleGone as gone:
        return str(gone)


def _by_kind(datasets: list[Dataset]) -> list[tuple[str, list[Dataset]]]:
    kinds = dict.fromkeys(one.kind for one in datasets)
    label = {"images": "Images", "table": "Tables"}
    return [(label[kind], [one for one in datasets if one.kind == kind]) for kind in kinds]


def _first(rows: list[Any]) -> str:
    return rows[0].name if rows else ""


def _suggested(project: Project, dataset: str) -> str:
    """A free name for the output."""
    stem = f"{dataset or 'data'}_scored"[:74]
    taken = set(Dataset.objects.filter(project=project).values_list("name", flat=True))
    return next(
        one for one in (stem, *(f"{stem}_{n}" for n in range(2, 10_000))) if one not in taken
    )


@transaction.atomic
def _made(request: HttpRequest, project: Project) -> HttpResponse:
    """The recipe, and its run where that is asked for: refused, there is no recipe either."""
    user = caller(request)
    form = request.POST
    output = form.get("output", "").strip()
    dataset = Dataset.objects.filter(project=project, name=form.get("dataset", "")).first()
    model = SavedModel.objects.filter(project=project, name=form.get("model", "")).first()
    if dataset is None:
        raise services.BadRecipe("inputs.dataset", "Choose the dataset to score.")
    if model is None:
        raise services.BadRecipe("inputs.saved_model", "Choose the model that scores them.")
    wish = services.Wish(
        name=form.get("name", "").strip() or _name(project, output),
        kind="score",
        dataset=dataset,
        saved_model=model,
        output=output,
        compute=picked(form),
    )
    recipe = services.create_recipe(project, user, wish)
    if form.get("then") != "run":
        messages.success(request, f"The recipe {recipe} is in the Flow.")
        return redirect("recipe", project.key, recipe.name)
    return _run(request, recipe, None)


def _name(project: Project, output: str) -> str:
    stem = f"score {output}"[:74] if NAME.match(output) else "score"
    taken = set(Recipe.objects.filter(project=project).values_list("name", flat=True))
    return next(
        one for one in (stem, *(f"{stem} {n}" for n in range(2, 10_000))) if one not in taken
    )


@signed_in
@require_http_methods(["GET", "POST"])
def recipe(request: HttpRequest, key: str, name: str) -> HttpResponse:
    """One recipe. Its form saves; with `then=run` it runs as the form says, this time only."""
    role = Role.READER if request.method == "GET" else Role.EDITOR
    project = project_for(request.user, key, role)
    one = row(project, Recipe, name=name)
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            return _saved(request, one)
        except TROUBLE as wrong:
            errors[field_of(wrong).partition(".uuids")[0] or "form"] = str(wrong)
    last = queries.last_run(one)
    compute = _picked(request.POST, one) if request.method == "POST" else one.compute
    context = {
        "project": project,
        "recipe": one,
        "runs": one.runs.select_related("job", "version").order_by("-job_id")[:20],
        "running": last.job if last and last.job.state not in JOB_OVER else None,
        "ready": one.dataset.state == DatasetState.READY,
        "trouble": _unfit(one.dataset, one.saved_model) if one.kind == "score" else "",
        "one_process": data_of(one.saved_model.task) == "table",
        "batches": one.kind == "score" and data_of(one.saved_model.task) == "images",
        "compute_words": queries.in_words(one.compute),
        "picker": picker(request, compute),
        "errors": errors,
        "may_edit": may_edit(project),
        "click_id": uuid4().hex,
        "model": one.settings.get("params", {}) if one.kind == "train" else {},
        "design": queries.design_in_words(one) if one.kind == "train" else [],
    }
    return render(request, "flow/recipe.html", context, status=422 if errors else 200)


def _picked(form: QueryDict, one: Recipe) -> dict[str, Any]:
    return keeping(one.compute, picked(form))


def _saved(request: HttpRequest, one: Recipe) -> HttpResponse:
    form = request.POST
    if form.get("then") == "run":
        return _run(request, one, _picked(form, one))
    batch = form.get("batch", "")
    settings = {"batch": int(batch) if batch.isascii() and batch.isdigit() else batch}
    change = services.Change(
        compute=_picked(form, one),
        activate=form.get("activate") == "on" if one.kind == "train" else None,
        settings=settings if one.kind == "score" and batch else None,
    )
    services.change_recipe(one, change)
    messages.success(request, f"{one} is saved.")
    return redirect("recipe", one.project.key, one.name)


@signed_in
@require_POST
def recipe_run(request: HttpRequest, key: str, name: str) -> HttpResponse:
    """Run with the remembered compute: the Flow's button."""
    project = project_for(request.user, key, Role.EDITOR)
    one = row(project, Recipe, name=name)
    try:
        return _run(request, one, None)
    except TROUBLE as wrong:
        messages.error(request, str(wrong))
        return redirect("recipe", key, name)


def _run(request: HttpRequest, one: Recipe, compute: dict[str, Any] | None) -> HttpResponse:
    user = caller(request)
    click = request.POST.get("click_id", "")[:64] or None
    job: Job = services.run_recipe(one, user, compute, click_id=click)
    messages.success(request, f"{one} runs as job {job.pk}.")
    return redirect("job", one.project.key, job.pk)


@signed_in
@require_POST
def recipe_delete(request: HttpRequest, key: str, name: str) -> HttpResponse:
    project = project_for(request.user, key, Role.EDITOR)
    one = row(project, Recipe, name=name)
    try:
        services.delete_recipe(one)
    except services.RecipeBusy as busy:
        messages.error(request, str(busy))
        return redirect("recipe", key, name)
    messages.success(request, f"The recipe {name} is deleted. What it wrote stays.")
    return redirect("flow", key)

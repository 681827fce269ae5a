"""Pages of recipes: a new scoring, one recipe with its compute, running it."""

from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from recipes.algorithms import ALGORITHMS
from recipes.tasks import data_of
from trackside.accounts.gate import caller, signed_in
from trackside.compute.picking import keeping, picked, picker
from trackside.compute.requests import BadCompute
from trackside.datasets.models import Dataset, DatasetState
from trackside.flow import (
    choosing,
    kept_threshold,
    queries,
    retraining,
    scoring_form,
    services,
    sql_target,
    warm_start,
)
from trackside.flow.graph import Cycle
from trackside.flow.models import Recipe
from trackside.flow.recipes import NAME
from trackside.jobs import outputs
from trackside.jobs.kinds import cpu_alone, one_process
from trackside.jobs.models import Job
from trackside.jobs.states import JOB_OVER
from trackside.lab.trouble import Refused
from trackside.projects.access import may_edit, project_for, row
from trackside.projects.models import Project, Role
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
    offered = choosing.offered(request, project)
    form = scoring_form.for_new(project, request.POST if request.method == "POST" else None)
    scoring_form.tell(form, errors)
    context = {
        **offered,
        "settings_form": form,
        "tables": any(one.kind == "table" for one in offered["datasets"]),
        "offers": scoring_form.offers(offered["models"]),
        "suggested": _suggested(project, offered["picked_dataset"]),
        "errors": errors,
    }
    return render(request, "flow/new.html", context, status=422 if errors else 200)


def _suggested(project: Project, dataset: str) -> str:
    """A free name for the output."""
    return choosing.free(project.datasets, f"{dataset or 'data'}_scored", "_")


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
        settings=scoring_form.of_new(model, form),
        compute=picked(form),
    )
    recipe = services.create_recipe(project, user, wish)
    if form.get("then") != "run":
        messages.success(request, f"The recipe {recipe} is in the Flow.")
        return redirect("recipe", project.key, recipe.name)
    return _run(request, recipe, None)


def _name(project: Project, output: str) -> str:
    stem = f"score {output}" if NAME.fullmatch(output) else "score"
    return choosing.free(project.recipes, stem)


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
        "trouble": choosing.trouble(one),
        "one_process": one_process(one.kind, {"task": one.saved_model.task, **one.settings}),
        "batches": one.kind != "train" and data_of(one.saved_model.task) == "images",
        "compute_words": queries.in_words(one.compute),
        "picker": picker(request, compute, cpu_only=_cpu_only(one)),
        "settings_form": scoring_form.for_recipe(one, request.POST if errors else None),
        "scored": outputs.shown(done.job) if (done := queries.last_done(one)) else {},
        "repeated": sql_target.repeated(one, done.job.spec) if done else "",
        "errors": errors,
        "may_edit": may_edit(project),
        "click_id": uuid4().hex,
        "model": one.settings.get("params", {}) if one.kind == "train" else {},
        "design": queries.design_in_words(one) if one.kind == "train" else [],
        "found": retraining.found_in(one) if one.kind == "train" else {},
        "never": warm_start.never(one.settings) if one.kind == "train" else "",
        "how": warm_start.how(one.settings) if one.kind == "train" else "",
        "flags": {
            name: _flag(request.POST, one, name) if errors else one.settings.get(name, False)
            for name in retraining.FLAGS
        },
        "kept": kept_threshold.before(one),
        "search": retraining.search_in_words(one.settings) if one.kind == "train" else "",
    }
    return render(request, "flow/recipe.html", context, status=422 if errors else 200)


def _cpu_only(one: Recipe) -> str:
    if one.kind != "train":
        return scoring_form.cpu_only(one.saved_model)
    card = ALGORITHMS.get(one.settings.get("algorithm", ""))
    return cpu_alone(card, one.saved_model.task) if card else ""


def _picked(form: QueryDict, one: Recipe) -> dict[str, Any]:
    return keeping(one.compute, picked(form))


def _saved(request: HttpRequest, one: Recipe) -> HttpResponse:
    form = request.POST
    if form.get("then") == "run":
        other = scoring_form.changed(one, form)
        redo = _flag(form, one, "redo_search") if retraining.searched(one.settings) else None
        once = services.Once(
            _flag(form, one, "warm_start"), _activate(form, one), other, redo_search=redo
        )
        sql_target.check(one, other)
        return _run(request, one, _picked(form, one), once)
    batch = form.get("batch", "")
    settings: dict[str, Any] = {
        "batch": int(batch) if batch.isascii() and batch.isdigit() and len(batch) < 12 else batch
    }
    if one.kind == "train":
        settings = {name: form.get(name) == "on" for name in retraining.FLAGS}
    given = settings if one.kind == "train" or batch else scoring_form.changed(one, form)
    change = services.Change(
        compute=_picked(form, one),
        activate=_activate(form, one),
        settings=given,
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
        sql_target.check(one)
        return _run(request, one, None)
    except TROUBLE as wrong:
        messages.error(request, str(wrong))
        return redirect("recipe", key, name)


def _flag(form: QueryDict, one: Recipe, name: str) -> bool | None:
    return form.get(name) == "on" if one.kind == "train" else None


def _activate(form: QueryDict, one: Recipe) -> bool | None:
    return form.get("activate") == "on" if one.kind == "train" else None


def _run(
    request: HttpRequest,
    one: Recipe,
    compute: dict[str, Any] | None,
    once: services.Once | None = None,
) -> HttpResponse:
    user = caller(request)
    click = request.POST.get("click_id", "")[:64] or None
    job: Job = services.run_recipe(one, user, compute, click_id=click, once=once)
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

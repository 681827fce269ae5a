"""The form of a new evaluation recipe."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from trackside.accounts.gate import caller, signed_in
from trackside.compute.picking import picked
from trackside.datasets.models import Dataset
from trackside.flow import choosing, services
from trackside.flow.recipes import NAME
from trackside.flow.views_recipes import TROUBLE, field_of
from trackside.projects.access import project_for
from trackside.projects.models import Project, Role
from trackside.saved_models.models import EvaluationStore, SavedModel


@signed_in
@require_http_methods(["GET", "POST"])
def evaluation_new(request: HttpRequest, key: str) -> HttpResponse:
    project = project_for(request.user, key, Role.EDITOR)
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            return _made(request, project)
        except TROUBLE as wrong:
            errors[field_of(wrong).partition(".uuids")[0] or "form"] = str(wrong)
    offered = choosing.offered(request, project)
    histories = {one.name: _store_of(project, one.name) for one in offered["models"]}
    context = {
        **offered,
        "histories": histories,
        "one_process": all(one.kind == "table" for one in offered["datasets"]),
        "stores": EvaluationStore.objects.filter(project=project).order_by("name"),
        "suggested": histories.get(offered["picked_model"], ""),
        "errors": errors,
    }
    return render(request, "flow/new_evaluation.html", context, status=422 if errors else 200)


def _store_of(project: Project, model: str) -> str:
    """The store that this model has already, or a free name."""
    stores = EvaluationStore.objects.filter(project=project)
    before = stores.filter(saved_model__name=model).order_by("-pk").first()
    if before is not None:
        return before.name
    return choosing.free(stores, f"{model or 'model'} evaluations")


@transaction.atomic
def _made(request: HttpRequest, project: Project) -> HttpResponse:
    """The recipe, and its run where that is asked for: refused, there is no recipe either."""
    user, form = caller(request), request.POST
    dataset = Dataset.objects.filter(project=project, name=form.get("dataset", "")).first()
    model = SavedModel.objects.filter(project=project, name=form.get("model", "")).first()
    if dataset is None:
        raise services.BadRecipe("inputs.dataset", "Choose the dataset to judge by.")
    if model is None:
        raise services.BadRecipe("inputs.saved_model", "Choose the model to judge.")
    stem = f"evaluate on {dataset.name}"
    wish = services.Wish(
        name=form.get("name", "").strip()
        or choosing.free(project.recipes, stem if NAME.fullmatch(stem) else "evaluate"),
        kind="evaluate",
        dataset=dataset,
        saved_model=model,
        store=form.get("store", "").strip(),
        output=form.get("rows", "").strip(),
        metrics=form.get("metrics", "").strip(),
        compute=picked(form),
    )
    recipe = services.create_recipe(project, user, wish)
    if form.get("then") != "run":
        messages.success(request, f"The recipe {recipe} is in the Flow.")
        return redirect("recipe", project.key, recipe.name)
    click = form.get("click_id", "")[:64] or None
    job = services.run_recipe(recipe, user, None, click_id=click)
    messages.success(request, f"{recipe} runs as job {job.pk}.")
    return redirect("job", project.key, job.pk)

"""The list of analyses, a new one, deletion."""

import re
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from recipes.tasks import TASKS
from trackside.accounts.gate import caller, signed_in
from trackside.datasets import queries as datasets
from trackside.datasets.models import Dataset
from trackside.lab import queries, services, subjects, targets
from trackside.lab.models import Analysis
from trackside.lab.pages import analysis_of
from trackside.projects.access import may_edit, project_for
from trackside.projects.models import Project, Role

UNNAMEABLE = re.compile(r"[^A-Za-z0-9 ._-]")


@signed_in
@require_GET
def analyses(request: HttpRequest, key: str) -> HttpResponse:
    project = project_for(request.user, key)
    rows = queries.analyses_of(project)
    for one in rows:
        one.card = queries.card_of(one)  # type: ignore[attr-defined]
        one.task_label = TASKS[one.task].label  # type: ignore[attr-defined]
    context = {
        "project": project,
        "analyses": rows,
        "may_edit": may_edit(project),
        "any_dataset": Dataset.objects.filter(project=project).exists(),
    }
    return render(request, "lab/list.html", context)


@signed_in
@require_http_methods(["GET", "POST"])
def analysis_new(request: HttpRequest, key: str) -> HttpResponse:
    """`?dataset=` chooses one; the name is suggested from it."""
    project = project_for(request.user, key, Role.EDITOR)
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            made = _create(request, project)
            return redirect("analysis", key, made.name)
        except services.BadDesign as bad:
            errors = bad.errors
        except services.Refused as refused:
            errors = {"dataset": str(refused)}
    rows = datasets.datasets_of(project)
    wanted = request.POST.get("dataset") or request.GET.get("dataset", "")
    chosen = next((one for one in rows if one.name == wanted), None)
    for one in rows:
        one.why_not = _why_not(one)  # type: ignore[attr-defined]
    usable = [one for one in rows if not one.why_not]  # type: ignore[attr-defined]
    first = chosen if chosen in usable else next(iter(usable), chosen)
    aim = _aim(request, first) if first in usable else {}
    context = {
        "project": project,
        "datasets": rows,
        "chosen": first,
        "errors": errors,
        "typed": request.POST.get("name")
        or (suggest_name(project, first, aim.get("target", "")) if first else ""),
        **aim,
    }
    return render(request, "lab/new.html", context, status=422 if errors else 200)


def _aim(request: HttpRequest, dataset: Dataset) -> dict[str, Any]:
    """What can be predicted: the tasks, and of a table its columns with the one that is chosen."""
    tasks = [one for one in TASKS.values() if one.data == dataset.kind]
    columns = subjects.columns_of(dataset)
    if not columns:
        return {"tasks": [{"card": one, "why": ""} for one in tasks], "task": tasks[0].name}
    asked = request.POST.get("target") or request.GET.get("target", "")
    found = next((one for one in columns if one["name"] == asked), None)
    if found is None:
        return {"columns": columns, "target": ""}
    hint = targets.suggest(found, dataset.rows)
    why = {one.name: targets.refuse(one.name, found, dataset.rows) for one in tasks}
    return {
        "columns": columns,
        "target": found["name"],
        "hint": hint,
        "tasks": [{"card": one, "why": why[one.name]} for one in tasks] if hint.task else [],
        "task": request.POST.get("task") or hint.task,
    }


def _why_not(dataset: Dataset) -> str:
    """Why no model can be trained on it, as a sentence; empty when one can."""
    try:
        subjects.ready(dataset)
    except services.Refused as refused:
        return str(refused)
    return ""


def _create(request: HttpRequest, project: Project) -> Analysis:
    user = caller(request)
    name = request.POST.get("dataset", "")
    dataset = Dataset.objects.filter(project=project, name=name).first()
    if dataset is None:
        raise services.BadDesign({"dataset": "Choose the dataset to learn from."})
    target = {"images": "label"}.get(dataset.kind) or request.POST.get("target", "")
    if not target:
        raise services.BadDesign({"target": "Choose the column to predict."})
    return services.create_analysis(
        project,
        user,
        request.POST.get("name", ""),
        dataset,
        target,
        task=request.POST.get("task") or None,
    )


def suggest_name(project: Project, dataset: Dataset, target: str = "") -> str:
    """`insects classifier` or `Predict income on adult`, with a number when that is taken."""
    plain = UNNAMEABLE.sub("_", target)
    named = {"images": f"{dataset.name} classifier", "table": f"Predict {plain} on {dataset.name}"}
    if dataset.kind == "table" and not target:
        return ""
    stem = named[dataset.kind][:74]
    taken = set(Analysis.objects.filter(project=project).values_list("name", flat=True))
    names = (stem, *(f"{stem} {n}" for n in range(2, len(taken) + 3)))
    return next(one for one in names if one not in taken)


@signed_in
@require_POST
def analysis_delete(request: HttpRequest, key: str, name: str) -> HttpResponse:
    user = caller(request)
    _, analysis = analysis_of(request, key, name, Role.EDITOR)
    try:
        services.delete_analysis(analysis, user)
    except services.Refused as refused:
        messages.error(request, str(refused))
        return redirect("analysis", key, name)
    messages.success(request, f"{name} was deleted.")
    return redirect("analyses", key)

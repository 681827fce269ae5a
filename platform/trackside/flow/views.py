"""The page of the Flow, and deploying into it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from trackside.accounts.gate import caller, signed_in
from trackside.flow import queries, services
from trackside.flow.actions import shown
from trackside.lab.models import TrainedModel
from trackside.projects.access import may_edit, project_for, row
from trackside.projects.models import Role
from trackside.saved_models.models import SavedModel


@signed_in
@require_GET
def flow(request: HttpRequest, key: str) -> HttpResponse:
    """The page; `?format=json` is what its script fetches when something has changed."""
    project = project_for(request.user, key)
    graph = shown(queries.flow_of(project), project, may_edit(project))
    if request.GET.get("format") == "json":
        return JsonResponse(graph)
    context = {
        "project": project,
        "graph": graph,
        "may_edit": may_edit(project),
        "saved": any(node["type"] == "saved_model" for node in graph["nodes"]),
        "analyses": project.analyses.exists(),
    }
    return render(request, "flow/flow.html", context)


@signed_in
@require_POST
def deploy(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """The form on a trained model's page: `name`, and `activate` for an existing saved model."""
    project = project_for(request.user, key, Role.EDITOR)
    trained = row(project, TrainedModel, through="session__analysis__project", pk=number)
    user = caller(request)
    name = request.POST.get("name", "").strip()
    active = request.POST.get("activate", "on") in ("on", "1", "true")
    try:
        saved = services.deploy(trained, name, user, active=active)
    except services.BadRecipe as bad:
        messages.error(request, str(bad))
        return redirect("trained_model", key, number)
    messages.success(request, said(saved))
    return redirect("saved_model", key, saved.name)


def said(saved: SavedModel) -> str:
    newest = saved.versions.order_by("-number")[0]
    state = "and is active" if newest.active else "and is not active yet"
    return f"{saved} has version {newest.number}, {state}. Its training recipe is in the Flow."

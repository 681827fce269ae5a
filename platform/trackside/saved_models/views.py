"""Pages of saved models: the list, the versions of one and their bundles."""

from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from recipes.tasks import TASKS
from trackside.accounts.gate import caller, signed_in
from trackside.accounts.services import audit
from trackside.accounts.views import safe_next
from trackside.projects.access import may_edit, project_for, row
from trackside.projects.models import Role
from trackside.saved_models import bundles, engines, lineage, queries, services
from trackside.saved_models.models import SavedModel, Version
from trackside.ui import words
from trackside.ui.streaming import streamed


@signed_in
@require_GET
def saved_models(request: HttpRequest, key: str) -> HttpResponse:
    project = project_for(request.user, key)
    rows = queries.saved_models_of(project).annotate(n=Count("versions"))
    cards = [{"model": one, **_active(one)} for one in rows]
    context = {"project": project, "cards": cards, "may_edit": may_edit(project)}
    return render(request, "saved_models/list.html", context)


def _active(one: SavedModel) -> dict[str, Any]:
    version = queries.active_version(one)
    card = TASKS.get(one.task)
    return {
        "task": card.label if card else one.task,
        "data": card.data if card else "images",
        "active": version,
        "too_good": lineage.too_good(version.facts) if version else "",
        "score": _shown(one.task, version.metric, queries.score_of(version)) if version else "",
        "metric": queries.metric_label(one.task, version.metric) if version else "",
    }


def _shown(task: str, metric: str, value: float | None) -> str:
    """A metric's value as its card says."""
    card = TASKS.get(task)
    known = card.metrics.get(metric) if card else None
    return words.figure(value, known.percent, known.unit) if known else words.figure(value)


@signed_in
@require_GET
def saved_model(request: HttpRequest, key: str, name: str) -> HttpResponse:
    project = project_for(request.user, key)
    one = row(project, SavedModel, name=name)
    versions, searched = list(queries.versions_of(one)), queries.searched(one)
    context = {
        "project": project,
        "model": one,
        **_active(one),
        "versions": [_line(one, version, version.number in searched) for version in versions],
        "columns": _columns(one, versions),
        "compared": engines.shown(one, versions, request.GET.get("engines", "")),
        "retrain": one.recipes.filter(kind="train").first(),
        "users": one.recipes.filter(kind="score"),
        "may_edit": may_edit(project),
    }
    return render(request, "saved_models/saved_model.html", context)


def _columns(one: SavedModel, versions: list[Version]) -> list[dict[str, Any]]:
    """The metrics of the table: the chosen one first, then those that every version has."""
    names = list(versions[0].metrics) if versions else []
    first = versions[0].metric if versions else ""
    card = TASKS.get(one.task)
    known = card.metrics if card else {}
    names.sort(key=lambda name: (name != first, list(known).index(name) if name in known else 99))
    return [
        {
            "name": name,
            "label": queries.metric_label(one.task, name),
            "help": known[name].definition if name in known else "",
        }
        for name in names[:4]
    ]


def _line(one: SavedModel, version: Version, searched: bool) -> dict[str, Any]:
    scores = {
        name: _shown(one.task, name, value if isinstance(value, int | float) else None)
        for name, value in version.metrics.items()
    }
    return {
        "version": version,
        "scores": scores,
        "facts": version.facts,
        "stands_on": lineage.short(version.facts),
        "too_good": lineage.too_good(version.facts),
        "search": searched and bundles.search(version) is not None,
    }


@signed_in
@require_POST
def activate(request: HttpRequest, key: str, name: str, number: int) -> HttpResponse:
    version = _version(request, key, name, number, Role.EDITOR)
    user = caller(request)
    services.activate(version)
    audit(user, "version activated", f"{key}/{version}")
    messages.success(request, f"Version {number} is active: recipes score with it from now on.")
    return redirect(safe_next(request, reverse("saved_model", args=[key, name])))


@signed_in
@require_POST
def version_delete(request: HttpRequest, key: str, name: str, number: int) -> HttpResponse:
    version = _version(request, key, name, number, Role.EDITOR)
    user = caller(request)
    try:
        services.delete_version(version)
    except services.Refused as refused:
        messages.error(request, str(refused))
    else:
        audit(user, "version deleted", f"{key}/{version}")
        messages.success(request, f"Version {number} is deleted.")
    return redirect("saved_model", key, name)


@signed_in
@require_GET
def bundle(request: HttpRequest, key: str, name: str, number: int) -> HttpResponseBase:
    version = _version(request, key, name, number)
    user = caller(request)
    try:
        bundles.folder(version)
    except bundles.BundleGone as gone:
        raise Http404(str(gone)) from None
    audit(user, "download", f"{key}/{version} bundle")
    return streamed(
        request,
        bundles.tar(version),
        content_type="application/x-tar",
        filename=bundles.tar_name(version),
    )


def _version(
    request: HttpRequest, key: str, name: str, number: int, role: Role = Role.READER
) -> Version:
    project = project_for(request.user, key, role)
    through = "saved_model__project"
    return row(project, Version, through=through, saved_model__name=name, number=number)

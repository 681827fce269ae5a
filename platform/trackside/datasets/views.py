"""Pages of datasets: the list, the upload, one dataset with its tabs."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from trackside.accounts.gate import caller, error_json, signed_in
from trackside.connections.access import usable
from trackside.datasets import (
    from_database,
    queries,
    reading,
    reading_form,
    replacing,
    sending,
    services,
    tables,
)
from trackside.datasets.models import Dataset, DatasetState
from trackside.datasets.pages import images_tab, problems_tab, summary_tab
from trackside.datasets.pages_table import columns_tab, rows_tab, table_problems_tab
from trackside.projects.access import may_edit, project_for
from trackside.projects.models import Project, Role

TABS: dict[str, Callable[[HttpRequest, Dataset], dict[str, Any]]] = {
    "images": images_tab,
    "summary": summary_tab,
    "problems": problems_tab,
    "rows": rows_tab,
    "columns": columns_tab,
    "table_problems": table_problems_tab,
}


@signed_in
@require_GET
def datasets(request: HttpRequest, key: str) -> HttpResponse:
    project = project_for(request.user, key)
    rows = queries.datasets_of(project)
    context = {"project": project, "datasets": rows, "may_edit": may_edit(project)}
    context["databases"] = usable(project).exists()
    return render(request, "datasets/list.html", context)


@signed_in
@require_http_methods(["GET", "POST"])
def dataset_new(request: HttpRequest, key: str) -> HttpResponse:
    """A script sends the file and reads JSON; without scripts it is an ordinary form."""
    project = project_for(request.user, key, Role.EDITOR)
    trouble: services.BadDataset | None = None
    if request.method == "POST":
        try:
            made = _upload(request, project)
        except services.BadDataset as bad:
            trouble = bad
        else:
            return sending.sent(request, resolve_url("dataset", project.key, made.name))
    if trouble is not None and sending.wants_json(request):
        return error_json(trouble.code, trouble.message, trouble.status, trouble.field)
    context = {
        "project": project,
        "trouble": trouble,
        "typed": request.POST.get("name", ""),
        "click_id": uuid4().hex,
        "most": settings.UPLOAD_MAX_BYTES,
        "accepted": reading.ACCEPTED,
        "kinds": reading.KINDS,
        "kind": request.POST.get("kind", "auto"),
        "databases": usable(project).exists(),
        **reading_form.choices(request.POST),
    }
    return render(request, "datasets/new.html", context, status=trouble.status if trouble else 200)


def _upload(request: HttpRequest, project: Project) -> Dataset:
    given, click = sending.file_of(request), sending.click_of(request)
    wish = reading.Wish(
        kind=request.POST.get("kind") or "auto", read=reading_form.from_form(request.POST)
    )
    return services.upload(
        project, caller(request), request.POST.get("name", ""), given, wish, click_id=click
    )


@signed_in
@require_GET
def dataset(request: HttpRequest, key: str, name: str) -> HttpResponse:
    """Importing, failed or planned have a page of their own; a ready one has tabs."""
    project = project_for(request.user, key)
    one = queries.dataset_for(project, name)
    context = {"project": project, "dataset": one, "may_edit": may_edit(project)}
    context["source"] = from_database.source_of(one)
    if one.state != DatasetState.READY:
        spec = one.job.spec if one.job else {}
        context |= reading_form.choices(reading_form.as_form(spec.get("read") or {}))
        return render(request, "datasets/waiting.html", context)
    tabs = _tabs(one)
    tab = request.GET.get("tab", "")
    tab = tab if tab in tabs else next(iter(tabs))
    context |= {"tab": tab, "tabs": tabs, "parquet": tables.is_parquet(one)}
    context["replaceable"] = replacing.possible(one)
    if not one.reason:
        context["since"] = from_database.since(one, request.GET.get("before", ""))
    context |= TABS[tabs[tab]](request, one)
    return render(request, f"datasets/{tabs[tab]}.html", context)


def _tabs(one: Dataset) -> dict[str, str]:
    """What the address calls each tab: its entry of TABS and its template."""
    if one.kind == "images":
        return {"images": "images", "summary": "summary", "problems": "problems"}
    if tables.imported(one):
        return {"rows": "rows", "columns": "columns", "problems": "table_problems"}
    if tables.described(one):
        return {"rows": "rows", "columns": "columns"}
    return {"rows": "rows"}


@signed_in
@require_POST
def keep(request: HttpRequest, key: str, name: str) -> HttpResponse:
    project = project_for(request.user, key, Role.EDITOR)
    one = queries.dataset_for(project, name)
    given = request.POST.getlist("problem")
    wanted = [int(raw) for raw in given if raw.isdecimal() and len(raw) < 19]
    kept = services.keep(one, wanted[:1000])
    said = f"{kept} image{'' if kept == 1 else 's'} kept." if kept else "Nothing was left to keep."
    messages.success(request, said)
    return redirect(f"{resolve_url('dataset', project.key, one.name)}?tab=problems")


@signed_in
@require_POST
def retry(request: HttpRequest, key: str, name: str) -> HttpResponse:
    project = project_for(request.user, key, Role.EDITOR)
    one = queries.dataset_for(project, name)
    try:
        services.retry(one, caller(request), _read_anew(request, one))
    except services.Refused as refused:
        messages.error(request, str(refused))
    return redirect("dataset", project.key, one.name)


def _read_anew(request: HttpRequest, one: Dataset) -> reading.Read | None:
    """None: as it was read before."""
    if "delimiter" not in request.POST or one.job is None:
        return None
    return reading_form.from_form(request.POST, one.job.spec.get("read"))


@signed_in
@require_POST
def delete(request: HttpRequest, key: str, name: str) -> HttpResponse:
    project = project_for(request.user, key, Role.EDITOR)
    one = queries.dataset_for(project, name)
    try:
        services.delete(one, caller(request))
    except services.Refused as refused:
        messages.error(request, str(refused))
        return redirect("dataset", project.key, one.name)
    messages.success(request, f"{one.name} is deleted.")
    return redirect("datasets", project.key)

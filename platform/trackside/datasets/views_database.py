"""A new dataset from a database: what there is, how it begins, and the import of it."""

from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.http import require_http_methods, require_POST

from trackside.accounts.gate import caller, signed_in
from trackside.connections import looking
from trackside.connections.access import connection_for, usable
from trackside.connections.models import Connection
from trackside.datasets import from_database, queries
from trackside.datasets.trouble import BadDataset, Refused
from trackside.projects.access import project_for
from trackside.projects.models import Project, Role

SHOWN = 200  # tables at once; the search finds the others
FIELDS = ("connection", "what", "schema", "table", "query", "name", "q")


@signed_in
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest, key: str) -> HttpResponse:
    project = project_for(request.user, key, Role.EDITOR)
    trouble: BadDataset | None = None
    if request.method == "POST":
        try:
            source = from_database.checked(project, _wish(request))
            click = request.POST.get("click_id", "")[:64] or None
            name = request.POST.get("name", "")
            made = from_database.begin(project, caller(request), name, source, click_id=click)
        except BadDataset as bad:
            trouble = bad
        else:
            return redirect("dataset", project.key, made.name)
    context = _context(request, project)
    context |= {"trouble": trouble, "click_id": uuid4().hex}
    status = trouble.status if trouble else 200
    return render(request, "datasets/from_database.html", context, status=status)


def _wish(request: HttpRequest) -> dict[str, str]:
    """What the form says: of a table and a query the one that is chosen."""
    left_out = "table" if request.POST.get("what") == "query" else "query"
    names = ("connection", "schema", "table", "query")
    return {name: request.POST.get(name, "") for name in names if name != left_out}


def _context(request: HttpRequest, project: Project) -> dict[str, Any]:
    """A connection is chosen at once where there is one alone."""
    sent = request.POST if request.method == "POST" else request.GET
    known = list(usable(project))
    chosen = next((one for one in known if one.name == sent.get("connection")), None)
    chosen = chosen or (known[0] if len(known) == 1 else None)
    shown: dict[str, Any] = {name: sent.get(name, "") for name in FIELDS}
    context = {"project": project, "connections": known, "chosen": chosen, "sent": shown}
    return {**context, **(_found(chosen, shown) if chosen else {})}


def _found(chosen: Connection, shown: dict[str, Any]) -> dict[str, Any]:
    """Its schemas and tables, or why they cannot be shown."""
    try:
        found = looking.offered(chosen, shown["schema"], loose=True)
    except looking.NoLook as no:
        return {"unseen": str(no)}
    part = shown["q"].strip().lower()
    fits = [one for one in found.tables if part in one["name"].lower()]
    return {
        "schemas": found.schemas,
        "schema": found.schema,
        "tables": fits[:SHOWN],
        "fitting": len(fits),
        "all": len(found.tables),
    }


@signed_in
@require_POST
def preview(request: HttpRequest, key: str) -> HttpResponse:
    """The first rows, as a part of the page. A sentence stands there where there are none."""
    project = project_for(request.user, key, Role.EDITOR)
    context: dict[str, Any] = {"project": project, "most": looking.ROWS}
    connection = connection_for(project, request.POST.get("connection", ""))
    wish = _wish(request)
    if wish.get("table") or wish.get("query", "").strip():
        try:
            found = context["preview"] = looking.preview(connection, wish)
            kinds = [one["type"] for one in found.columns]
            context["rows"] = [list(zip(row, kinds, strict=True)) for row in found.rows]
        except looking.NoLook as no:
            context["no"] = str(no)
    return render(request, "datasets/_preview.html", context)


@signed_in
@require_POST
def read_again(request: HttpRequest, key: str, name: str) -> HttpResponse:
    project = project_for(request.user, key, Role.EDITOR)
    one = queries.dataset_for(project, name)
    there = resolve_url("dataset", project.key, one.name)
    try:
        from_database.read_again(one, caller(request))
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect(there)
    return redirect(f"{there}?{urlencode({'before': from_database.mark(one)})}")

"""What the pages of a table ask for: windows of its rows, and the correction of its types."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, resolve_url
from django.views.decorators.http import require_GET, require_POST

from trackside.accounts.gate import error_json, signed_in
from trackside.accounts.models import User
from trackside.datasets import corrections, queries, reading, reading_form, tables
from trackside.datasets.cells import SHOWN, shown
from trackside.datasets.columns_kept import Column
from trackside.datasets.trouble import Refused
from trackside.projects.access import project_for
from trackside.projects.models import Role

ROWS_MOST, COLUMNS_MOST = 200, 100  # of one window
PREFIX = "type."  # and the column's place


@signed_in
@require_GET
def rows(request: HttpRequest, key: str, name: str) -> HttpResponse:
    """`{"rows": [[text or null]]}`: `limit` rows from `offset`, `count` columns from `first`.

    `v` is the fingerprint that the page shows: 409 when the table is another one by now.
    """
    project = project_for(request.user, key)
    one = queries.dataset_for(project, name)
    asked = [_whole(request, field) for field in ("offset", "limit", "first", "count")]
    if None in asked:
        sentence = "offset, limit, first and count must be whole numbers from 0 on."
        return error_json("invalid", sentence, 422)
    offset, limit, first, count = (one or 0 for one in asked)
    if limit > ROWS_MOST or count > COLUMNS_MOST:
        sentence = f"A window has {ROWS_MOST} rows and {COLUMNS_MOST} columns at most."
        return error_json("too_large", sentence, 422)
    table = tables.table(one)
    if request.GET.get("v", one.fingerprint) != one.fingerprint:
        sentence = f"{one.name} was imported anew. Load the page again."
        return error_json("changed", sentence, 409)
    columns = tables.in_order(one, table.names)[first : first + count]
    found = table.window(offset, limit, columns, cut=SHOWN)
    answer = JsonResponse({"rows": [[shown(cell) for cell in row] for row in found]})
    answer["Cache-Control"] = "private, no-store"
    return answer


def _whole(request: HttpRequest, field: str) -> int | None:
    raw = request.GET.get(field, "")
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 16 else None


@signed_in
@require_POST
def types(request: HttpRequest, key: str, name: str) -> HttpResponse:
    """The types of the page's columns and how the file is read; then the import is shown."""
    project = project_for(request.user, key, Role.EDITOR)
    one = queries.dataset_for(project, name)
    back = f"{resolve_url('dataset', project.key, one.name)}?tab=columns"
    assert isinstance(request.user, User)  # noqa: S101 - @signed_in promised it
    read = None
    try:
        if "delimiter" in request.POST:
            read = reading_form.from_form(request.POST, one.facts.get("read"))
        seen = request.POST.get("seen", "")[:64]
        corrections.correct(one, request.user, _changes(request, tables.columns(one)), read, seen)
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect(back)


def _changes(request: HttpRequest, columns: list[Column]) -> reading.Types:
    """The columns whose type was changed: of the others the form tells what they have."""
    told: reading.Types = {}
    for field in request.POST:
        kind = str(request.POST[field])
        place = field.removeprefix(PREFIX)
        if place == field or not (place.isascii() and place.isdigit() and len(place) < 9):
            continue
        if int(place) < len(columns) and kind != columns[int(place)]["type"]:
            told[columns[int(place)]["name"]] = kind
    return told

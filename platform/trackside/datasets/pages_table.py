"""What each tab of a table's page shows."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest

from trackside.datasets import corrections, reading, reading_form, tables
from trackside.datasets.models import Dataset, Problem
from trackside.datasets.profile import Portrait, portrait

COLUMNS = 50  # of one page
LETTER, GAP, CHIP = 7.2, 26, 44  # px: what a column's name and its type take
NARROW, WIDE = 92, 320  # px
GENEROUS = {"text": 170, "string": 170, "datetime": 170, "date": 110, "number": 104}
SHARE = 150


def rows_tab(request: HttpRequest, dataset: Dataset) -> dict[str, Any]:
    """The grid draws itself and asks for windows of the rows; here is what it has to know."""
    known = {one["name"]: one for one in tables.columns(dataset)}
    names = tables.table(dataset).names
    columns = [_head(name, known.get(name, {}), dataset.rows) for name in names]
    return {"sheet": {"rows": dataset.rows, "columns": columns, "version": dataset.fingerprint}}


def _head(name: str, column: tables.Column, rows: int) -> dict[str, Any]:
    kind = str(column.get("type", ""))
    share = name.startswith("proba_")
    named = GAP + CHIP + LETTER * len(name)
    return {
        "name": name,
        "type": kind,
        "width": SHARE if share else int(min(WIDE, max(NARROW, GENEROUS.get(kind, 0), named))),
        "missing": round(100 * (column.get("missing") or 0) / rows, 1) if rows else 0,
        "share": share,
        "right": kind in ("integer", "number") and not share,
    }


def columns_tab(request: HttpRequest, dataset: Dataset) -> dict[str, Any]:
    """A card for each column, with its type to correct."""
    columns = list(enumerate(tables.columns(dataset)))
    query = request.GET.get("q", "").strip()[:200]
    only = request.GET.get("only") == "warned"
    found = [
        (place, one)
        for place, one in columns
        if query.lower() in one["name"].lower() and (one.get("warnings") or not only)
    ]
    page = Paginator(found, COLUMNS).get_page(request.GET.get("page"))
    portraits: list[Portrait] = [portrait(place, one, dataset.rows) for place, one in page]
    return {
        "page": page,
        "portraits": portraits,
        "query": query,
        "only": only,
        "warned": sum(bool(one.get("warnings")) for _, one in columns),
        "all": len(columns),
        "types": reading.TYPES,
        "find_out": corrections.FIND_OUT,
        "delimiter": reading_form.DELIMITERS.get(dataset.facts.get("delimiter") or "", "unusual"),
        "refusal": corrections.refusal(dataset),
        **reading_form.choices(reading_form.as_form(dataset.facts.get("read") or {})),
    }


def table_problems_tab(request: HttpRequest, dataset: Dataset) -> dict[str, Any]:
    """Every line and value that could not be taken as it stood."""
    rows = Problem.objects.filter(dataset=dataset).order_by("id")
    return {"page": Paginator(rows, 100).get_page(request.GET.get("page"))}

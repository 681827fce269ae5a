"""What each tab of a table's page shows."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest

from trackside.datasets import corrections, reading, reading_form, tables
from trackside.datasets.cells import shown
from trackside.datasets.columns_kept import Column
from trackside.datasets.models import Dataset, Problem
from trackside.datasets.profile import Portrait, portrait

COLUMNS = 50  # of one page
FIRST = (20, 12)  # rows and columns that are there without a script
CUT = 80  # characters of their texts


def rows_tab(request: HttpRequest, dataset: Dataset) -> dict[str, Any]:
    """The grid draws itself and asks for windows of the rows; here is what it has to know.

    A column is `[name, type, percent missing]`: of 10,000 of them each word would weigh.
    """
    table = tables.table(dataset)  # first: from here on the dataset is the one of these rows
    known = {one["name"]: one for one in tables.columns(dataset)}
    order = tables.in_order(dataset, table.names)
    shown_names = [table.names[place] for place in order]
    columns = [_head(name, known.get(name, {}), dataset.rows) for name in shown_names]
    return {
        "sheet": {"rows": dataset.rows, "columns": columns, "version": dataset.fingerprint},
        "names": shown_names[: FIRST[1]],
        "first": [
            [shown(one, CUT) for one in row]
            for row in table.window(0, FIRST[0], order[: FIRST[1]], cut=CUT)
        ],
    }


def _head(name: str, column: Column, rows: int) -> list[Any]:
    missing = round(100 * (column.get("missing") or 0) / rows, 1) if rows else 0
    return [name, str(column.get("type", "")), missing]


def columns_tab(request: HttpRequest, dataset: Dataset) -> dict[str, Any]:
    """A card for each column, with its type to correct."""
    listed = tables.columns(dataset)
    order = tables.in_order(dataset, [one["name"] for one in listed])
    columns = [(place, listed[place]) for place in order]
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
        "gaps": reading_form.gaps(dataset.facts),
        **reading_form.choices(reading_form.as_form(dataset.facts.get("read") or {})),
    }


def table_problems_tab(request: HttpRequest, dataset: Dataset) -> dict[str, Any]:
    """Every line and value that could not be taken as it stood."""
    rows = Problem.objects.filter(dataset=dataset).order_by("id")
    return {
        "page": Paginator(rows, 100).get_page(request.GET.get("page")),
        "warned": sum(bool(one.get("warnings")) for one in tables.columns(dataset)),
    }

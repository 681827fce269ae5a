"""What each tab of a dataset's page shows."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest

from trackside.datasets import queries
from trackside.datasets.models import Dataset, Problem

PAGE = 60
ROWS = 50


def images_tab(request: HttpRequest, dataset: Dataset) -> dict[str, Any]:
    """The grid: 60 pictures a page, by class and split."""
    label, split = request.GET.get("label"), request.GET.get("split")
    names = [one["name"] for one in dataset.facts.get("classes", [])]
    splits = list(dataset.facts.get("splits", {}))
    label = label if label in names else None
    split = split if split in splits else None
    page = Paginator(queries.pictures(dataset, label, split), PAGE).get_page(
        request.GET.get("page")
    )
    return {"page": page, "label": label, "split": split, "labels": names, "splits": splits}


def summary_tab(request: HttpRequest, dataset: Dataset) -> dict[str, Any]:
    """Classes with bars, splits, sizes."""
    facts = dataset.facts
    classes = facts.get("classes", [])
    by_split = facts.get("by_split", {})
    splits = list(facts.get("splits", {}))
    rows = [
        {
            "name": one["name"],
            "count": one["count"],
            "splits": [by_split.get(one["name"], {}).get(split, 0) for split in splits],
        }
        for one in sorted(classes, key=lambda one: (-one["count"], one["name"]))
    ]
    histogram = facts.get("histogram", [])
    return {
        "classes": rows,
        "splits": splits,
        "split_counts": list(facts.get("splits", {}).items()),
        "most": max((one["count"] for one in classes), default=0),
        "histogram": histogram,
        "tallest": max((one["count"] for one in histogram), default=0),
        "rare": [one["name"] for one in classes if one["count"] < RARE],
    }


RARE = 20  # pictures of a class below which a model can hardly learn it


def problems_tab(request: HttpRequest, dataset: Dataset) -> dict[str, Any]:
    """Every file that was left out or kept with a remark, and why."""
    rows = Problem.objects.filter(dataset=dataset).order_by("kept", "-can_keep", "id")
    return {
        "page": Paginator(rows, 100).get_page(request.GET.get("page")),
        "left": rows.filter(kept=False).count(),
        "keepable": rows.filter(kept=False, can_keep=True).count(),
    }


def rows_tab(request: HttpRequest, dataset: Dataset) -> dict[str, Any]:
    """A window of the table that a scoring recipe wrote."""
    pages = Paginator(range(dataset.rows), ROWS)
    page = pages.get_page(request.GET.get("page"))
    table = queries.table_rows(dataset, page.start_index() - 1 if dataset.rows else 0, ROWS)
    shares = [name.startswith("proba_") for name in table["columns"]]
    rows = [
        [_cell(value, share) for value, share in zip(row, shares, strict=False)]
        for row in table["rows"]
    ]
    return {"page": page, "columns": table["columns"], "rows": rows, "shares": shares}


def _cell(value: str, share: bool) -> dict[str, Any]:
    try:
        return {"text": value, "share": float(value) if share else None}
    except ValueError:
        return {"text": value, "share": None}

"""What each tab of a dataset's page shows."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest

from trackside.datasets import queries
from trackside.datasets.models import Dataset, Problem

PAGE = 60


def images_tab(request: HttpRequest, dataset: Dataset) -> dict[str, Any]:
    """The grid: 60 pictures a page, by class and split."""
    label, split = request.GET.get("label"), request.GET.get("split")
    names = [one["name"] for one in dataset.facts.get("classes", [])]
    splits = list(_splits(dataset.facts))
    label = label if label in names else None
    split = split if split in splits else None
    page = Paginator(queries.pictures(dataset, label, split), PAGE).get_page(
        request.GET.get("page")
    )
    return {
        "page": page,
        "label": label,
        "split": split,
        "labels": names,
        "splits": splits,
        "boxes": queries.boxes(dataset, {one.number for one in page}),
    }


def summary_tab(request: HttpRequest, dataset: Dataset) -> dict[str, Any]:
    """Classes with bars, splits, sizes."""
    facts = dataset.facts
    classes = facts.get("classes", [])
    by_split = facts.get("by_split", {})
    splits = _splits(facts)
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
        "splits": list(splits),
        "split_counts": list(splits.items()),
        "box_classes": sorted(
            facts.get("box_classes", []), key=lambda one: (-one["count"], one["name"])
        ),
        "most_boxes": max((one["count"] for one in facts.get("box_classes", [])), default=0),
        "most": max((one["count"] for one in classes), default=0),
        "histogram": histogram,
        "tallest": max((one["count"] for one in histogram), default=0),
        "rare": [one["name"] for one in classes if one["count"] < RARE],
    }


def _splits(facts: dict[str, Any]) -> dict[str, int]:
    """In the order in which they are used, whatever the archive's order was."""
    counts: dict[str, int] = facts.get("splits", {})
    return dict(sorted(counts.items(), key=lambda one: (USED.get(one[0], len(USED)), one[0])))


USED = {"train": 0, "val": 1, "test": 2}
RARE = 20  # pictures of a class below which a model can hardly learn it


def problems_tab(request: HttpRequest, dataset: Dataset) -> dict[str, Any]:
    """Every file that was left out or kept with a remark, and why."""
    rows = Problem.objects.filter(dataset=dataset).order_by("kept", "-can_keep", "id")
    return {
        "page": Paginator(rows, 100).get_page(request.GET.get("page")),
        "left": rows.filter(kept=False).count(),
        "keepable": rows.filter(kept=False, can_keep=True).count(),
    }

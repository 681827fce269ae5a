"""Reading datasets: lists, pictures. Rows of tables: tables.py."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from django.db.models import QuerySet

from trackside.datasets import storage
from trackside.datasets.models import Dataset, Picture
from trackside.datasets.services import settle
from trackside.projects.access import row
from trackside.projects.models import Project


def datasets_of(project: Project) -> list[Dataset]:
    """By name; imports that failed meanwhile say so."""
    rows = Dataset.objects.filter(project=project).select_related("job", "created_by")
    return [settle(one) for one in rows.order_by("name")]


def dataset_for(project: Project, name: str) -> Dataset:
    """The dataset of this name. Raises Http404."""
    return settle(row(project, Dataset, name=name))


def pictures(
    dataset: Dataset, label: str | None = None, split: str | None = None, after: int = -1
) -> QuerySet[Picture]:
    """The pictures in use in their order, behind number `after`."""
    rows = Picture.objects.filter(dataset=dataset, number__gt=after).order_by("number")
    if label is not None:
        rows = rows.filter(label=label)
    return rows if split is None else rows.filter(split=split)


def boxes(dataset: Dataset, numbers: Collection[int]) -> dict[int, dict[str, Any]]:
    """Size and boxes of these pictures, for those that have any."""
    if not dataset.facts.get("boxes") or not numbers:
        return {}
    with (storage.folder(dataset) / "index.jsonl").open() as index:
        wanted = [line for place, line in enumerate(index) if place in numbers]
    lines = [line for line in map(json.loads, wanted) if line.get("boxes")]
    return {one["number"]: {k: one[k] for k in ("width", "height", "boxes")} for one in lines}


def folder(dataset: Dataset) -> Path:
    """Where its bytes lie, absolute."""
    return storage.folder(dataset)

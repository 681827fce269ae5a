"""What the design pages of a table show, and what Features handling sends back."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest

from recipes.algorithms import ALGORITHMS
from recipes.algorithms.families import FAMILIES
from recipes.tasks.classes import ordered
from trackside.compute.able import learns_on_gpu
from trackside.compute.services import libraries
from trackside.lab import forms, handling
from trackside.lab.design import offered
from trackside.lab.diagnostics_table import counts
from trackside.lab.labels import label_of
from trackside.lab.models import Analysis
from trackside.lab.subjects import columns_of
from trackside.lab.targets import Column, classes_of

Context = dict[str, Any]
COLUMNS = 50  # of one page
ROLES = ("input", "ignore", "weight", "time")


def inputs_of(found: Analysis) -> list[Column]:
    return handling.inputs(columns_of(found.dataset), found.target)


def table_target(
    request: HttpRequest, found: Analysis, data: Any, errors: dict[str, str]
) -> Context:
    columns = columns_of(found.dataset)
    target = next((one for one in columns if one["name"] == found.target), None)
    classes = counts(target) if target and found.task != "regression" else []
    known = max(1, (found.dataset.rows or 0) - (target["missing"] if target else 0))
    return {
        "column": target,
        "classes": [(value, n, n / known) for value, n in classes],
        "rows": found.dataset.rows,
        "columns": len(columns),
        "positive": _positive(found, data),
        "errors": errors,
    }


def _positive(found: Analysis, data: Any) -> Context:
    """The two classes to choose between; {} where there is nothing to choose."""
    both = two_classes(found)
    if not both:
        return {}
    sent = data.get("positive") if data else ""
    return {"classes": ordered(both), "picked": sent or both[-1]}


def two_classes(found: Analysis) -> list[str]:
    """The two values of the target, the positive one last; [] of other tasks, or not known."""
    columns = columns_of(found.dataset) if found.task == "two_class" else []
    target = next((one for one in columns if one["name"] == found.target), None)
    known = classes_of(target) if target else []
    return ordered(known, found.design.get("positive", ""))


def table_features(
    request: HttpRequest, found: Analysis, data: Any, errors: dict[str, str]
) -> Context:
    """One page of columns, by `?q=` in their names and `?role=`."""
    columns, rows = inputs_of(found), found.dataset.rows
    own, lost = handling.fitting(columns, found.design["features"], rows)
    made = handling.resolved(columns, own, rows)
    query, role = request.GET.get("q", "").strip()[:200], request.GET.get("role", "")
    hits = [
        (place, one)
        for place, one in enumerate(columns)
        if query.lower() in one["name"].lower() and role in ("", made[one["name"]]["role"])
    ]
    page = Paginator(hits, COLUMNS).get_page(request.GET.get("page"))
    return {
        "page": page,
        "lines": [
            handling.row(place, one, made[one["name"]], own.get(one["name"], {}), rows)
            for place, one in page
        ],
        "query": query,
        "role": role,
        "roles": [
            (name, handling.OPTIONS["role"][name], sum(o["role"] == name for o in made.values()))
            for name in ROLES
        ],
        "all": len(columns),
        "changed": len(own),
        "lost": lost,
        "errors": errors,
    }


def sent_features(request: HttpRequest, found: Analysis, part: str) -> dict[str, Any]:
    """The features as the page sent them. Raises BadDesign."""
    columns, rows = inputs_of(found), found.dataset.rows
    return handling.sent(columns, found.design["features"], request.POST, rows)


def table_algorithms(
    request: HttpRequest, found: Analysis, data: Any, errors: dict[str, str]
) -> Context:
    """A card for each algorithm of the task, by family; a library that no machine has is told."""
    listed = offered(found.design)
    reported = libraries()
    times = [one["algorithm"] for one in listed]
    models: list[Context] = [
        {
            "place": place,
            "label": label_of(one),
            "on": one["on"] if data is None else f"m{place}-on" in data,
            "form": forms.model_form(
                one, place, {}, data, found.task, handling.barred(one["algorithm"], reported)
            ),
            "algorithm": ALGORITHMS[one["algorithm"]],
            "on_gpu": learns_on_gpu(ALGORITHMS[one["algorithm"]]),
            "lacking": handling.lacking([one], reported).get(one["algorithm"], ""),
            "again": times.count(one["algorithm"]) > 1,
        }
        for place, one in enumerate(listed)
    ]
    families = [
        (name, text, [one for one in models if one["algorithm"].family == name])
        for name, text in FAMILIES.items()
    ]
    return {"families": [one for one in families if one[2]], "errors": errors}

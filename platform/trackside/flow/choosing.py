"""What the forms of new recipes offer: datasets and models that go together, free names."""

from typing import Any
from uuid import uuid4

from django.http import HttpRequest

from recipes.tasks import data_of
from trackside.compute.picking import picked, picker
from trackside.datasets.models import Dataset, DatasetState
from trackside.flow import evaluating, reading
from trackside.flow.models import Recipe
from trackside.projects.models import Project
from trackside.saved_models import queries as saved
from trackside.saved_models.bundles import BundleGone
from trackside.saved_models.models import SavedModel


def inputs(project: Project, dataset: str, model: str) -> tuple[list[Dataset], list[SavedModel]]:
    """What can be scored and what can score; first what goes with the one that is named."""
    rows = Dataset.objects.filter(project=project).exclude(state=DatasetState.FAILED)
    active = SavedModel.objects.filter(project=project, versions__active=True).order_by("name")
    models, reads = list(active), {data_of(one.task) for one in active}
    datasets = [one for one in rows.order_by("name") if one.kind in reads]
    kinds = {one.kind for one in datasets if one.name == dataset}
    kinds = kinds or {data_of(one.task) for one in models if one.name == model}
    kinds = kinds or {one.kind for one in datasets[:1]}
    models.sort(key=lambda one: data_of(one.task) not in kinds)
    datasets.sort(key=lambda one: one.kind not in kinds)
    chosen = next((one for one in models if one.name == model), None)
    if chosen and not dataset:
        datasets.sort(key=lambda one: (one.kind not in kinds, bool(unfit(one, chosen))))
    return datasets, models


def unfit(dataset: Dataset, model: SavedModel) -> str:
    """Why the model cannot score the dataset today, as far as it is known."""
    version = saved.active_version(model)
    try:
        return reading.trouble(dataset, version) if version else ""
    except BundleGone as gone:
        return str(gone)


def trouble(recipe: Recipe) -> str:
    """Why a run of this recipe would be refused today, as far as it is known."""
    if recipe.kind == "train":
        return ""
    said = unfit(recipe.dataset, recipe.saved_model)
    version = saved.active_version(recipe.saved_model)
    if said or version is None or recipe.kind != "evaluate":
        return said
    return evaluating.trouble(recipe.dataset, version)


def by_kind(datasets: list[Dataset]) -> list[tuple[str, list[Dataset]]]:
    kinds = dict.fromkeys(one.kind for one in datasets)
    label = {"images": "Images", "table": "Tables"}
    return [(label[kind], [one for one in datasets if one.kind == kind]) for kind in kinds]


def offered(request: HttpRequest, project: Project) -> dict[str, Any]:
    """What the form of a new recipe shows, before or after it was refused."""
    sent = request.method == "POST"
    typed = request.POST if sent else request.GET
    datasets, models = inputs(project, typed.get("dataset", ""), typed.get("model", ""))
    model = typed.get("model") or first(models)
    return {
        "project": project,
        "datasets": datasets,
        "models": models,
        "groups": by_kind(datasets),
        "picked_dataset": typed.get("dataset") or first(datasets),
        "picked_model": model,
        "typed": request.POST,
        "picker": picker(request, picked(request.POST) if sent else compute(models, model)),
        "click_id": uuid4().hex,
    }


def compute(models: list[SavedModel], chosen: str) -> dict[str, Any]:
    """Where a new recipe runs at first: a table on the CPU, where every model of one can."""
    task = next((one.task for one in models if one.name == chosen), "")
    return {"kind": "cpu", "ranks": 1} if data_of(task) == "table" else {}


def first(rows: list[Any]) -> str:
    """The name of the first, or nothing."""
    return rows[0].name if rows else ""


def free(rows: Any, stem: str, between: str = " ") -> str:
    """`stem`, or the first of it with a number that none of these rows is called."""
    stem = stem[:74]
    taken = set(rows.values_list("name", flat=True))
    return next(
        one
        for one in (stem, *(f"{stem}{between}{n}" for n in range(2, 10_000)))
        if one not in taken
    )

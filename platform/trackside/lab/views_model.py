"""The page of one trained model, tab by tab."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from recipes.algorithms import ALGORITHMS
from recipes.tasks import TASKS
from trackside.accounts.gate import signed_in
from trackside.datasets.models import Dataset
from trackside.lab import queries, reports, services
from trackside.lab.labels import spec_in_words
from trackside.lab.models import TrainedModel
from trackside.lab.pages import frame, wants_json
from trackside.projects.access import project_for, row
from trackside.projects.models import Project, Role
from trackside.saved_models.queries import saved_models_of

Json = dict[str, Any]
# address, words, icon, heading of its group
TABS = (
    ("summary", "Summary", "dashboard", "Model"),
    ("training", "Training information", "info", ""),
    ("curves", "Training curves", "chart", ""),
    ("metrics", "Metrics", "gauge", "Performance"),
    ("confusion", "Confusion matrix", "grid", ""),
    ("roc", "ROC and PR curves", "roc", ""),
    ("mistakes", "Confident mistakes", "alert-triangle", ""),
    ("heat", "Heat maps", "heat", "Explain"),
    ("whatif", "What if", "wand", ""),
)
MODES = ("count", "row", "column")


def _model(
    request: HttpRequest, key: str, number: int, role: Role = Role.READER
) -> tuple[Project, TrainedModel]:
    project = project_for(request.user, key, role)
    found = row(project, TrainedModel, through="session__analysis__project", pk=number)
    found.session.analysis.project = project
    return project, found


def bundle_of(model: TrainedModel) -> Path:
    return Path(settings.TRACKSIDE_STORAGE) / model.bundle


@signed_in
@require_GET
def trained_model(
    request: HttpRequest, key: str, number: int, tab: str = "summary"
) -> HttpResponse:
    if tab not in {name for name, _, _, _ in TABS}:
        raise Http404("There is no such page of a model.")
    project, model = _model(request, key, number)
    analysis = model.session.analysis
    if not model.bundle:
        return redirect("session", key, analysis.name, model.session.number)
    report = reports.read(bundle_of(model))
    task = TASKS[analysis.task]
    context = {
        **frame(project, analysis),
        "place": "results",
        "model": model,
        "session": model.session,
        "report": report,
        "tabs_of_model": TABS,
        "model_tab": tab,
        "card": task.metrics.get(model.metric),
        "algorithm": ALGORITHMS[model.algorithm],
        "frozen": spec_in_words(model.job.spec) if tab == "training" and model.job else [],
        "dataset": analysis.dataset,
        "deploy_name": _saved_name(model),
        "siblings": queries.session_models(model.session),
        "saved_names": saved_models_of(project).values_list("name", flat=True),
    }
    if report:
        context |= FILL.get(tab, _nothing)(request, model, report)
    return render(request, f"lab/model_{tab}.html", context)


def _saved_name(model: TrainedModel) -> str:
    """What to suggest: the saved model of an earlier deployment of this analysis, else its name."""
    analysis = model.session.analysis
    recipe = analysis.recipes.select_related("saved_model").order_by("-pk").first()
    return recipe.saved_model.name if recipe else analysis.name


def _nothing(request: HttpRequest, model: TrainedModel, report: Json) -> Json:
    return {}


def _summary(request: HttpRequest, model: TrainedModel, report: Json) -> Json:
    return {
        "sentence": reports.summary(report),
        "pairs": reports.confused(report),
        "figures": _figures(model)[:4],
    }


def _figures(model: TrainedModel) -> list[Json]:
    """The metrics with their cards, the chosen one first."""
    cards = TASKS[model.session.analysis.task].metrics
    names = sorted(cards, key=lambda name: name != model.metric)
    return [{"card": cards[one], "value": model.metrics.get(one)} for one in names]


def _curves(request: HttpRequest, model: TrainedModel, report: Json) -> Json:
    others = [one for one in TASKS[model.session.analysis.task].metrics if one != "log_loss"]
    names = [model.metric, *(one for one in others if one != model.metric)][:4]
    return {"history": reports.history(report, names)}


def _metrics(request: HttpRequest, model: TrainedModel, report: Json) -> Json:
    return {"figures": _figures(model), "per_class": report.get("per_class", [])}


def _confusion(request: HttpRequest, model: TrainedModel, report: Json) -> Json:
    mode = request.GET.get("mode", "count")
    mode = mode if mode in MODES else "count"
    true, predicted = request.GET.get("true", ""), request.GET.get("predicted", "")
    return {
        "mode": mode,
        "modes": (("count", "Count"), ("row", "Row %"), ("column", "Column %")),
        "rows": reports.confusion(report, mode),
        "sentence": reports.summary(report),
        **(_behind(model, true, predicted) if true and predicted else {}),
    }


def _behind(model: TrainedModel, true: str, predicted: str) -> Json:
    found = reports.cell(bundle_of(model), true, predicted)
    return {"true": true, "predicted": predicted, "pictures": _seen(model, found)}


def _seen(model: TrainedModel, rows: list[Json]) -> list[Json]:
    """With the probability in words; a picture that is gone from the dataset is left out."""
    numbers = [one["number"] for one in rows]
    dataset: Dataset = model.session.analysis.dataset
    there = set(dataset.pictures.filter(number__in=numbers).values_list("number", flat=True))
    return [
        {**one, "percent": f"{100 * reports.proba(one):.1f} %"}
        for one in rows
        if one["number"] in there
    ]


def _roc(request: HttpRequest, model: TrainedModel, report: Json) -> Json:
    wanted = request.GET.getlist("class") or None
    return {
        "roc": reports.curve(report, "roc", wanted),
        "pr": reports.curve(report, "pr", wanted),
        "per_class": report.get("per_class", []),
        "wanted": wanted or [],
    }


def _mistakes(request: HttpRequest, model: TrainedModel, report: Json) -> Json:
    return {"pictures": _seen(model, report.get("mistakes", []))}


def _heat(request: HttpRequest, model: TrainedModel, report: Json) -> Json:
    """Pictures to choose from: the mistakes first, then some of each class."""
    rows = [*report.get("mistakes", [])[:8]]
    for name in report.get("classes", [])[:8]:
        rows += reports.cell(bundle_of(model), name, name, 4)
    chosen = {int(one) for one in request.GET.getlist("number") if one.isdecimal()}
    unique = {one["number"]: one for one in rows}
    return {"pictures": _seen(model, list(unique.values())), "chosen_numbers": chosen}


FILL: dict[str, Callable[[HttpRequest, TrainedModel, Json], Json]] = {
    "summary": _summary,
    "curves": _curves,
    "metrics": _metrics,
    "confusion": _confusion,
    "roc": _roc,
    "mistakes": _mistakes,
    "heat": _heat,
}


@signed_in
@require_GET
def cell(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """The pictures behind a cell, as a piece of the page."""
    project, model = _model(request, key, number)
    true, predicted = request.GET.get("true", ""), request.GET.get("predicted", "")
    context = {
        "project": project,
        "model": model,
        "dataset": model.session.analysis.dataset,
        **_behind(model, true, predicted),
    }
    return render(request, "lab/_cell.html", context)


@signed_in
@require_POST
def star(request: HttpRequest, key: str, number: int) -> HttpResponse:
    _, model = _model(request, key, number, Role.EDITOR)
    services.star(model, request.POST.get("on") == "1")
    if wants_json(request):
        return HttpResponse(status=204)
    return redirect("session", key, model.session.analysis.name, model.session.number)

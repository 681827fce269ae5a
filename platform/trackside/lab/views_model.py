"""The results of a trained model and of a version, tab by tab."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from trackside.accounts.gate import caller, signed_in
from trackside.lab import kept, reports, results_table, search_results, services
from trackside.lab.entrants import Entrant, Untrained, key_of, opened
from trackside.lab.labels import algorithm_label, spec_in_words
from trackside.lab.models import TrainedModel
from trackside.lab.pages import subject_of, wants_json
from trackside.lab.results import Json, Tab, figures
from trackside.lab.results_frame import around
from trackside.projects.access import project_for, row
from trackside.projects.models import Role


@signed_in
@require_GET
def results(
    request: HttpRequest, key: str, number: int, tab: str = "summary", name: str = ""
) -> HttpResponse:
    return page_of(request, key, number, tab, name)


def page_of(
    request: HttpRequest, key: str, number: int, tab: str, name: str = "", status: int = 200
) -> HttpResponse:
    """The tab, also as the answer to a form that came back with what is wrong in it.

    `name`: of the saved model whose version it is.
    """
    project = project_for(request.user, key)
    try:
        model = opened(project, key_of(number, name))
    except Untrained as none:
        session = none.model.session
        return redirect("session", key, session.analysis.name, session.number)
    tabs, report = TABS_OF[model.card.data], model.report
    found = next((one for one in tabs if one.name == tab), None)
    if found is None:
        raise Http404("There is no such page of a model.")
    shown = bool(report) and found.offered(report)
    context = {
        **around(project, model, tab),
        "model": model,
        "report": report,
        "tabs_of_model": [one for one in tabs if one.offered(report)],
        "model_tab": tab,
        "tab_shown": shown,
        "card": model.card.metrics.get(model.metric),
        "algorithm": algorithm_label(model.algorithm),
        "frozen": _frozen(model, report) if tab == "training" else [],
        "dataset": model.dataset,
    }
    if shown:
        context |= found.fill(request, model, report)
    return render(request, found.template, context, status=status)


def _frozen(model: Entrant, report: Json) -> list[tuple[str, list[tuple[str, str]]]]:
    """What was frozen at the click; where a search was, with the params that it found."""
    if not model.spec:
        return []
    card = model.card.metrics.get(model.metric)
    searched = search_results.rows_of(report, card) if card else []
    found = spec_in_words({**model.spec, "params": model.params} if searched else model.spec)
    return [*found, ("Search", searched)] if searched else found


def _summary(request: HttpRequest, model: Entrant, report: Json) -> Json:
    return {
        "sentence": reports.summary(report),
        "pairs": reports.confused(report),
        "figures": figures(model, report)[:4],
    }


def _curves(request: HttpRequest, model: Entrant, report: Json) -> Json:
    others = [one for one in model.card.metrics if one != "log_loss"]
    names = [model.metric, *(one for one in others if one != model.metric)][:4]
    return {"history": reports.history(report, names)}


def _metrics(request: HttpRequest, model: Entrant, report: Json) -> Json:
    return {"figures": figures(model, report), "per_class": report.get("per_class", [])}


def _confusion(request: HttpRequest, model: Entrant, report: Json) -> Json:
    mode = reports.mode_of(request.GET.get("mode"))
    true, predicted = request.GET.get("true", ""), request.GET.get("predicted", "")
    return {
        "mode": mode,
        "modes": reports.MODES,
        "rows": reports.confusion(report, mode),
        "sentence": reports.summary(report),
        **(_behind(model, true, predicted) if true and predicted else {}),
    }


def _behind(model: Entrant, true: str, predicted: str) -> Json:
    found = reports.cell(model.bundle, true, predicted)
    return {"true": true, "predicted": predicted, "pictures": _seen(model, found)}


def _seen(model: Entrant, rows: list[Json]) -> list[Json]:
    """With the probability in words; a picture that is gone from the dataset is left out."""
    numbers = [one["number"] for one in rows]
    if model.dataset is None:
        return []
    there = set(model.dataset.pictures.filter(number__in=numbers).values_list("number", flat=True))
    return [
        {**one, "percent": f"{100 * reports.proba(one):.1f} %"}
        for one in rows
        if one["number"] in there
    ]


def _roc(request: HttpRequest, model: Entrant, report: Json) -> Json:
    wanted = request.GET.getlist("class") or None
    return {
        "roc": reports.curve(report, "roc", wanted),
        "pr": reports.curve(report, "pr", wanted),
        "per_class": report.get("per_class", []),
        "wanted": wanted or [],
    }


def _mistakes(request: HttpRequest, model: Entrant, report: Json) -> Json:
    return {"pictures": _seen(model, report.get("mistakes", []))}


def _heat(request: HttpRequest, model: Entrant, report: Json) -> Json:
    """Pictures to choose from: the mistakes first, then some of each class."""
    rows = [*report.get("mistakes", [])[:8]]
    for name in report.get("classes", [])[:8]:
        rows += reports.cell(model.bundle, name, name, 4)
    wanted = request.GET.getlist("number")
    chosen = {int(one) for one in wanted if one.isdecimal() and len(one) < 12}
    unique = {one["number"]: one for one in rows}
    return {"pictures": _seen(model, list(unique.values())), "chosen_numbers": chosen}


TABS = (
    Tab("summary", "Summary", "dashboard", "lab/model_summary.html", _summary, "Model"),
    Tab("training", "Training information", "info", "lab/model_training.html"),
    Tab("curves", "Training curves", "chart", "lab/model_curves.html", _curves),
    Tab("metrics", "Metrics", "gauge", "lab/model_metrics.html", _metrics, "Performance"),
    Tab("confusion", "Confusion matrix", "grid", "lab/model_confusion.html", _confusion),
    Tab("roc", "ROC and PR curves", "roc", "lab/model_roc.html", _roc),
    Tab("mistakes", "Confident mistakes", "alert-triangle", "lab/model_mistakes.html", _mistakes),
    Tab("heat", "Heat maps", "heat", "lab/model_heat.html", _heat, "Explain"),
    Tab("whatif", "What if", "wand", "lab/model_whatif.html"),
)
TABS_OF = {"images": TABS, "table": results_table.TABS}  # by the data that a task is for


@signed_in
@require_GET
def cell(request: HttpRequest, key: str, number: int, name: str = "") -> HttpResponse:
    """The pictures behind a cell, as a piece of the page."""
    project, model = subject_of(request, key, number, name)
    true, predicted = request.GET.get("true", ""), request.GET.get("predicted", "")
    context = {
        "project": project,
        "model": model,
        "dataset": model.dataset,
        **_behind(model, true, predicted),
    }
    return render(request, "lab/_cell.html", context)


def _trained(request: HttpRequest, key: str, number: int) -> TrainedModel:
    project = project_for(request.user, key, Role.EDITOR)
    return row(project, TrainedModel, through="session__analysis__project", pk=number)


@signed_in
@require_POST
def threshold(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """`threshold`: the one to keep; empty goes back to the model's own."""
    model = _trained(request, key, number)
    given = request.POST.get("threshold", "")
    try:
        wanted = float(given) if given else None
        kept.keep_threshold(model, wanted, caller(request))
    except ValueError:
        messages.error(request, f"{given[:40]!r} is no threshold: it is a number from 0 to 1.")
    except services.Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _kept_in_words(model))
    return redirect("trained_model", key, number, "confusion")


def _kept_in_words(model: TrainedModel) -> str:
    if model.threshold is None:
        return "The model's own threshold is used again."
    return f"The threshold {model.threshold:.2f} is kept: deployments from now on score with it."


@signed_in
@require_POST
def star(request: HttpRequest, key: str, number: int) -> HttpResponse:
    model = _trained(request, key, number)
    services.star(model, request.POST.get("on") == "1")
    if wants_json(request):
        return HttpResponse(status=204)
    return redirect("session", key, model.session.analysis.name, model.session.number)

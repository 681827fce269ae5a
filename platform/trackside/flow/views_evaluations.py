"""Pages of evaluation stores: all of them, the history of one, one evaluation tab by tab."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from recipes.tasks import TASKS, data_of
from trackside.accounts.gate import caller, signed_in
from trackside.accounts.services import audit
from trackside.flow import evaluation_charts as charts
from trackside.flow import evaluation_report as reports
from trackside.lab.labels import metric_text
from trackside.projects.access import may_edit, project_for, row
from trackside.projects.models import Project, Role
from trackside.saved_models import queries as saved
from trackside.saved_models import stores
from trackside.saved_models.models import Evaluation, EvaluationStore
from trackside.saved_models.services import Refused
from trackside.ui import spreadsheet
from trackside.ui.streaming import streamed

Json = dict[str, Any]
SHOWN = 4  # metrics in the table of a history
ROWS = 50  # evaluations on a page of it
TABS = (("summary", "Summary"), ("drift", "Drift"), ("performance", "Performance"))


@signed_in
@require_GET
def evaluation_stores(request: HttpRequest, key: str) -> HttpResponse:
    project = project_for(request.user, key)
    rows = [{"store": one, **_last(one)} for one in stores.stores_of(project)]
    context = {"project": project, "rows": rows, "may_edit": may_edit(project)}
    return render(request, "flow/evaluation_stores.html", context)


def _last(store: EvaluationStore) -> Json:
    last = stores.evaluations_of(store).first()
    task = store.saved_model.task
    if last is None:
        return {"last": None}
    card = TASKS[task].metrics.get(last.metric) if task in TASKS else None
    return {
        "last": last,
        "metric": saved.metric_label(task, last.metric),
        "score": metric_text(stores.score_of(last), card),
    }


@signed_in
@require_GET
def evaluation_store(request: HttpRequest, key: str, name: str) -> HttpResponseBase:
    """The history; `?format=csv` is the same as a table to download."""
    project = project_for(request.user, key)
    store = row(project, EvaluationStore, name=name)
    if request.GET.get("format") == "csv":
        audit(caller(request), "download", f"{key}/{store} evaluations")
        lines = spreadsheet.pieces(stores.lines(store))
        kind = "text/csv; charset=utf-8"
        return streamed(request, lines, content_type=kind, filename="evaluations.csv")
    rows = stores.evaluations_of(store)
    page, last = Paginator(rows, ROWS).get_page(request.GET.get("page")), rows.first()
    metrics = TASKS[store.saved_model.task].metrics
    usual = last.metric if last else ""
    chosen = request.GET.get("metric", "")
    chosen = chosen if chosen in metrics else usual
    active = saved.active_version(store.saved_model)
    champion = active.metrics.get(chosen) if active else None
    recipes = store.written_by.select_related("dataset", "metrics").order_by("name")
    order = sorted(metrics.values(), key=lambda one: one.name != usual)[:SHOWN]
    context = {
        "project": project,
        "store": store,
        "things": "pictures" if data_of(store.saved_model.task) == "images" else "rows",
        "metrics": metrics.values(),
        "chosen": chosen,
        "columns": order,
        "page": page,
        "lines": [_line(one, order) for one in page],
        "newest": _line(last, order) if last else None,
        "drawings": _history(store, chosen, champion, active),
        "recipes": recipes,
        "tables": sorted({one.metrics.name for one in recipes if one.metrics}),
        "may_edit": may_edit(project),
    }
    return render(request, "flow/evaluation_store.html", context)


def _history(store: EvaluationStore, metric: str, champion: Any, active: Any) -> list[Json]:
    rows = stores.evaluations_of(store).values_list("created_at", "metrics")[: charts.DRAWN]
    points = [(when, metrics.get(metric)) for when, metrics in reversed(rows)]
    label = saved.metric_label(store.saved_model.task, metric)
    name = f"version {active.number} in its training" if active else ""
    return charts.history(points, label, champion, name)


def _line(one: Evaluation, order: list[Any]) -> Json:
    """An evaluation as the history shows it."""
    return {
        "one": one,
        "scores": [(card, metric_text(one.metrics.get(card.name), card)) for card in order],
        **reports.beside(one),
        "moved": one.drift.get("moved") or [],
        "moved_count": one.drift.get("moved_count"),
        "prediction": next((part["strength"] for part in one.drift.get("prediction") or []), ""),
        "known": bool(one.drift.get("columns")),
    }


def _one(
    request: HttpRequest, key: str, name: str, number: int, role: Role = Role.READER
) -> tuple[Project, Evaluation]:
    project = project_for(request.user, key, role)
    found = row(project, Evaluation, through="store__project", store__name=name, number=number)
    return project, found


@signed_in
@require_GET
def evaluation(
    request: HttpRequest, key: str, name: str, number: int, tab: str = "summary"
) -> HttpResponse:
    project, one = _one(request, key, name, number)
    if tab not in dict(TABS):
        raise Http404("There is no such page of an evaluation.")
    told = stores.document(one)
    task = one.store.saved_model.task
    context = {
        "project": project,
        "store": one.store,
        "one": one,
        "told": told,
        "tab": tab,
        "tabs": TABS,
        "things": "pictures" if data_of(task) == "images" else "rows",
        "metric": saved.metric_label(task, one.metric),
        "may_edit": may_edit(project),
        **(reports.PARTS[tab](one, told, request) if told else {}),
    }
    return render(request, "flow/evaluation.html", context)


@signed_in
@require_POST
def evaluation_delete(request: HttpRequest, key: str, name: str, number: int) -> HttpResponse:
    _, one = _one(request, key, name, number, Role.EDITOR)
    stores.delete(one, caller(request))
    messages.success(request, f"Evaluation {number} is deleted.")
    return redirect("evaluation_store", key, name)


@signed_in
@require_POST
def evaluation_store_delete(request: HttpRequest, key: str, name: str) -> HttpResponse:
    project = project_for(request.user, key, Role.EDITOR)
    try:
        stores.delete_store(row(project, EvaluationStore, name=name), caller(request))
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("evaluation_store", key, name)
    messages.success(request, f"The evaluation store {name} is deleted.")
    return redirect("flow", key)

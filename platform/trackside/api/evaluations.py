"""Evaluation stores and what stands in them."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from trackside.accounts.gate import caller
from trackside.accounts.services import audit
from trackside.api.paging import page
from trackside.projects.access import project_for, row
from trackside.projects.models import Project, Role
from trackside.saved_models import stores
from trackside.saved_models.models import Evaluation, EvaluationStore
from trackside.ui import spreadsheet
from trackside.ui.streaming import streamed


def listed(request: HttpRequest, key: str) -> dict[str, Any]:
    rows = stores.stores_of(project_for(request.user, key))
    return page(request, rows, "name", "evaluation_stores", stores.store_snapshot)


def get(request: HttpRequest, key: str, name: str) -> dict[str, Any]:
    return stores.store_snapshot(row(project_for(request.user, key), EvaluationStore, name=name))


def delete_store(request: HttpRequest, key: str, name: str) -> dict[str, Any]:
    user = caller(request)
    stores.delete_store(row(project_for(user, key, Role.EDITOR), EvaluationStore, name=name), user)
    return {}


def history(request: HttpRequest, key: str, name: str) -> dict[str, Any] | HttpResponseBase:
    """The evaluations, newest first; all of them as CSV where the caller accepts that."""
    store = row(project_for(request.user, key), EvaluationStore, name=name)
    if "text/csv" not in request.headers.get("Accept", ""):
        return page(request, store.evaluations.all(), "-number", "evaluations", stores.snapshot)
    audit(caller(request), "download", f"{key}/{store} evaluations")
    lines = spreadsheet.pieces(stores.lines(store))
    return streamed(request, lines, content_type="text/csv; charset=utf-8")


def one(request: HttpRequest, key: str, name: str, n: int) -> dict[str, Any]:
    found = _evaluation(project_for(request.user, key), name, n)
    return {**stores.snapshot(found), "report": stores.document(found) or None}


def delete(request: HttpRequest, key: str, name: str, n: int) -> dict[str, Any]:
    user = caller(request)
    stores.delete(_evaluation(project_for(user, key, Role.EDITOR), name, n), user)
    return {}


def _evaluation(project: Project, name: str, number: int) -> Evaluation:
    return row(project, Evaluation, through="store__project", store__name=name, number=number)

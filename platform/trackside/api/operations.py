"""One call of the REST API as a record, and the view that answers all calls of one address."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from trackside.accounts.gate import api, error_json
from trackside.api.bodies import read_json
from trackside.api.failures import answer_to
from trackside.api.repeats import once
from trackside.api.schemas import Schema

Answer = dict[str, Any] | HttpResponseBase
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Query:
    """One parameter of the query string or a header, for the document."""

    name: str
    schema: Schema
    text: str
    place: str = "query"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """`run(request, **path)` or, with a JSON `body`, `run(request, body, **path)`.

    `form` is the schema of a multipart body that `run` reads itself. `answers` are the media types
    besides JSON. `starts` work: an Idempotency-Key is honoured. `ask`, called as `run` is, may wait
    for another machine: it comes before any transaction, and `run` gets its answer as `asked`.
    """

    method: str
    path: str
    run: Callable[..., Any]  # -> Answer
    tag: str
    text: str
    about: str = ""
    body: Schema | None = None
    form: Schema | None = None
    answer: Schema | None = None
    status: int = 200
    query: tuple[Query, ...] = ()
    answers: tuple[str, ...] = ()
    starts: bool = False
    ask: Callable[..., Any] | None = None


def door(operations: Iterable[Operation]) -> Callable[..., HttpResponseBase]:
    """The view for one address: its methods, all else is 405."""
    methods = {one.method: one for one in operations}
    allowed = ", ".join(sorted(methods))

    @api
    def view(request: HttpRequest, **path: Any) -> HttpResponseBase:
        method = "GET" if request.method == "HEAD" else request.method or ""
        operation = methods.get(method)
        if operation is None:
            answer = error_json("method_not_allowed", f"This address takes {allowed}.", 405)
            answer["Allow"] = allowed
            return answer
        return _answered(operation, request, path)

    return view


def _answered(operation: Operation, request: HttpRequest, path: dict[str, Any]) -> HttpResponseBase:
    try:
        if operation.ask is not None:
            given = (read_json(request, operation.body),) if operation.body is not None else ()
            path = {**path, "asked": operation.ask(request, *given, **path)}
        if operation.starts:
            return once(request, lambda: _run(operation, request, path))
        answer: HttpResponseBase = _run(operation, request, path)
        return answer
    except Exception as wrong:
        failure = answer_to(wrong)
        if failure is None:
            raise
        return failure


def _run(operation: Operation, request: HttpRequest, path: dict[str, Any]) -> Any:
    """The body is read before the transaction: a slow sender holds no lock."""
    given = (read_json(request, operation.body),) if operation.body is not None else ()
    if operation.form is not None:
        request.FILES  # noqa: B018 - parses the form
    if operation.method == "GET":
        answer = operation.run(request, *given, **path)
    else:
        with transaction.atomic():
            answer = operation.run(request, *given, **path)
    if isinstance(answer, HttpResponseBase):
        return answer
    if operation.status == 204:
        return HttpResponse(status=204)
    return JsonResponse(answer, status=operation.status)

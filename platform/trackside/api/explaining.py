"""Explanations of a model of a table: asked for, and read once their small job has answered."""

from typing import Any

from django.http import HttpRequest

from trackside.accounts.gate import caller
from trackside.api.failures import Failure
from trackside.jobs.models import Job
from trackside.jobs.states import JOB_OVER
from trackside.lab import explaining
from trackside.lab.entrants import Entrant, Untrained, key_of, opened
from trackside.projects.access import project_for
from trackside.projects.models import Role

Json = dict[str, Any]
ASKS = ("numbers", "column", "row")


def ask(request: HttpRequest, body: Json, key: str, **which: Any) -> Json:
    """`which`: the `id` of a trained model, or the `name` of a saved model and the `v` of it."""
    model = _model(request, key, which, Role.EDITOR)
    if model.card.data != "table":
        raise Failure(409, "refused", "This model is of pictures: its pages explain pictures.")
    asked = [name for name in ASKS if name in body]
    if len(asked) != 1:
        raise Failure(422, "invalid", "Give exactly one of numbers, column and row.")
    user = caller(request)
    if asked == ["numbers"]:
        return _shown(explaining.ask_rows(model, user, body["numbers"]))
    if asked == ["column"]:
        return _shown(explaining.ask_groups(model, user, body["column"]))
    fixed, toward = body.get("fixed") or [], body.get("toward") or ""
    base = explaining.row_of(model, body["number"]) if "number" in body else None
    return _shown(explaining.ask_whatif(model, user, body["row"], fixed, toward, base))


def listed(request: HttpRequest, key: str, **which: Any) -> Json:
    """The newest first; one alone by `?job=`."""
    try:
        model = _model(request, key, which, Role.READER)
    except Untrained:
        return {"explanations": []}
    number = request.GET.get("job", "")
    if number and not (number.isdecimal() and len(number) < 12):
        raise Failure(422, "invalid", "A job is a number.", "job")
    found = explaining.asked_of(model, int(number) if number else None)
    return {"explanations": [_shown(one) for one in found]}


def _shown(job: Job) -> Json:
    done = job.state == "succeeded"
    return {
        "job": job.pk,
        "ask": job.spec["ask"],
        "state": job.state,
        "over": job.state in JOB_OVER,
        "reason": job.reason,
        "answer": job.result if done else None,
    }


def _model(request: HttpRequest, key: str, which: Json, role: Role) -> Entrant:
    """Raises Http404, TooWeak, Refused while it is not trained."""
    project = project_for(request.user, key, role)
    number = which["v"] if "v" in which else which["id"]
    return opened(project, key_of(number, which.get("name", "")))

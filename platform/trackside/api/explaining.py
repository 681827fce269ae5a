"""Explanations of a model of a table: asked for, and read once their small job has answered."""

from typing import Any

from django.http import HttpRequest

from recipes.tasks import data_of
from trackside.accounts.gate import caller
from trackside.api.failures import Failure
from trackside.jobs.models import Job
from trackside.jobs.states import JOB_OVER
from trackside.lab import explaining
from trackside.lab.models import TrainedModel
from trackside.projects.access import project_for, row
from trackside.projects.models import Role

Json = dict[str, Any]
ASKS = ("numbers", "column", "row")


def ask(
    request: HttpRequest,
    body: Json,
    key: str,
    id: int,  # noqa: A002 - named in the address
) -> Json:
    model = _model(request, key, id, Role.EDITOR)
    if data_of(model.session.analysis.task) != "table":
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


def listed(
    request: HttpRequest,
    key: str,
    id: int,  # noqa: A002
) -> Json:
    """The newest first; one alone by `?job=`."""
    model = _model(request, key, id, Role.READER)
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


def _model(request: HttpRequest, key: str, number: int, role: Role) -> TrainedModel:
    project = project_for(request.user, key, role)
    return row(project, TrainedModel, through="session__analysis__project", pk=number)

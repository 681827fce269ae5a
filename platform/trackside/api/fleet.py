"""Nodes, the queue, usage and quotas."""

from typing import Any

from django.http import Http404, HttpRequest
from django.utils import timezone

from trackside.accounts.gate import caller
from trackside.accounts.models import User
from trackside.api.failures import Failure
from trackside.compute import installed, quotas, usage_report
from trackside.compute import services as compute
from trackside.compute.board import board
from trackside.compute.draining import must_administer
from trackside.compute.granting import BadQuota, set_quota
from trackside.compute.models import Gpu, Node
from trackside.jobs import queries, services
from trackside.projects.models import Project

Json = dict[str, Any]


def nodes(request: HttpRequest) -> Json:
    told = installed.told()
    return {"nodes": [_shown(one, told) for one in board(caller(request))["nodes"]]}


def _shown(node: Json, told: dict[str, Json]) -> Json:
    known = told.get(node["name"], installed.NOTHING)
    return {**node, "draining": bool(node["drain_note"]), **known}


def _one(request: HttpRequest, name: str) -> Json:
    return next(one for one in nodes(request)["nodes"] if one["name"] == name)


def _node(name: str) -> Node:
    try:
        return Node.objects.get(name=name)
    except Node.DoesNotExist:
        raise Http404("There is no such node.") from None


def drain(request: HttpRequest, body: Json, name: str) -> Json:
    must_administer(caller(request), "drain a node")
    node = _node(name)
    compute.drain(node, caller(request), str(body.get("note") or ""))
    if body.get("ask_jobs"):
        services.drain_node(node)
    return _one(request, name)


def undrain(request: HttpRequest, body: Json, name: str) -> Json:
    must_administer(caller(request), "bring a node back")
    compute.undrain(_node(name), caller(request))
    services.later()
    return _one(request, name)


def mend(request: HttpRequest, body: Json, uuid: str) -> Json:
    must_administer(caller(request), "put a GPU back in service")
    gpu = Gpu.objects.select_related("node").filter(pk=uuid).first()
    if gpu is None:
        raise Http404("There is no such GPU.")
    compute.mend_gpu(gpu.pk, caller(request))
    services.later()
    return _one(request, gpu.node.name)


def queue(request: HttpRequest) -> Json:
    seen = board(caller(request))
    return {"queue": seen["queue"], "waiting": seen["waiting"]}


def priority(request: HttpRequest, body: Json, id: int) -> Json:  # noqa: A002 - in the address
    services.set_priority(queries.job_of(caller(request), id), caller(request), body["priority"])
    return queue(request)


def place(request: HttpRequest, body: Json, id: int) -> Json:  # noqa: A002 - in the address
    if ("before" in body) == ("after" in body):
        raise Failure(422, "invalid", "Say 'before' or 'after' which job it is to stand.", "before")
    side: services.Side = "before" if "before" in body else "after"
    job = queries.job_of(caller(request), id)
    services.place_beside(job, caller(request), side, body[side])
    return queue(request)


def usage(request: HttpRequest) -> Json:
    by, raw = request.GET.get("by", "project"), request.GET.get("days", "30")
    if by not in usage_report.BY:
        known = ", ".join(usage_report.BY)
        raise Failure(422, "invalid", f"'by' must be one of {known}.", "by")
    most = usage_report.DAYS[-1]
    if not raw.isascii() or not raw.isdigit() or len(raw) > 4 or not 0 < int(raw) <= most:
        raise Failure(422, "invalid", f"'days' must be a whole number from 1 to {most}.", "days")
    found = usage_report.report(caller(request), by, int(raw), timezone.now().date())
    return {
        "by": by,
        "since": found.since.isoformat(),
        "until": found.until.isoformat(),
        "lines": [line.shown() for line in found.lines],
        "total": found.total.shown(),
    }


def quota_list(request: HttpRequest) -> Json:
    must_administer(caller(request), "see and change quotas")
    rows = quotas.all_rows()
    return {
        "quotas": [
            {
                "user": row.user.username if row.user else None,
                "project": row.project.key if row.project else None,
                "gpus": row.gpus,
            }
            for row in rows
        ]
    }


def quota_set(request: HttpRequest, body: Json) -> Json:
    me = caller(request)
    must_administer(me, "see and change quotas")
    name, key = body.get("user"), body.get("project")
    user = User.objects.filter(username=name).first() if name else None
    project = Project.objects.filter(key=key).first() if key else None
    if name and user is None:
        raise Failure(422, "invalid", f"There is no user {str(name)[:80]!r}.", "user")
    if key and project is None:
        raise Failure(422, "invalid", f"There is no project {str(key)[:40]!r}.", "project")
    try:
        set_quota(me, body["gpus"], user=user, project=project)
    except BadQuota as wrong:
        raise Failure(422, "invalid", str(wrong), "gpus") from None
    services.later()
    return quota_list(request)

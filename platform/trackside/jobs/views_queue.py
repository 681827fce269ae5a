"""What the GPUs page does: the queue's order, draining, GPUs back in service, quotas.

The views stand here and not in compute/ because each is followed by a placement pass.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_POST

from trackside.accounts.gate import caller, error_json, signed_in
from trackside.accounts.models import User
from trackside.compute import services as compute
from trackside.compute.board import board
from trackside.compute.draining import must_administer
from trackside.compute.granting import BadQuota, set_quota
from trackside.compute.models import Gpu, Node
from trackside.compute.picking import keeping
from trackside.compute.requests import BadCompute
from trackside.jobs import queries, services
from trackside.jobs.models import Job
from trackside.projects.models import Project


def _answering(
    view: Callable[[HttpRequest, Job], str],
) -> Callable[[HttpRequest, int], HttpResponse]:
    """The page's script reads `said`, or the sentence of a refusal."""

    @wraps(view)
    def answer(request: HttpRequest, number: int) -> HttpResponse:
        try:
            return JsonResponse({"said": view(request, queries.job_of(caller(request), number))})
        except PermissionDenied as refused:
            return error_json("forbidden", str(refused), 403)
        except services.REFUSED as refused:
            return error_json("invalid", str(refused), 422)

    return answer


@signed_in
@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """The queue as the viewer may see it; live pages get it with the board."""
    seen = board(caller(request))
    return JsonResponse({"queue": seen["queue"], "waiting": seen["waiting"]})


@signed_in
@require_POST
@_answering
def queue_priority(request: HttpRequest, job: Job) -> str:
    try:
        priority = int(request.POST.get("priority", ""))
    except ValueError:
        raise BadCompute("priority", "A priority is a whole number.", "priority_wrong") from None
    services.set_priority(job, caller(request), priority)
    return f"Priority {priority}."


@signed_in
@require_POST
@_answering
def queue_place(request: HttpRequest, job: Job) -> str:
    """`before` or `after`: the number of another job."""
    for side in services.SIDES:
        number = _digits(request.POST.get(side, ""))
        if number is not None:
            services.place_beside(job, caller(request), side, number)
            return f"Moved {side} job {number}."
    raise services.NotNow("Say before or after which job it is to stand.")


@signed_in
@require_POST
@_answering
def queue_move(request: HttpRequest, job: Job) -> str:
    """Other devices for a job that waits."""
    kind = request.POST.get("kind", "")
    wish: dict[str, Any] = {"kind": kind}
    if kind == "gpus":
        wish["uuids"] = request.POST.getlist("uuids")
    elif kind == "any":
        wish["count"] = _number(request, "count")
    else:
        wish["ranks"] = _number(request, "ranks")
    moved = services.move_waiting(job, caller(request), keeping(job.compute, wish))
    return moved.reason or "It waits for its new place."


def _number(request: HttpRequest, name: str) -> int:
    number = _digits(request.POST.get(name, ""))
    if number is None:
        raise BadCompute(f"compute.{name}", "Write a whole number.", "compute_wrong")
    return number


def _digits(raw: str) -> int | None:
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 19 else None


@signed_in
@require_POST
def node_drain(request: HttpRequest, name: str) -> HttpResponse:
    node = _node(request, name)
    compute.drain(node, caller(request), request.POST.get("note", ""))
    asked = services.drain_node(node) if request.POST.get("ask_jobs") else 0
    jobs = f" {asked} of its jobs were asked to go on elsewhere." if asked else ""
    messages.success(request, f"{node.name} takes no new jobs.{jobs}")
    return redirect("gpus")


@signed_in
@require_POST
def node_undrain(request: HttpRequest, name: str) -> HttpResponse:
    node = _node(request, name)
    compute.undrain(node, caller(request))
    services.later()
    messages.success(request, f"{node.name} takes jobs again.")
    return redirect("gpus")


def _node(request: HttpRequest, name: str) -> Node:
    must_administer(caller(request), "drain nodes and bring them back")
    return get_object_or_404(Node, name=name)


@signed_in
@require_POST
def gpu_mend(request: HttpRequest, uuid: str) -> HttpResponse:
    """Back in service."""
    must_administer(caller(request), "put a GPU back in service")
    gpu = get_object_or_404(Gpu.objects.select_related("node"), pk=uuid)
    if compute.mend_gpu(gpu.pk, caller(request)):
        services.later()
        messages.success(request, f"GPU {gpu.index} of {gpu.node.name} is in service again.")
    return redirect("gpus")


@signed_in
@require_POST
def quota_set(request: HttpRequest) -> HttpResponse:
    """For a `user` (id), a `project` (key), or everybody; an empty `gpus` takes the limit away."""
    me = caller(request)
    must_administer(me, "change quotas")
    number, key, raw = (request.POST.get(one, "").strip() for one in ("user", "project", "gpus"))
    user = get_object_or_404(User, pk=_digits(number)) if number else None
    project = get_object_or_404(Project, key=key) if key else None
    try:
        gpus = _digits(raw) if raw else None
        if raw and gpus is None:
            raise BadQuota("A quota is a whole number of GPUs.")
        set_quota(me, gpus, user=user, project=project)
    except BadQuota as wrong:
        messages.error(request, str(wrong))
    else:
        services.later()
        messages.success(request, "The quota is saved." if raw else "The limit is taken away.")
    return redirect("quotas")

"""What a job that lives is asked from its page: pause, go on, move to other devices."""

from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from recipes.tasks import data_of
from trackside.accounts.gate import caller, error_json, signed_in
from trackside.compute.picking import keeping, picked, picker
from trackside.jobs import committed, queries, services
from trackside.jobs.kinds import one_process
from trackside.jobs.models import Job
from trackside.projects.access import project_for
from trackside.projects.models import Role


def _job(request: HttpRequest, key: str, number: int) -> Job:
    """One that the person may change."""
    project = project_for(request.user, key, Role.EDITOR)
    return queries.job_for(project, caller(request), number)


def _acting(
    act: Callable[[HttpRequest, Job], Job],
) -> Callable[[HttpRequest, str, int], HttpResponse]:
    """A script gets `said`, or the sentence of a refusal; a form goes back to the job."""

    @wraps(act)
    def view(request: HttpRequest, key: str, number: int) -> HttpResponse:
        one = _job(request, key, number)
        script = "json" in request.headers.get("Accept", "")
        try:
            with transaction.atomic():
                said = act(request, one).reason
        except services.REFUSED as refused:
            if script:
                return error_json("refused", str(refused), 409)
            messages.warning(request, str(refused))
        else:
            if script:
                return JsonResponse({"said": said})
            messages.success(request, said)
        return redirect("job", key, number)

    return view


@signed_in
@require_POST
@_acting
def pause(request: HttpRequest, one: Job) -> Job:
    return services.pause(one, caller(request))


@signed_in
@require_POST
@_acting
def resume(request: HttpRequest, one: Job) -> Job:
    return services.resume(one, caller(request))


@_acting
def _move(request: HttpRequest, one: Job) -> Job:
    return services.move(one, caller(request), keeping(one.compute, picked(request.POST)))


@signed_in
@require_http_methods(["GET", "POST"])
def move(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """GET: what the dialog holds. POST: the job goes on there, from its checkpoint."""
    if request.method == "POST":
        return _move(request, key, number)
    one = _job(request, key, number)
    context = {
        "project": one.project,
        "job": one,
        "picker": picker(request, one.compute, one.needs),
        "one_process": one_process(one.kind, one.spec),
        "table": data_of(one.spec.get("task")) == "table",
        "newest": committed.of(one.pk).first(),
        "waits": one.state == "queued",
    }
    return render(request, "jobs/_move.html", context)

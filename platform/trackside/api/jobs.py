"""Jobs: state, events, log, stop."""

from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from trackside.accounts.gate import api, caller, error_json, user_of_token
from trackside.api.failures import Failure, answer_to
from trackside.api.paging import part
from trackside.jobs import logs, outputs, queries, services
from trackside.jobs.live import job_stream, let_go, response
from trackside.jobs.models import Job
from trackside.jobs.states import JobState
from trackside.projects.access import project_for, projects_of
from trackside.projects.models import Role
from trackside.ui.streaming import streamed


def listed(request: HttpRequest) -> dict[str, Any]:
    """Newest first; `?project=` and `?state=` narrow the list."""
    user = caller(request)
    key, state = request.GET.get("project"), request.GET.get("state")
    mine = [project_for(user, key)] if key else projects_of(user)
    rows = Job.objects.filter(project__in=mine)
    if state is not None:
        if state not in JobState.values:
            known = ", ".join(JobState.values)
            raise Failure(422, "invalid", f"'state' must be one of {known}.", "state")
        rows = rows.filter(state=state)
    found, following = part(request, rows.only("pk"), "-id")
    return {"jobs": queries.snapshots(found), "next": following}


def get(request: HttpRequest, id: int) -> dict[str, Any]:  # noqa: A002 - named in the address
    return queries.snapshot(_job(request, id))


def log(request: HttpRequest, id: int) -> HttpResponseBase:  # noqa: A002 - named in the address
    found = logs.logs(_job(request, id))
    return streamed(request, logs.pieces(found), content_type=logs.PLAIN)


def file(request: HttpRequest, id: int) -> HttpResponseBase:  # noqa: A002 - named in the address
    answer = outputs.sent(request, _job(request, id))
    if answer is None:
        raise Failure(404, "not_found", f"Job {id} left no file to download.")
    return answer


def stop(request: HttpRequest, body: dict[str, Any], id: int) -> dict[str, Any]:  # noqa: A002
    user = caller(request)
    return queries.snapshot(services.stop(_own(request, id), user=user, how=body["how"]))


def pause(request: HttpRequest, id: int) -> dict[str, Any]:  # noqa: A002 - named in the address
    user = caller(request)
    return queries.snapshot(services.pause(_own(request, id), user))


def resume(request: HttpRequest, id: int) -> dict[str, Any]:  # noqa: A002 - named in the address
    user = caller(request)
    return queries.snapshot(services.resume(_own(request, id), user))


def move(request: HttpRequest, body: dict[str, Any], id: int) -> dict[str, Any]:  # noqa: A002
    user = caller(request)
    return queries.snapshot(services.move(_own(request, id), user, body["compute"]))


def _own(request: HttpRequest, number: int) -> Job:
    """One that the caller may change."""
    user = caller(request)
    job = _job(request, number)
    project_for(user, job.project.key, Role.EDITOR)
    return job


def _job(request: HttpRequest, number: int) -> Job:
    user = caller(request)
    return queries.job_for(None, user, number)


@api
async def events(request: HttpRequest, id: int) -> HttpResponseBase:  # noqa: A002
    """Server-Sent Events; Last-Event-ID, or ?last=, says which event the reader has."""
    if request.method not in ("GET", "HEAD"):
        answer = error_json("method_not_allowed", "This address takes GET.", 405)
        answer["Allow"] = "GET"
        return answer
    try:
        job, after = await sync_to_async(_followed)(request, id)
    except Exception as wrong:
        failed = answer_to(wrong)
        if failed is None:
            raise
        return failed
    await let_go()
    return response(job_stream(job, after, lambda: _still(request, id)))


def _still(request: HttpRequest, number: int) -> bool:
    """The token lives, and its owner may still read the job."""
    user = user_of_token(request.headers.get("Authorization", ""))
    mine = Job.objects.filter(pk=number, project__in=projects_of(user))
    return user is not None and mine.exists()


def _followed(request: HttpRequest, number: int) -> tuple[Job, int]:
    last = request.headers.get("Last-Event-ID") or request.GET.get("last") or "0"
    last = last.rpartition("@")[2]
    if not last.isascii() or not last.isdigit() or len(last) > 18:
        raise Failure(422, "invalid", "Last-Event-ID must be the id of an event.", "Last-Event-ID")
    return _job(request, number), int(last)

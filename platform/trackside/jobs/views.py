"""Pages of jobs: the list of a project and one job."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from recipes.kinds import KINDS
from recipes.tasks import data_of
from trackside.accounts.gate import caller, signed_in
from trackside.compute.models import Lease
from trackside.jobs import committed, logs, outputs, queries, services
from trackside.jobs.models import Attempt, Event, Job
from trackside.jobs.states import JOB_OVER, AttemptState, JobState
from trackside.jobs.turns import turns
from trackside.projects.access import may_edit, project_for
from trackside.projects.models import Role
from trackside.ui import words
from trackside.ui.streaming import streamed

PER_PAGE = 50
TAIL, TAIL_BYTES = 400, 2**20  # of the log on the page; the rest is a click away
STORY = ("state", "phase", "note", "started", "checkpoint", "finished", "failed")
PLAIN = ("queued", "starting", "running")  # whose reason says the state itself
FILTERS: dict[str, tuple[str, list[JobState]]] = {
    "": ("All", []),
    "active": (
        "Active",
        [JobState.QUEUED, JobState.STARTING, JobState.RUNNING, JobState.STOPPING],
    ),
    "succeeded": ("Succeeded", [JobState.SUCCEEDED]),
    "failed": ("Failed", [JobState.FAILED]),
    "cancelled": ("Cancelled", [JobState.CANCELLED]),
}


@signed_in
@require_GET
def jobs(request: HttpRequest, key: str) -> HttpResponse:
    project = project_for(request.user, key)
    rows = queries.jobs_of(project)
    chosen = request.GET.get("state", "")
    _, states = FILTERS.get(chosen, FILTERS[""])
    counts = {name: _count(rows, among) for name, (_, among) in FILTERS.items()}
    shown = rows.filter(state__in=states) if states else rows
    page = Paginator(shown, PER_PAGE).get_page(request.GET.get("page"))
    places, waiting = turns(page.object_list)
    for one in page.object_list:
        one.place = places.get(one.pk)
        one.took = _seconds(one.started_at, one.finished_at)
        last = max(one.attempts.all(), key=lambda each: each.number, default=None)
        one.where = last and ", ".join(node for node, _ in queries.parts(last))
    context = {
        "project": project,
        "page": page,
        "filters": [(name, label, counts[name]) for name, (label, _) in FILTERS.items()],
        "chosen": chosen if chosen in FILTERS else "",
        "waiting": waiting,
        "may_edit": may_edit(project),
    }
    return render(request, "jobs/list.html", context)


def _seconds(begin: datetime | None, end: datetime | None) -> float | None:
    return (end - begin).total_seconds() if begin and end else None


def _count(rows: Any, states: list[JobState]) -> int:
    return int((rows.filter(state__in=states) if states else rows).count())


@signed_in
@require_GET
def job(request: HttpRequest, key: str, number: int) -> HttpResponse:
    project = project_for(request.user, key)
    one = queries.job_for(project, caller(request), number)
    said, over = logs.logs(one), one.state in JOB_OVER
    log = logs.end(said, TAIL_BYTES).splitlines()
    attempts = list(queries.attempts().filter(job=one).order_by("-number"))
    for each in attempts:
        each.took = _seconds(each.assigned_at, each.finished_at)  # type: ignore[attr-defined]
        each.words = _end(each)  # type: ignore[attr-defined]
        each.parts = queries.parts(each)  # type: ignore[attr-defined]
    places, waiting = turns([one])
    context = {
        "project": project,
        "job": one,
        "place": places.get(one.pk),
        "waiting": waiting,
        "shot": queries.snapshot(one),
        "attempts": attempts,
        "events": _story(one),
        "log": "\n".join(log[-TAIL:]),
        "cut": len(log) > TAIL or sum(each.size for each in said) > TAIL_BYTES,
        "over": over,
        "settled": over and not Lease.objects.filter(attempt__job=one).exists(),
        "may_edit": may_edit(project),
        "resumes": KINDS[one.kind].resumes if one.kind in KINDS else False,
        # a fit of a table begins anew, its search does not
        "keeps": data_of(one.spec.get("task")) != "table" or "search" in one.spec,
        "checkpoints": committed.shown(one),
        "output": _output(one),
        "scored": outputs.shown(one),
        "run": getattr(one, "recipe_run", None),
        "model": getattr(one, "trained_model", None),
    }
    return render(request, "jobs/job.html", context)


def _end(attempt: Attempt) -> str:
    """Beside the reason: the exit code of what failed, and the last step of what was cut off."""
    ordered = attempt.state == AttemptState.YIELDED or attempt.exit in ("", "0")
    parts = [] if ordered else [f"exit {attempt.exit}"]
    if attempt.step and attempt.state in (AttemptState.FAILED, AttemptState.LOST):
        parts.append(f"step {attempt.step}")
    return ", ".join(parts)


def _story(one: Job) -> list[dict[str, Any]]:
    """What a person reads, the newest first. Of checkpoints the last: there is one an epoch.

    What is said twice in a row is said once: a state may come again with the same reason.
    """
    told = Event.objects.filter(job=one, type__in=STORY).order_by("-seq")
    last = told.filter(type="checkpoint")[:1]
    rest = told.exclude(type="checkpoint")[:200]
    rows = sorted([*last, *rest], key=lambda row: -row.seq)
    said = [{"at": row.at, "type": row.type, "text": sentence(row)} for row in rows]
    before = [*(one["text"] for one in said[1:]), None]
    return [one for one, same in zip(said, before, strict=True) if one["text"] != same]


def sentence(row: Event) -> str:
    """One event in words; js/pages/job.js says the same of those that come later."""
    data = row.data
    match row.type:
        case "state":
            now = str(data.get("state", ""))
            why = str(data.get("reason") or "")
            if why and now in PLAIN:
                return why
            where = f" on {data['node']}" if data.get("node") else ""
            return f"{now.capitalize()}{where}{why and f': {why}'}"
        case "started":
            ranks = words.plural(int(data.get("ranks") or 1), "rank")
            return f"Runs on {data.get('device', 'a device')} with {ranks}."
        case "checkpoint":
            return f"Checkpoint {committed.where(data)} written."
        case "finished":
            return "Finished."
        case "failed":
            return str(data.get("message", "Failed."))
    return str(data.get("text") or data.get("name") or "")


def _output(one: Job) -> str:
    """The dataset that an import, a scoring or an evaluation wrote or will write."""
    writes = one.kind in ("import", "score", "evaluate")
    return str(one.result.get("output") or "") if writes else ""


@signed_in
@require_GET
def log(request: HttpRequest, key: str, number: int) -> HttpResponseBase:
    """The whole log as plain text."""
    project = project_for(request.user, key)
    found = logs.logs(queries.job_for(project, caller(request), number))
    return streamed(
        request, logs.pieces(found), content_type=logs.PLAIN, filename=f"job-{number}.log"
    )


@signed_in
@require_GET
def file(request: HttpRequest, key: str, number: int) -> HttpResponseBase:
    """What a scoring wrote to download."""
    one = queries.job_for(project_for(request.user, key), caller(request), number)
    answer = outputs.sent(request, one)
    if answer is None:
        raise Http404(f"Job {number} left no file to download.")
    return answer


@signed_in
@require_POST
def stop(request: HttpRequest, key: str, number: int) -> HttpResponse:
    project = project_for(request.user, key, Role.EDITOR)
    one = queries.job_for(project, caller(request), number)
    how = "finish_early" if request.POST.get("how") == "finish_early" else "cancel"
    try:
        stopped = services.stop(one, user=caller(request), how=how)
    except services.AlreadyOver as over:
        messages.warning(request, str(over))
    else:
        messages.success(request, stopped.reason or "The job is being stopped.")
    return redirect("job", key, number)

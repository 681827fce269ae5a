"""Results of an analysis, and a session: its training page while it runs, its models afterwards."""

from collections.abc import Iterable
from itertools import chain
from typing import Any, get_args

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from recipes.job import Stop
from recipes.tasks import TASKS
from recipes.tasks.task import Metric
from trackside.accounts.gate import caller, error_json, signed_in
from trackside.jobs import logs
from trackside.jobs import services as jobs
from trackside.jobs.states import JOB_OVER
from trackside.lab import leaderboard, queries, running, services
from trackside.lab.entrants import LEAST, MOST
from trackside.lab.models import Analysis, Session, TrainedModel
from trackside.lab.pages import analysis_of, frame, wants_json
from trackside.projects.models import Role
from trackside.ui.streaming import streamed

Context = dict[str, Any]
MODELS = 100  # of a page


@signed_in
@require_GET
def results(request: HttpRequest, key: str, name: str) -> HttpResponse:
    """The models of all sessions in one table, as the address asks (lab/leaderboard.py)."""
    project, analysis = analysis_of(request, key, name)
    context = {**frame(project, analysis), "place": "results", **_table(request, analysis)}
    return render(request, "lab/results.html", context)


@signed_in
@require_GET
def session(request: HttpRequest, key: str, name: str, number: int) -> HttpResponse:
    project, analysis = analysis_of(request, key, name)
    found = queries.session_for(analysis, number)
    models = queries.session_models(found)
    context = {**frame(project, analysis), "place": "results", "session": found}
    if queries.at_work(models):
        context |= {"page": running.page(found, models)}
        return render(request, "lab/training.html", context)
    context |= _table(request, analysis, found)
    context["stories"] = [(one, running.ending(one)) for one in models if not one.bundle]
    return render(request, "lab/results.html", context)


def _table(request: HttpRequest, analysis: Analysis, only: Session | None = None) -> Context:
    """The models of all sessions, or of one and perhaps another one that it is compared with."""
    metrics = TASKS[analysis.task].metrics
    usual = queries.card_of(analysis)
    models = list(queries.models_of(analysis))
    if only is not None:
        compared = request.GET.get("with", "")
        told = compared.isdecimal() and len(compared) < 12
        numbers = {only.number, int(compared) if told else only.number}
        models = [one for one in models if one.session.number in numbers]
    wish = leaderboard.asked(request.GET.dict(), metrics, usual)
    ranked = leaderboard.ordered(leaderboard.kept(models, wish), wish, metrics)
    page = Paginator(ranked, MODELS).get_page(request.GET.get("page"))
    best = queries.best_first(models, usual)
    return {
        "session": only,
        "sessions": _sessions(analysis),
        "page": page,
        "wish": wish,
        "all": len(models),
        "comparable": sum(1 for one in models if one.bundle),
        "least": LEAST,
        "most": MOST,
        "compared": request.GET.get("with", ""),
        "top": next((one.pk for one in best if one.bundle and _judged(one, usual)), None),
        **leaderboard.choices(models, metrics),
        **leaderboard.table(list(page), wish, metrics, usual),
    }


def _judged(one: TrainedModel, card: Metric) -> bool:
    """Whether it has the figure at all: of one row there may be none."""
    return isinstance(one.metrics.get(card.name), int | float)


def _sessions(analysis: Analysis) -> list[Session]:
    """Newest first, each with its best model."""
    card = queries.card_of(analysis)
    by_session: dict[int, list[TrainedModel]] = {}
    for one in queries.models_of(analysis):
        by_session.setdefault(one.session_id, []).append(one)
    found = list(analysis.sessions.select_related("created_by").defer("design").order_by("-number"))
    for made in found:
        models = by_session.get(made.pk, [])
        ranked = queries.best_first(models, card)
        made.best = next((m for m in ranked if m.bundle), None)  # type: ignore[attr-defined]
        made.at_work = queries.at_work(models)  # type: ignore[attr-defined]
        made.waits = queries.waits(models)  # type: ignore[attr-defined]
        made.number_of_models = len(models)  # type: ignore[attr-defined]
        made.card = card  # type: ignore[attr-defined]
    return found


@signed_in
@require_GET
def log(request: HttpRequest, key: str, name: str, number: int) -> HttpResponseBase:
    """What the processes of the session's jobs printed, one job after the other."""
    _, analysis = analysis_of(request, key, name)
    found = queries.session_for(analysis, number)
    parts: list[Iterable[str]] = []
    for one in queries.session_models(found):
        if one.job is not None:
            parts += [[f"=== {one.label}, job {one.job_id} ===\n"], logs.pieces(logs.logs(one.job))]
    filename = f"{analysis.pk}-session-{found.number}.log"
    return streamed(request, chain(*parts), content_type=logs.PLAIN, filename=filename)


@signed_in
@require_POST
def stop(request: HttpRequest, key: str, name: str, number: int) -> HttpResponse:
    """`how`: finish_early or cancel. `scope`: one running job's number, or `all`."""
    user = caller(request)
    _, analysis = analysis_of(request, key, name, Role.EDITOR)
    found = queries.session_for(analysis, number)
    how: Any = request.POST.get("how", "")
    if how not in get_args(Stop) or not how:
        return error_json("how_unknown", "'how' must be finish_early or cancel.", 422, "how")
    alive = [
        one.job
        for one in queries.session_models(found)
        if one.job is not None and one.job.state not in JOB_OVER
    ]
    scope = request.POST.get("scope", "all")
    wanted = alive if scope == "all" else [one for one in alive if str(one.pk) == scope]
    for job in reversed(wanted):  # the waiting ones first, so that none of them starts meanwhile
        waits = job.state == "queued"
        try:
            jobs.stop(job, user=user, how="cancel" if waits else how)
        except jobs.AlreadyOver:
            continue
    if wants_json(request):
        return HttpResponse(status=204)
    return redirect("session", key, name, number)


@signed_in
@require_POST
def delete(request: HttpRequest, key: str, name: str, number: int) -> HttpResponse:
    user = caller(request)
    _, analysis = analysis_of(request, key, name, Role.EDITOR)
    found = queries.session_for(analysis, number)
    try:
        services.delete_session(found, user)
    except services.Refused as refused:
        messages.error(request, str(refused))
        return redirect("session", key, name, number)
    messages.success(request, f"{found.name} was deleted.")
    return redirect("analysis_results", key, name)

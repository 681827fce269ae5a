"""Analyses of the Lab: their design, training, sessions."""

from copy import copy
from typing import Any

from django.http import HttpRequest

from recipes.tasks import TASKS
from trackside.accounts.gate import caller
from trackside.api.failures import Failure
from trackside.api.fitting import answer, told
from trackside.api.paging import page, whole
from trackside.datasets.queries import dataset_for
from trackside.lab import device_wish, kept, leaderboard, queries, services
from trackside.lab.design import chosen, clean_part
from trackside.lab.labels import check_reported
from trackside.lab.models import Analysis, Session, TrainedModel
from trackside.lab.pages import diagnose
from trackside.projects.access import project_for, row
from trackside.projects.models import Role


def shown(analysis: Analysis) -> dict[str, Any]:
    """The whole design, with what it is about."""
    return {
        "name": analysis.name,
        "dataset": analysis.dataset.name,
        "features": {},
        **analysis.design,
        "task": analysis.task,
        "target": analysis.target,
    }


def short(analysis: Analysis) -> dict[str, Any]:
    return {
        "name": analysis.name,
        "dataset": analysis.dataset.name,
        "task": analysis.task,
        "target": analysis.target,
    }


def listed(request: HttpRequest, key: str) -> dict[str, Any]:
    project = project_for(request.user, key)
    rows = Analysis.objects.filter(project=project).select_related("dataset")
    return page(request, rows, "name", "analyses", short)


def create(request: HttpRequest, body: dict[str, Any], key: str) -> dict[str, Any]:
    user = caller(request)
    project = project_for(user, key, Role.EDITOR)
    dataset = dataset_for(project, body["dataset"])
    made = services.create_analysis(
        project,
        user,
        body["name"],
        dataset,
        target=body.get("target", "label"),
        task=body.get("task"),
    )
    return shown(made)


def get(request: HttpRequest, key: str, name: str) -> dict[str, Any]:
    return shown(_analysis(request, key, name))


def change(request: HttpRequest, body: dict[str, Any], key: str, name: str) -> dict[str, Any]:
    """Part by part; one wrong value leaves all as it was."""
    analysis = _analysis(request, key, name, Role.EDITOR)
    for part, values in body.items():
        if part in ("name", "dataset") or (part == "features" and part not in analysis.design):
            _as_it_is(part, values, shown(analysis)[part])
        else:
            services.save_design(analysis, part, values)
    analysis.refresh_from_db()
    return shown(analysis)


def _as_it_is(part: str, given: Any, own: Any) -> None:
    """A design may come back whole; what no call changes must be what it was."""
    if given != own:
        raise Failure(422, "invalid", f"{part!r} of this analysis stays {own!r}.", part)


def delete(request: HttpRequest, key: str, name: str) -> dict[str, Any]:
    services.delete_analysis(_analysis(request, key, name, Role.EDITOR), caller(request))
    return {}


def fit(request: HttpRequest, body: dict[str, Any], key: str, name: str) -> dict[str, Any]:
    analysis = _analysis(request, key, name)
    return answer(analysis, body.get("compute"), request.user)


def train(request: HttpRequest, body: dict[str, Any], key: str, name: str) -> dict[str, Any]:
    user = caller(request)
    analysis = _analysis(request, key, name, Role.EDITOR)
    design, models = _chosen(analysis, body.get("models"))
    for part in ("search", "split"):
        if part in body:
            design = {**design, part: clean_part(design, part, design.get(part, {}) | body[part])}
    held = body.get("compute") or analysis.design.get("compute")
    learning = chosen(design, models)
    compute = device_wish.compute(learning, held)
    design = device_wish.noted(design, learning, held, compute)
    session = services.train(
        analysis, user, compute, body.get("session_name", ""), models=models, design=design
    )
    jobs = session.models.order_by("id").values_list("job_id", flat=True)
    notes = [text for one in session.design["models"] for text in one.get("notes", [])]
    clicked = copy(analysis)
    clicked.design = session.design
    return {
        "session": session.number,
        "name": session.name,
        "jobs": list(jobs),
        "notes": notes,
        "findings": told(diagnose(clicked)),
    }


def _chosen(
    analysis: Analysis, models: list[Any] | None
) -> tuple[dict[str, Any], list[int] | None]:
    """Models by their place in the design, or written out for this session alone."""
    if models is None or all(isinstance(one, int) for one in models):
        return analysis.design, models
    cleaned = clean_part(analysis.design, "models", models)
    check_reported(cleaned, analysis.design["models"])
    return {**analysis.design, "models": cleaned}, None


def session(request: HttpRequest, key: str, name: str, n: int) -> dict[str, Any]:
    found = _session(request, key, name, n)
    models = sorted(found.models.select_related("job"), key=lambda one: _rank(found.analysis, one))
    shown_models = [_model(one) for one in models]
    return {"session": found.number, "name": found.name, "models": shown_models}


def delete_session(request: HttpRequest, key: str, name: str, n: int) -> dict[str, Any]:
    services.delete_session(_session(request, key, name, n, Role.EDITOR), caller(request))
    return {}


def models(request: HttpRequest, key: str, name: str) -> dict[str, Any]:
    """The models of all sessions, sorted and filtered as the results page does."""
    analysis = _analysis(request, key, name)
    metrics, usual = TASKS[analysis.task].metrics, queries.card_of(analysis)
    for field, known in (("sort", [*metrics, *leaderboard.OTHERS]), ("order", ("asc", "desc")),
                         ("state", leaderboard.STATES)):  # fmt: skip
        given = request.GET.get(field)
        if given and given not in known:
            said = f"{field!r} is one of {', '.join(known)}, not {given[:40]!r}."
            raise Failure(422, "invalid", said, field)
    wish = leaderboard.asked(request.GET.dict(), metrics, usual)
    found = leaderboard.kept(list(queries.models_of(analysis)), wish)
    first, limit = whole(request, "offset", 0, 10**9), whole(request, "limit", 100, 1000)
    shown_models = leaderboard.ordered(found, wish, metrics)[first : first + limit]
    return {
        "models": [{**_model(one), "session": one.session.number} for one in shown_models],
        "count": len(found),
    }


def trained_model(
    request: HttpRequest,
    key: str,
    id: int,  # noqa: A002 - named in the address
) -> dict[str, Any]:
    return _whole(_trained(request, key, id))


def change_model(
    request: HttpRequest,
    body: dict[str, Any],
    key: str,
    id: int,  # noqa: A002 - named in the address
) -> dict[str, Any]:
    """What is not named stays as it is."""
    found = _trained(request, key, id, Role.EDITOR)
    if "threshold" in body:
        kept.keep_threshold(found, body["threshold"], caller(request))
    if "starred" in body:
        services.star(found, body["starred"])
    return _whole(found)


def _trained(request: HttpRequest, key: str, number: int, role: Role = Role.READER) -> TrainedModel:
    project = project_for(request.user, key, role)
    return row(project, TrainedModel, through="session__analysis__project", pk=number)


def _whole(found: TrainedModel) -> dict[str, Any]:
    report = kept.report_of(found)
    return {
        **_model(found),
        "task": found.session.analysis.task,
        "threshold": report.get("threshold"),
        "own_threshold": report.pop("own", None),
        "report": report or None,
    }


def _rank(analysis: Analysis, one: TrainedModel) -> tuple[bool, float, int]:
    """Best first; models without a score last, in the order of the click."""
    metric = TASKS[analysis.task].metrics.get(one.metric)
    better = -1 if metric is None or metric.higher_is_better else 1
    return one.score is None, better * (one.score or 0.0), one.pk


def _model(one: TrainedModel) -> dict[str, Any]:
    return {
        "id": one.pk,
        "label": one.label,
        "algorithm": one.algorithm,
        "state": one.job.state if one.job else ("succeeded" if one.bundle else "failed"),
        "metric": one.metric,
        "score": one.score,
        "metrics": one.metrics,
        "params": one.params,
        "facts": one.facts,
        "search": one.search or None,
        "starred": one.starred,
        "job": one.job_id,
    }


def _session(
    request: HttpRequest, key: str, name: str, number: int, role: Role = Role.READER
) -> Session:
    analysis = _analysis(request, key, name, role)
    through = "analysis__project"
    return row(analysis.project, Session, through=through, analysis=analysis, number=number)


def _analysis(request: HttpRequest, key: str, name: str, role: Role = Role.READER) -> Analysis:
    if len(name) > 80:
        raise Failure(404, "not_found", "There is no such analysis.")
    return row(project_for(request.user, key, role), Analysis, name=name)

"""Reading the Lab: analyses, sessions, the model table, what fits where."""

from copy import copy
from typing import Any

from django.db.models import Count, QuerySet

from recipes.tasks import TASKS
from recipes.tasks.task import Metric
from trackside.accounts.models import User
from trackside.compute import fit as fitting
from trackside.compute.board import board
from trackside.compute.requests import clean
from trackside.jobs.states import JOB_OVER, JobState
from trackside.lab import estimates, forecast
from trackside.lab.design import chosen
from trackside.lab.models import Analysis, Session, TrainedModel
from trackside.projects.access import row
from trackside.projects.models import Project


def analyses_of(project: Project) -> list[Analysis]:
    """By name, each with its `sessions_n` and its `best` model so far."""
    rows = Analysis.objects.filter(project=project).select_related("dataset", "created_by")
    found: list[Analysis] = list(rows.annotate(sessions_n=Count("sessions")).order_by("name"))
    models = TrainedModel.objects.filter(session__analysis__in=found).select_related("session")
    models = models.defer("session__design")  # as specs: of 10,000 columns it has megabytes
    by_analysis: dict[int, list[TrainedModel]] = {}
    for one in models:
        by_analysis.setdefault(one.session.analysis_id, []).append(one)
    for analysis in found:
        ranked = best_first(by_analysis.get(analysis.pk, []), card_of(analysis))
        analysis.best = next((one for one in ranked if one.score is not None), None)  # type: ignore[attr-defined]
    return found


def analysis_for(project: Project, name: str) -> Analysis:
    """Raises Http404."""
    found = row(project, Analysis, name=name)
    found.project = project
    return found


def session_for(analysis: Analysis, number: int) -> Session:
    """Raises Http404."""
    found = row(
        analysis.project, Session, through="analysis__project", analysis=analysis, number=number
    )
    found.analysis = analysis
    return found


def card_of(analysis: Analysis) -> Metric:
    """The card of the metric that models of this analysis are chosen by."""
    task = TASKS[analysis.task]
    return task.metrics[analysis.design.get("metric", task.default_metric)]


def models_of(analysis: Analysis) -> QuerySet[TrainedModel]:
    rows = TrainedModel.objects.filter(session__analysis=analysis).select_related("session", "job")
    return rows.defer("job__spec", "session__design").order_by("pk")


def session_models(session: Session) -> list[TrainedModel]:
    """In the order in which they are trained."""
    rows = TrainedModel.objects.filter(session=session).select_related("job").defer("job__spec")
    return list(rows.order_by("pk"))


def best_first(models: list[TrainedModel], card: Metric) -> list[TrainedModel]:
    """By the metric of the analysis; models without a figure come last."""

    def rank(one: TrainedModel) -> tuple[bool, float, int]:
        value = one.metrics.get(card.name)
        if not isinstance(value, int | float):
            return True, 0.0, one.pk
        return False, -value if card.higher_is_better else value, one.pk

    return sorted(models, key=rank)


def state_of(model: TrainedModel) -> str:
    """A trained model's state is its job's; without a job only what is on disk speaks."""
    if model.job is not None:
        return model.job.state
    return "succeeded" if model.bundle else "failed"


def at_work(models: list[TrainedModel]) -> bool:
    return any(one.job is not None and one.job.state not in JOB_OVER for one in models)


def waits(models: list[TrainedModel]) -> str:
    """`paused` or `queued` for a session of which nothing runs now; else nothing."""
    jobs = [one.job for one in models if one.job is not None]
    left = [job for job in jobs if job.state not in JOB_OVER]
    if not left or any(job.state != JobState.QUEUED for job in left):
        return ""
    return "paused" if any(job.paused for job in left) else "queued"


def with_compute(analysis: Analysis, compute: dict[str, Any]) -> Analysis:
    """A copy whose design names this compute."""
    made = copy(analysis)
    made.design = {**analysis.design, "compute": compute}
    return made


def fit(analysis: Analysis, compute: dict[str, Any] | None, user: User) -> dict[str, Any]:
    """Per GPU the verdict for the largest chosen model; when it would start, how long it takes.

    Raises BadCompute, BadDesign.
    """
    wish = clean(compute or analysis.design.get("compute") or {"kind": "cpu"})
    asked = with_compute(analysis, wish)
    now = board(user)
    known = estimates.know()
    needs = [estimates.need(asked, one, known) for one in chosen(asked.design)]
    need = max(needs, key=lambda one: one.bytes or 0)
    found = fitting.verdicts(need, now, wish)
    times = [estimates.seconds(asked, one, known) for one in chosen(asked.design)]
    starts = forecast.start(wish, now, user=user, project=analysis.project, need=need)
    fitting.reserve(found, starts.pop("kept", {}))
    return {
        "gpus": [{"uuid": uuid, **one} for uuid, one in found.items()],
        "needs": need.bytes,
        "basis": need.basis,
        "start": starts,
        "duration": estimates.together(times),
    }

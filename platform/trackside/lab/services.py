"""The Lab changes here: analyses, their designs, the click on Train, its outcome, deletions."""

import re
from copy import copy
from hashlib import sha256
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from trackside.accounts.models import User
from trackside.accounts.services import audit
from trackside.compute.requests import clean
from trackside.datasets import holding
from trackside.datasets.models import Dataset
from trackside.jobs import services as jobs
from trackside.jobs.models import Attempt, Job
from trackside.lab import estimates, found_best, second_dataset
from trackside.lab.deleting import delete_analysis, delete_session
from trackside.lab.design import Design, chosen, clean_part, default_design
from trackside.lab.freezing import freeze, own, placed, taken
from trackside.lab.handling import clean as clean_features
from trackside.lab.handling import fitting, inputs
from trackside.lab.labels import check_reported, label_of
from trackside.lab.models import Analysis, Session, TrainedModel
from trackside.lab.subjects import aim, column_of, columns_of
from trackside.lab.targets import no_positive
from trackside.lab.trouble import BadDesign, Refused
from trackside.projects.models import Project

NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,79}$")


def create_analysis(
    project: Project,
    user: User | None,
    name: str,
    dataset: Dataset,
    target: str = "label",
    task: str | None = None,
) -> Analysis:
    """With a design that is complete from the start. Without a task, the target's own.

    Raises BadDesign, Refused.
    """
    task = aim(dataset, target, task)
    name = check_name(project, name)
    try:
        with transaction.atomic():
            holding.held(dataset)  # nobody deletes it now
            made = Analysis.objects.create(
                project=project,
                name=name,
                dataset=dataset,
                task=task,
                target=target,
                design=default_design(dataset.facts, task, target),
                created_by=user,
            )
            audit(user, "analysis made", f"{project.key}/{name}")
            return made
    except IntegrityError:
        raise BadDesign({"name": f"There is already an analysis called {name!r}."}) from None


def check_name(project: Project, name: str) -> str:
    """The name as it is kept. Raises BadDesign."""
    name = name.strip()
    if not NAME.match(name):
        raise BadDesign(
            {
                "name": f"{name!r} cannot be an analysis' name: up to 80 letters, digits, spaces, "
                "dots, dashes and underscores, a letter or digit first."
            }
        )
    if Analysis.objects.filter(project=project, name=name).exists():
        raise BadDesign({"name": f"There is already an analysis called {name!r}."})
    return name


@transaction.atomic
def save_design(analysis: Analysis, part: str, values: Any) -> Analysis:
    """Check one part by its card and keep it; what is not named stays as it is.

    Raises BadDesign; for `compute` also BadCompute.
    """
    held = Analysis.objects.select_for_update().get(pk=analysis.pk)
    now = held.design.get(part)
    if part != "compute" and isinstance(now, dict) and isinstance(values, dict):
        values = {**now, **values}
    if part == "features" and part in held.design:
        columns = inputs(columns_of(held.dataset), held.target)
        values = _still_fitting(columns, now, values, held.dataset.rows)
        value: Any = clean_features(columns, values, held.dataset.rows)
    elif part == "positive" and held.task == "two_class":
        value = _positive(held, values)
    else:
        value = clean_part(held.design, part, values)
    if part == "split":
        second_dataset.check(held, value)
    if part == "models":
        check_reported(value, held.design["models"])
    if part == "compute" and value:
        models = [one for one in held.design["models"] if one.get("on", True)]
        value = clean(placed(held.task, models or held.design["models"], value))
    held.design[part] = value
    held.save(update_fields=["design", "updated_at"])
    analysis.design, analysis.updated_at = held.design, held.updated_at
    return analysis


def _positive(analysis: Analysis, value: Any) -> str:
    """A class of the target, or "" for the last one in order. Raises BadDesign."""
    if not isinstance(value, str):
        raise BadDesign({"positive": f"'positive' must be a class as text, not {value!r}."})
    sentence = no_positive(column_of(analysis.dataset, analysis.target), value)
    if sentence:
        raise BadDesign({"positive": sentence})
    return value


def _still_fitting(columns: list[Any], now: Any, values: Any, rows: int) -> Any:
    """What was kept of columns that are no longer there, or of another type, goes silently."""
    if not isinstance(values, dict):
        return values
    _, lost = fitting(columns, now, rows)
    return {name: one for name, one in values.items() if name not in lost or one != now[name]}


def train(  # noqa: PLR0913 - what a click is made of
    analysis: Analysis,
    user: User | None,
    compute: dict[str, Any],
    session_name: str = "",
    click_id: str | None = None,
    models: list[int] | None = None,
    *,
    design: Design | None = None,
) -> Session:
    """One session, a job and a trained model for each chosen model, in one transaction.

    The same click of the same user answers the same session. `design` is the analysis' own unless
    the dialog changed it for this session. Raises Refused, BadDesign, BadCompute.
    """
    click = click_id or sha256(f"{analysis.pk}{timezone.now()}".encode()).hexdigest()[:32]
    before = _clicked(user, click)
    if before is not None:
        return before
    try:
        with transaction.atomic():
            made = _as_clicked(analysis, compute, design, models)
            return _begin(made, user, session_name, click, models)
    except IntegrityError:
        before = _clicked(user, click)
        if before is None:
            raise
        return before


def _clicked(user: User | None, click: str) -> Session | None:
    return Session.objects.filter(created_by=user, click_id=click).first() if user else None


def _as_clicked(
    analysis: Analysis, compute: dict[str, Any], design: Design | None, models: list[int] | None
) -> Analysis:
    """A copy of the analysis with the design of this click."""
    made = copy(analysis)
    clicked = design or analysis.design
    wish = {"precision": clicked["runtime"].get("precision", "auto"), **compute}
    wish = placed(analysis.task, chosen(clicked, models), wish)
    made.design = {**clicked, "compute": wish}
    return made


def _begin(
    analysis: Analysis, user: User | None, name: str, click: str, models: list[int] | None
) -> Session:
    wanted = chosen(analysis.design, models)
    Analysis.objects.select_for_update().get(pk=analysis.pk)
    second_dataset.hold(analysis)
    last = Session.objects.filter(analysis_id=analysis.pk).aggregate(last=Max("number"))["last"]
    number = (last or 0) + 1
    session = Session.objects.create(
        analysis_id=analysis.pk,
        number=number,
        name=(name.strip() or f"Session {number}")[:80],
        design={**analysis.design, "models": wanted},
        compute=analysis.design["compute"],
        click_id=click,
        created_by=user,
    )
    for place, model in enumerate(wanted):
        _submit(analysis, session, model, place)
    audit(user, "training begun", f"{analysis.project.key}/{analysis.name}/{session.name}")
    return session


def _submit(analysis: Analysis, session: Session, model: dict[str, Any], place: int) -> None:
    analysis = own(analysis, model)
    spec = freeze(analysis, model)
    label = label_of({**model, "searched": bool(spec.get("search"))})
    job = jobs.submit(
        project=analysis.project,
        user=session.created_by,
        kind="train",
        title=f"{session.name}, {analysis.name}, {label}",
        spec=spec,
        compute=analysis.design["compute"],
        needs=estimates.need(analysis, model),
        click_id=f"{sha256(session.click_id.encode()).hexdigest()[:40]}:{place}",
        seed=analysis.design["runtime"]["seed"],
    )
    TrainedModel.objects.create(
        session=session,
        job=job,
        algorithm=model["algorithm"],
        label=label,
        params=model["params"],
        metric=spec["metric"],
        search=spec.get("search", {}),
    )


def publish_training(job: Job, attempt: Attempt, result: dict[str, Any]) -> None:
    """What was measured becomes the trained model; inside the transaction that ends the job."""
    model = TrainedModel.objects.select_for_update().filter(job=job).first()
    facts = result.get("facts") or {}
    if model is None:
        return  # its session was deleted meanwhile
    model.metric = str(result.get("metric") or model.metric)
    model.metrics = result.get("metrics") or {}
    score = result.get("score", model.metrics.get(model.metric))
    model.score = None if score is None else float(score)
    model.facts = facts
    model.bundle = f"models/job-{job.pk}"
    if model.search:
        model.params, model.search = found_best.of(model)
    model.published_at = timezone.now()
    model.save()
    result["model"] = model.pk


def star(model: TrainedModel, on: bool) -> None:
    """Mark a model as a favourite, or not."""
    TrainedModel.objects.filter(pk=model.pk).update(starred=on)
    model.starred = on


__all__ = [
    "BadDesign",
    "Refused",
    "check_name",
    "create_analysis",
    "default_design",
    "delete_analysis",
    "delete_session",
    "freeze",
    "placed",
    "publish_training",
    "save_design",
    "star",
    "taken",
    "train",
]

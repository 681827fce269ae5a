"""What the training page shows at its first look; the live stream goes on from `seq`."""

from typing import Any

from django.db.models.fields.json import KeyTransform

from recipes.algorithms import ALGORITHMS
from recipes.tasks import TASKS, data_of
from trackside.compute.models import Lease
from trackside.jobs.models import Event, Job
from trackside.jobs.queries import event, series, snapshots
from trackside.jobs.states import JOB_OVER
from trackside.lab import labels, queries, searching
from trackside.lab.models import Session, TrainedModel

Json = dict[str, Any]
SAID = ("training", "params")  # of a spec: the whole one may have megabytes
STORY = ("state", "phase", "note", "log", "epoch", "trial", "checkpoint", "started", "failed")
LINES = 300  # of the log tail at the first look
ENDING = ("state", "note", "failed")


def page(session: Session, models: list[TrainedModel]) -> Json:
    """Everything of a session's jobs, as JSON for the page's script."""
    jobs = [one.job for one in models if one.job is not None]
    specs = _specs([job.pk for job in jobs])
    shots = {one["id"]: one for one in snapshots(jobs)}
    task = TASKS[session.analysis.task]
    return {
        "session": session.number,
        "name": session.name,
        "metrics": {
            name: {"label": one.label, "percent": one.percent, "higher": one.higher_is_better}
            for name, one in task.metrics.items()
        },
        "models": [
            _model(one, shots[one.job_id], {"task": session.analysis.task, **specs[one.job_id]})
            for one in models
            if one.job_id in shots
        ],
        "searches": any(one.search for one in models),
    }


def _specs(jobs: list[int]) -> dict[int | None, Json]:
    """By job what of its spec the page says."""
    parts = {f"said_{name}": KeyTransform(name, "spec") for name in SAID}
    rows: Any = Job.objects.filter(pk__in=jobs).values("pk", **parts)
    return {one["pk"]: {name: one[f"said_{name}"] for name in SAID} for one in rows}


def _model(model: TrainedModel, shot: Json, spec: Json) -> Json:
    job: Any = model.job
    training, params = spec["training"] or {}, spec["params"] or {}
    return {
        "id": model.pk,
        "label": model.label,
        "metric": model.metric,
        "search": _search(model),
        "epochs": training.get("epochs") or params.get("rounds") or params.get("trees"),
        "unit": labels.unit(model.algorithm),
        "data": data_of(spec["task"]),
        "batch": training.get("batch_size"),
        "schedule": training.get("schedule"),
        "rate": training.get("learning_rate"),
        "needs": (job.needs or {}).get("bytes"),
        "job": shot,
        "series": series(job),
        "story": story(job.pk),
        "load": _last(job.pk, "load"),
        "step": _last(job.pk, "step"),
        "started": _last(job.pk, "started"),
        "over": job.state in JOB_OVER,
    }


def _search(model: TrainedModel) -> Json | None:
    """What the page says of a search: null where nothing is searched."""
    wish, card = model.search, ALGORITHMS.get(model.algorithm)
    if not wish or card is None:
        return None
    named = {one.name: one for one in card.params.fields}
    return {
        "words": searching.in_words(wish, model.algorithm),
        "trials": searching.trials(wish, model.algorithm),
        "params": {
            name: {"label": named[name].label, "values": searching.labels(named[name])}
            for name in wish["space"]
            if name in named
        },
    }


def story(job: int) -> list[Json]:
    """The last lines of what a job told, oldest first."""
    rows = Event.objects.filter(job_id=job, type__in=STORY).order_by("-seq")[:LINES]
    return [event(one) for one in reversed(rows)]


def _last(job: int, type_: str) -> Json | None:
    row = Event.objects.filter(job_id=job, type=type_).order_by("-seq").first()
    return row.data if row else None


def ending(model: TrainedModel) -> Json:
    """How a training that gave no model came to its end: what was told last, and what it holds.

    Leases go only when its processes are proved gone, so that none left is the proof.
    """
    if model.job is None:
        return {"lines": [], "held": False, "began": False}
    return {
        "lines": _lines(model.job.pk),
        "held": Lease.objects.filter(attempt__job=model.job).exists(),
        "began": model.job.attempts.exclude(claimed_at=None).exists(),
    }


def _lines(job: int) -> list[Json]:
    rows = Event.objects.filter(job_id=job, type__in=ENDING).order_by("-seq")[:8]
    return [
        {
            "at": one.at,
            "type": one.type,
            "text": one.data.get("reason") or one.data.get("message") or one.data.get("text", ""),
        }
        for one in reversed(rows)
    ]


def state(models: list[TrainedModel]) -> str:
    """One word for the whole session."""
    states = [queries.state_of(one) for one in models]
    for word in ("running", "stopping", "starting", "queued"):
        if word in states:
            return word
    return states[0] if states else "queued"

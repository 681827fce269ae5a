"""Reading jobs: lists, one job as REST shows it, its story."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import DatabaseError
from django.db.models import Prefetch, QuerySet
from django.http import Http404

from trackside.accounts.models import User
from trackside.compute import clock
from trackside.compute.models import Gpu, Node, NodeState
from trackside.compute.services import state_of
from trackside.jobs import broker, health, outputs
from trackside.jobs.attempts import FAR
from trackside.jobs.models import Attempt, Event, Follower, Job
from trackside.jobs.series import series
from trackside.projects.access import projects_of
from trackside.projects.models import Project


def jobs_of(project: Project) -> QuerySet[Job]:
    """The project's jobs, newest first."""
    rows = Job.objects.filter(project=project).select_related("created_by", "project")
    rows = rows.defer("spec")  # of a table with 10,000 columns it has megabytes
    return rows.prefetch_related(Prefetch("attempts", attempts())).order_by("-id")


def attempts() -> QuerySet[Attempt]:
    """With their parts and nodes, but not what these can do."""
    large = ("node__catalogue", "node__topology")
    others = Follower.objects.select_related("node").defer(*large).order_by("position")
    rows = Attempt.objects.select_related("node").defer(*large)
    return rows.prefetch_related(Prefetch("followers", others))


def parts(attempt: Attempt) -> list[tuple[str, dict[str, Any]]]:
    """Each node of it with what it has there, in the order of the ranks."""
    others = ((one.node.name, one.compute) for one in attempt.followers.all())
    return [(attempt.node.name, attempt.compute), *others]


def job_of(user: User, number: int) -> Job:
    """A job of the queue for who may know of it: administrators of any. Raises Http404."""
    rows = Job.objects.select_related("created_by", "project")
    seen = rows if user.is_staff else rows.filter(project__in=projects_of(user))
    one = seen.filter(pk=number).first()
    if one is None:
        raise Http404("There is no such job.")
    return one


def job_for(project: Project | None, user: User, number: int) -> Job:
    """A job of a project that `user` is a member of. Raises Http404."""
    rows = Job.objects.select_related("project", "created_by", "stopped_by")
    within = rows.filter(project__in=projects_of(user) if project is None else [project])
    try:
        return within.get(pk=number)
    except (Job.DoesNotExist, OverflowError):
        raise Http404("There is no such job.") from None


def snapshot(job: Job) -> dict[str, Any]:
    """The job as `GET /jobs/{id}` answers it."""
    return snapshots([job])[0]


def snapshots(jobs: Iterable[Job]) -> list[dict[str, Any]]:
    """Several at once: a handful of queries for all of them."""
    rows = list(
        Job.objects.filter(pk__in=[job.pk for job in jobs])
        .defer("spec")  # of a table with 10,000 columns it has megabytes
        .select_related("project", "created_by", "stopped_by")
        .prefetch_related(Prefetch("attempts", attempts()), "trained_model")
        .order_by("-id")
    )
    named = {uuid for job in rows for uuid in _uuids(job)}
    found = Gpu.objects.filter(uuid__in=named)
    gpus = {
        uuid: {"uuid": uuid, "index": index, "name": name, "node": node}
        for uuid, index, name, node in found.values_list("uuid", "index", "name", "node__name")
    }
    return [_snapshot(job, gpus) for job in rows]


def _uuids(job: Job) -> list[str]:
    """The GPUs of the newest attempt, node by node, in the order of the ranks."""
    newest = max(job.attempts.all(), key=lambda one: one.number, default=None)
    if newest is None:
        return []
    return [uuid for _, compute in parts(newest) for uuid in compute.get("uuids", [])]


def _snapshot(job: Job, gpus: dict[str, dict[str, Any]]) -> dict[str, Any]:
    tries = sorted(job.attempts.all(), key=lambda one: one.number)
    uuids = _uuids(job)
    model = getattr(job, "trained_model", None)
    return {
        "id": job.pk,
        "project": job.project.key,
        "kind": job.kind,
        "title": job.title,
        "user": str(job.created_by or ""),
        "state": job.state,
        "reason": job.reason,
        "stop": job.stop,
        "paused": job.paused,
        "compute": job.compute,
        "gpus": [gpus[uuid] for uuid in uuids if uuid in gpus],
        "attempts": [_attempt(one) for one in tries],
        "progress": {**dict.fromkeys(FAR), **job.progress},
        "metrics": job.metrics,
        "model": model.pk if model is not None else job.result.get("model"),
        "output": job.result.get("output"),
        "fills": job.result.get("fills"),
        "scored": outputs.told(job) or None,
        "seed": job.seed,
        "priority": job.priority,
        "created_at": _iso(job.created_at),
        "started_at": _iso(job.started_at),
        "finished_at": _iso(job.finished_at),
        "seq": job.event_seq,
    }


def _attempt(one: Attempt) -> dict[str, Any]:
    return {
        "number": one.number,
        "fence": one.fence,
        "state": one.state,
        "node": one.node.name,
        "compute": one.compute,
        "launch": one.launch,
        "reason": one.reason,
        "cause": one.cause,
        "step": one.step,
        "exit": one.exit,
        "assigned_at": _iso(one.assigned_at),
        "claimed_at": _iso(one.claimed_at),
        "first_step_at": _iso(one.first_step_at),
        "finished_at": _iso(one.finished_at),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def events_after(job: int, seq: int, limit: int = 500) -> list[dict[str, Any]]:
    """The next events of a job's story, as the live stream sends them."""
    rows = Event.objects.filter(job_id=job, seq__gt=seq).order_by("seq")[:limit]
    return [event(row) for row in rows]


def event(row: Event) -> dict[str, Any]:
    return {
        "job": row.job_id,
        "seq": row.seq,
        "type": row.type,
        "at": row.at.isoformat(),
        "data": row.data,
    }


def readiness() -> dict[str, bool | str]:
    """For each part that work needs: True, or a sentence that says what is missing."""
    database = _database()
    nodes: bool | str = "Unknown: the database does not answer."
    if database is True:
        now = clock.now()
        rows = Node.objects.only("draining", "heartbeat_at")
        alive = any(state_of(one, now) == NodeState.ONLINE for one in rows)
        nodes = alive or "No node is online; jobs wait until an agent has started."
    found = broker.answers() or "The broker does not answer; jobs start some seconds later."
    return {"database": database, "broker": found, "nodes": nodes}


def _database() -> bool | str:
    try:
        health.ask_database()
    except DatabaseError as error:
        return f"The database does not answer: {type(error).__name__}."
    return True


__all__ = [
    "attempts",
    "event",
    "events_after",
    "job_for",
    "job_of",
    "jobs_of",
    "readiness",
    "series",
    "snapshot",
    "snapshots",
]

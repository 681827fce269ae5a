"""What people do to the queue: priorities, places, other devices for a job that waits.

One's own jobs, of a project that one edits; administrators any. Each act is told in the job's
story and followed by a placement pass.
"""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction

from trackside.accounts.models import User
from trackside.compute import clock
from trackside.compute.requests import PRIORITY, BadCompute
from trackside.jobs import history, scheduling
from trackside.jobs.history import Entry
from trackside.jobs.models import Job
from trackside.jobs.moves import AlreadyOver
from trackside.jobs.pausing import NotNow, wish_elsewhere
from trackside.jobs.states import JOB_OVER, JobState
from trackside.projects.access import can
from trackside.projects.models import Role


class NotYours(PermissionDenied):
    """Somebody else's job; the message is shown."""


def must_command(job: Job, user: User) -> None:
    """Whether `user` may change the job's place. Raises NotYours."""
    if user.is_staff or user.is_superuser:
        return
    if job.created_by_id != user.pk:
        raise NotYours(
            f"Job {job.pk} is {job.created_by or 'a former user'}'s: only they and administrators "
            "change its place in the queue."
        )
    if not can(user, job.project, Role.EDITOR):
        raise NotYours(f"Job {job.pk} belongs to a project in which you may only read.")


@transaction.atomic
def set_priority(job: Job, user: User, priority: int) -> Job:
    """More is sooner; it keeps the time that it has waited.

    Raises NotYours, AlreadyOver, and BadCompute for a number out of range.
    """
    must_command(job, user)
    if isinstance(priority, bool) or not -PRIORITY <= priority <= PRIORITY:
        sentence = f"A priority is a whole number from {-PRIORITY} to {PRIORITY}, not {priority!r}."
        raise BadCompute("priority", sentence, "priority_wrong")
    _lock(job)
    if job.state in JOB_OVER:
        raise AlreadyOver(f"Job {job.pk} is over: a priority no longer matters.")
    if priority != job.priority:
        Job.objects.filter(pk=job.pk).update(priority=priority, turn=None)
        _tell(job, f"{user} changed its priority from {job.priority} to {priority}.")
    job.refresh_from_db()
    return job


@transaction.atomic
def move_before(job: Job, user: User, other: Job) -> Job:
    """Its turn comes right before `other`'s, with the same priority.

    Raises NotYours (also for another person's `other`, whom one would pass), NotNow.
    """
    must_command(job, user)
    must_command(other, user)
    if job.pk == other.pk:
        raise NotNow("A job cannot be moved before itself.")
    for one in sorted((job, other), key=lambda one: one.pk):
        _lock(one)
    _must_wait(job)
    _must_wait(other)
    turn = _between(job, other)
    Job.objects.filter(pk=job.pk).update(priority=other.priority, turn=turn)
    _tell(job, f"{user} moved it before job {other.pk}.")
    job.refresh_from_db()
    return job


def _between(job: Job, other: Job) -> float:
    """A number just below the other's turn: nobody else who waits stands in between."""
    last = _turn(other.pk, other.turn)
    waiting = Job.objects.filter(state=JobState.QUEUED).exclude(pk=job.pk)
    moved = waiting.filter(turn__lt=last).order_by("-turn").values_list("turn", flat=True)
    plain = waiting.filter(turn=None, pk__lt=last).order_by("-pk").values_list("pk", flat=True)
    before = [float(one) for one in (moved.first(), plain.first()) if one is not None]
    first = max(before, default=last - 1)
    turn = (first + last) / 2
    if not first < turn < last:
        raise NotNow(f"There is no room before job {other.pk} any more: change the priority.")
    return turn


@transaction.atomic
def move_after(job: Job, user: User, other: Job) -> Job:
    """Its turn comes right after `other`'s, with the same priority.

    One's own job may let anybody's pass. Raises NotYours (another person's `other`, where that
    would be a step forward), NotNow.
    """
    must_command(job, user)
    if job.pk == other.pk:
        raise NotNow("A job cannot be moved after itself.")
    for one in sorted((job, other), key=lambda one: one.pk):
        _lock(one)
    _must_wait(job)
    _must_wait(other)
    back = _turn(other.pk, other.turn) > _turn(job.pk, job.turn)
    if not back or other.priority > job.priority:
        must_command(other, user)
    Job.objects.filter(pk=job.pk).update(priority=other.priority, turn=_behind(job, other))
    _tell(job, f"{user} moved it after job {other.pk}.")
    job.refresh_from_db()
    return job


def _behind(job: Job, other: Job) -> float:
    """A number just above the other's turn."""
    first = _turn(other.pk, other.turn)
    waiting = Job.objects.filter(state=JobState.QUEUED).exclude(pk=job.pk)
    moved = waiting.filter(turn__gt=first).order_by("turn").values_list("turn", flat=True)
    plain = waiting.filter(turn=None, pk__gt=first).order_by("pk").values_list("pk", flat=True)
    behind = [float(one) for one in (moved.first(), plain.first()) if one is not None]
    last = min(behind, default=first + 1)
    turn = (first + last) / 2
    if not first < turn < last:
        raise NotNow(f"There is no room after job {other.pk} any more: change the priority.")
    return turn


def _turn(pk: int, turn: float | None) -> float:
    return float(pk) if turn is None else turn


@transaction.atomic
def move_waiting(job: Job, user: User, compute: dict[str, Any]) -> Job:
    """Wait for other devices instead, at the same place; a job that runs is moved by `move`.

    Raises NotYours, NotNow, and BadCompute for what can never run.
    """
    must_command(job, user)
    _lock(job)
    _must_wait(job)
    asked = wish_elsewhere(job, compute)
    Job.objects.filter(pk=job.pk).update(
        compute=asked, preemptible=asked["preemptible"], max_seconds=asked["max_seconds"]
    )
    _tell(job, f"{user} has it wait for {_wish(asked)} instead.")
    scheduling.place(job.pk, clock.now())
    job.refresh_from_db()
    return job


def _wish(asked: dict[str, Any]) -> str:
    """As the end of a sentence."""
    if asked["kind"] == "cpu":
        return f"{asked['ranks']} CPU core{'' if asked['ranks'] == 1 else 's'}"
    model = f" {asked['name']}" if asked.get("name") else ""
    number = len(asked.get("uuids", ())) or asked["count"]
    any_ = "any " if asked["kind"] == "any" else ""
    return f"{any_}{number}{model} GPU{'' if number == 1 else 's'}"


def _lock(job: Job) -> None:
    """Reads the job anew and holds its row to the end of the transaction."""
    Job.objects.select_for_update(of=("self",)).get(pk=job.pk)
    job.refresh_from_db()


def _must_wait(job: Job) -> None:
    if job.state in JOB_OVER:
        raise AlreadyOver(f"Job {job.pk} is over.")
    if job.state != JobState.QUEUED:
        raise NotNow(f"Job {job.pk} does not wait any more: it is {job.state}.")


def _tell(job: Job, text: str) -> None:
    history.append(job.pk, [Entry("note", {"level": "info", "text": text}, clock.now())])
    scheduling.later()

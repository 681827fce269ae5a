"""What people do to the queue: priorities, places, other devices for a job that waits.

One's own jobs, of a project that one edits; administrators any. Each act is told in the job's
story and followed by a placement pass.
"""

from typing import Any, Literal, get_args

from django.core.exceptions import PermissionDenied
from django.db import transaction

from trackside.accounts.models import User
from trackside.compute import clock
from trackside.compute.requests import PRIORITY, BadCompute
from trackside.compute.urgency import administers, must_allow
from trackside.jobs import history, living, places, scheduling
from trackside.jobs.history import Entry
from trackside.jobs.models import Job
from trackside.jobs.moves import AlreadyOver, NotNow
from trackside.jobs.pausing import wish_elsewhere
from trackside.jobs.states import JOB_OVER, JobState
from trackside.projects.access import can
from trackside.projects.models import Role
from trackside.ui.words import plural

Side = Literal["before", "after"]
SIDES: tuple[Side, ...] = get_args(Side)


class NotYours(PermissionDenied):
    """Somebody else's job; the message is shown."""


def must_command(job: Job, user: User) -> None:
    """Whether `user` may change the job's place. Raises NotYours."""
    if administers(user):
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

    Above 0 only an administrator raises it. Raises NotYours, AlreadyOver, and BadCompute for a
    number out of range.
    """
    must_command(job, user)
    if isinstance(priority, bool) or not -PRIORITY <= priority <= PRIORITY:
        sentence = f"A priority is a whole number from {-PRIORITY} to {PRIORITY}, not {priority!r}."
        raise BadCompute("priority", sentence, "priority_wrong")
    living.hold(job)
    if job.state in JOB_OVER:
        raise AlreadyOver(f"Job {job.pk} is over: a priority no longer matters.")
    if priority > job.priority:
        must_allow(priority, user)
    if priority != job.priority:
        Job.objects.filter(pk=job.pk).update(priority=priority)
        _tell(job, f"{user} changed its priority from {job.priority} to {priority}.")
    job.refresh_from_db()
    return job


def place_beside(job: Job, user: User, side: Side, number: int) -> Job:
    """Its turn comes right before or after that of a job that waits, whosever it is.

    Raises NotYours, NotNow.
    """
    must_command(job, user)
    waiting = Job.objects.select_related("created_by", "project").filter(state=JobState.QUEUED)
    other = waiting.filter(pk=number).first()
    if other is None:
        raise NotNow(f"Job {number} does not wait.")
    return move_before(job, user, other) if side == "before" else move_after(job, user, other)


@transaction.atomic
def move_before(job: Job, user: User, other: Job) -> Job:
    """Its turn comes right before `other`'s.

    Among a user's own jobs the places are exchanged, so that nobody else is passed. Raises NotYours
    (also for another person's `other`, whom one would pass), NotNow.
    """
    must_command(job, user)
    _both_wait(job, other, "before")
    if administers(user):
        places.put(job, other, behind=False)
    else:
        must_command(other, user)
        places.exchange(job, other, behind=False)
    _tell(job, f"{user} moved it before job {other.pk}.")
    job.refresh_from_db()
    return job


@transaction.atomic
def move_after(job: Job, user: User, other: Job) -> Job:
    """Its turn comes right after `other`'s.

    One's own job may let anybody's pass. Raises NotYours (another person's `other`, where that
    would be a step forward, now or later), NotNow.
    """
    must_command(job, user)
    _both_wait(job, other, "after")
    strange = other.created_by_id != job.created_by_id
    if administers(user) or (strange and places.is_back(job, other)):
        places.put(job, other, behind=True)
    else:
        must_command(other, user)
        places.exchange(job, other, behind=True)
    _tell(job, f"{user} moved it after job {other.pk}.")
    job.refresh_from_db()
    return job


def _both_wait(job: Job, other: Job, side: str) -> None:
    if job.pk == other.pk:
        raise NotNow(f"A job cannot be moved {side} itself.")
    places.hold(job, other)
    for one in (job, other):
        _must_wait(one)
        if one.paused:
            raise NotNow(f"Job {one.pk} is paused: it has no turn until it is resumed.")


@transaction.atomic
def move_waiting(job: Job, user: User, compute: dict[str, Any]) -> Job:
    """Wait for other devices instead, at the same place; a job that runs is moved by `move`.

    Raises NotYours, NotNow, and BadCompute for what can never run.
    """
    must_command(job, user)
    living.hold(job)
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
        return plural(asked["ranks"], "CPU core")
    model = f"{asked['name']} " if asked.get("name") else ""
    number = len(asked.get("uuids", ())) or asked["count"]
    any_ = "any " if asked["kind"] == "any" else ""
    return f"{any_}{plural(number, f'{model}GPU')}"


def _must_wait(job: Job) -> None:
    if job.state in JOB_OVER:
        raise AlreadyOver(f"Job {job.pk} is over.")
    if job.state != JobState.QUEUED:
        raise NotNow(f"Job {job.pk} does not wait any more: it is {job.state}.")


def _tell(job: Job, text: str) -> None:
    history.append(job.pk, [Entry("note", {"level": "info", "text": text}, clock.now())])
    scheduling.later()

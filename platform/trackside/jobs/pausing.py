"""A running job gives way: paused, moved elsewhere, for a more urgent one, for a drained machine.

All are one mechanism: the word goes to the gang, which writes a checkpoint at its next step and
ends; the job is back in the queue and goes on from there.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from trackside.accounts.models import User
from trackside.compute import clock
from trackside.compute.models import Node
from trackside.compute.requests import budgeted, clean
from trackside.jobs import history, living, retries, scheduling, waited
from trackside.jobs.attempts import CLAIMED, LIVE
from trackside.jobs.ending import asked, kept
from trackside.jobs.kinds import placed
from trackside.jobs.models import Attempt, Job
from trackside.jobs.moves import NotNow, StaleAttempt, must_move_job
from trackside.jobs.states import JOB_OVER, AttemptState, JobState, Move


@transaction.atomic
def pause(job: Job, user: User) -> Job:
    """Ends its processes with a checkpoint and keeps it in the queue until it is resumed.

    Raises AlreadyOver, NotNow.
    """
    _must_be_free(job)
    if job.paused:
        raise NotNow(f"Job {job.pk} is paused already.")
    if job.state == JobState.QUEUED:
        words = f"Paused by {user}. {kept(job.pk) if job.started_at else ''}".strip()
        _tell(job, words, paused=True, paused_at=clock.now())
    else:
        Job.objects.filter(pk=job.pk).update(paused=True)
        words = f"{user} pauses it; waits for its checkpoint."
        _give_way(job, "pause", user, words)
    job.refresh_from_db()
    return job


@transaction.atomic
def resume(job: Job, user: User) -> Job:
    """A paused job takes part in the queue again, at its old place. Raises AlreadyOver, NotNow."""
    _must_live(job)
    if not Job.objects.filter(pk=job.pk, paused=True).update(paused=False):
        raise NotNow(f"Job {job.pk} is not paused.")
    if job.state == JobState.QUEUED:
        waited.stood(job, clock.now())
        _tell(job, f"Resumed by {user}; waits to be placed.")
        scheduling.later()
    job.refresh_from_db()
    return job


@transaction.atomic
def move(job: Job, user: User, compute: dict[str, Any]) -> Job:
    """Go on on other devices, from a checkpoint, at its old place in the queue.

    Raises AlreadyOver, NotNow, and BadCompute for what can never run.
    """
    asks = wish_elsewhere(job, compute)
    _must_be_free(job)
    _must_be_elsewhere(job, asks)
    limits = {"preemptible": asks["preemptible"], "max_seconds": asks["max_seconds"]}
    Job.objects.filter(pk=job.pk).update(compute=asks, paused=False, **limits)
    if job.state == JobState.QUEUED:
        waited.stood(job, clock.now())
        _tell(job, f"Moved by {user}; waits to be placed.")
        scheduling.later()
    else:
        _give_way(job, "move", user, f"{user} moves it; waits for its checkpoint.")
    job.refresh_from_db()
    return job


def wish_elsewhere(job: Job, compute: dict[str, Any]) -> dict[str, Any]:
    """What a job asks for that goes on elsewhere; what is not said stays. Raises BadCompute."""
    asks = {
        **budgeted(clean(placed(job.spec, compute, job.kind)), job.needs),
        "priority": job.priority,
    }
    for name in ("preemptible", "max_seconds"):
        if name not in compute:
            asks[name] = getattr(job, name)
    return asks


@transaction.atomic
def preempt(job: Job, by_job: int) -> bool:
    """Make room for a more urgent job; False when this one is over or leaves already."""
    job.refresh_from_db()
    if job.state in JOB_OVER or job.state == JobState.QUEUED or job.stop:
        return False
    return _give_way(job, "preempt", None, f"Makes room for job {by_job}; writes its checkpoint.")


def drain_node(node: Node) -> int:
    """Ask every job of a machine to go on elsewhere; how many were asked."""
    here = Attempt.objects.filter(Q(node=node) | Q(followers__node=node), state__in=LIVE)
    jobs = Job.objects.filter(attempts__in=here, stop="").distinct()
    words = f"{node.name} is taken out of service; writes its checkpoint."
    return sum(_drained(job, words) for job in jobs)


@transaction.atomic
def _drained(job: Job, words: str) -> bool:
    job.refresh_from_db()
    return job.stop == "" and _give_way(job, "drain", None, words)


def end_overdue(now: datetime) -> int:
    """Jobs that have run as long as they may: they write a checkpoint and end. How many."""
    late = [
        job
        for job in Job.objects.filter(max_seconds__isnull=False, attempts__state__in=CLAIMED)
        if job.stop in ("", *retries.ON_ORDER) and seconds_left(job, now) == 0
    ]
    words = "It has run as long as it may; writes its checkpoint."
    return sum(_overdue(job, words) for job in late)


@transaction.atomic
def _overdue(job: Job, words: str) -> bool:
    return _give_way(job, retries.TIME_LIMIT, None, words)


def seconds_left(job: Job, now: datetime) -> float | None:
    """Of `max_seconds`, over all attempts; None without a limit."""
    if job.max_seconds is None:
        return None
    rows = Attempt.objects.filter(job=job, claimed_at__isnull=False)
    spans = rows.values_list("claimed_at", "finished_at")
    ran = sum(((end or now) - begin for begin, end in spans if begin), timedelta())
    return max(0.0, job.max_seconds - ran.total_seconds())


def _must_live(job: Job) -> None:
    living.hold(job)
    if job.state in JOB_OVER:
        raise living.already_over(job)


def _must_be_free(job: Job) -> None:
    _must_live(job)
    if job.stop and job.stop not in retries.ON_ORDER:
        ends = {"cancel": "cancelled", "finish_early": "finished early"}
        raise NotNow(f"Job {job.pk} is being {ends.get(job.stop, 'ended')}.")


def _must_be_elsewhere(job: Job, asks: dict[str, Any]) -> None:
    attempt, uuids = living.live(job), asks.get("uuids")
    if attempt is None or not uuids or attempt.followers.exists():
        return
    shared = bool(attempt.compute.get("share")) == (asks["share"] == "shared")
    if shared and set(uuids) == set(attempt.compute.get("uuids") or ()):
        raise NotNow(f"Job {job.pk} runs on just these GPUs already.")


def _tell(job: Job, words: str, **values: Any) -> None:
    Job.objects.filter(pk=job.pk).update(reason=words, **values)
    history.tell_state(job.pk, clock.now())


def _give_way(job: Job, stop: str, user: User | None, words: str) -> bool:
    """Back to the queue at once where no process exists yet, else ask the gang."""
    attempt = living.live(job)
    if attempt is None or job.state in JOB_OVER:
        return False
    try:
        if attempt.state == AttemptState.ASSIGNED:
            _take_back(job, attempt, stop, user)
        else:
            living.ask(attempt, stop, user, words)
    except StaleAttempt:
        return False
    history.tell_state(job.pk, clock.now())
    return True


def _take_back(job: Job, attempt: Attempt, stop: str, user: User | None) -> None:
    job.stopped_by = user
    reason = asked(job, stop)
    living.take_back(attempt, Move.YIELD, clock.now(), reason=reason, cause=stop)
    must_move_job(job.pk, Move.REQUEUE, reason=reason, stop="", stopped_by=user)
    waited.ran(job, attempt, clock.now())

"""A click: a job comes to be, and if its devices are free, it starts in the same transaction."""

from dataclasses import asdict, is_dataclass
from secrets import token_hex
from typing import Any

from django.db import IntegrityError, transaction

from recipes import crash
from trackside.accounts.models import User
from trackside.compute import clock, room
from trackside.compute.requests import BadCompute, budgeted, clean
from trackside.compute.urgency import must_allow
from trackside.jobs import history, scheduling
from trackside.jobs.kinds import known, placed, takes_quick_slot
from trackside.jobs.living import already_over, ask, live, take_back
from trackside.jobs.models import Job
from trackside.jobs.moves import StaleAttempt, move_job, must_move_job
from trackside.jobs.states import JOB_OVER, AttemptState, JobState, Move
from trackside.projects.models import Project


def submit(  # noqa: PLR0913 - what a job is made of
    *,
    project: Project,
    user: User | None,
    kind: str,
    title: str,
    spec: dict[str, Any],
    compute: dict[str, Any],
    needs: Any = None,
    click_id: str | None = None,
    seed: int = 1337,
    priority: int = 0,
) -> Job:
    """Joins the caller's transaction. The same click of the same user answers the same job.

    Raises BadCompute for what can never run, NoRoom when the storage is full. What is busy is
    QUEUED, with a sentence why.
    """
    if not known(kind):
        raise BadCompute("kind", f"There is no kind of job called {kind!r}.", "kind_unknown")
    needed = _plain(needs)
    asked = budgeted(clean(placed(spec, compute, kind)), needed)
    must_allow(max(priority, asked["priority"]), user)
    if asked["kind"] == "cpu" and takes_quick_slot(kind):
        asked["ranks"] = 1
    job = Job(
        project=project,
        created_by=user,
        kind=kind,
        title=title[:200],
        spec=spec,
        compute=asked,
        seed=seed,
        needs=needed,
        click_id=click_id or token_hex(16),
        priority=priority or asked["priority"],
        preemptible=asked["preemptible"],
        max_seconds=asked["max_seconds"],
        reason=scheduling.UNPLACED,
    )
    with transaction.atomic():
        before = _clicked(job)
        if before is None and not takes_quick_slot(kind):
            room.require()
        return before or _keep(job)


def _plain(needs: Any) -> dict[str, Any]:
    """An estimate, as `fit` makes it or as a dict."""
    if is_dataclass(needs) and not isinstance(needs, type):
        return asdict(needs)
    return needs or {}


def _clicked(job: Job) -> Job | None:
    if job.created_by is None:
        return None
    return Job.objects.filter(created_by=job.created_by, click_id=job.click_id).first()


def _keep(job: Job) -> Job:
    now = clock.now()
    try:
        with transaction.atomic():
            job.save(force_insert=True)
    except IntegrityError:  # the same click, a moment ago, in another process
        return Job.objects.get(created_by=job.created_by, click_id=job.click_id)
    history.tell_state(job.pk, now)
    crash.point("submit.kept")
    scheduling.place(job.pk, now)
    job.refresh_from_db()
    if job.state == JobState.QUEUED:
        scheduling.later()  # what came free while this transaction was open
    return job


@transaction.atomic
def stop(job: Job, *, user: User, how: str) -> Job:
    """Finish early (keeps the best weights) or cancel. Raises AlreadyOver.

    What has not begun is cancelled here; a running gang ends itself and its agent reports it.
    """
    now = clock.now()
    for _ in range(3):
        job.refresh_from_db()
        if job.state in JOB_OVER:
            break
        if _stop_waiting(job, user) or _stop_assigned(job, user) or _stop_running(job, user, how):
            crash.point("stop.asked")
            history.tell_state(job.pk, now)
            job.refresh_from_db()
            return job
    raise already_over(job)


def _cancelled(user: User) -> dict[str, Any]:
    return {
        "stop": "cancel",
        "stopped_by": user,
        "finished_at": clock.now(),
        "reason": f"Cancelled by {user} before it began.",
    }


def _stop_waiting(job: Job, user: User) -> bool:
    """Not what was placed a moment ago: that has an attempt, which must end first."""
    return move_job(job.pk, Move.CANCEL, at=JobState.QUEUED, **_cancelled(user))


def _stop_assigned(job: Job, user: User) -> bool:
    attempt = live(job)
    if attempt is None or attempt.state != AttemptState.ASSIGNED:
        return False
    values = _cancelled(user)
    try:
        take_back(attempt, Move.CANCEL, values["finished_at"], reason=values["reason"])
    except StaleAttempt:
        return False
    must_move_job(job.pk, Move.CANCEL, **values)
    return True


def _stop_running(job: Job, user: User, how: str) -> bool:
    attempt = live(job)
    if attempt is None or attempt.state == AttemptState.ASSIGNED:
        return False
    if job.stop == "cancel":
        return True  # a cancelled job cannot be finished early any more
    words = "cancelled it" if how == "cancel" else "asked it to finish early"
    try:
        ask(attempt, how, user, f"{user} {words}; waits for its processes to end.")
    except StaleAttempt:
        return False
    return True

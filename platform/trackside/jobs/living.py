"""A job that lives and the attempt that it has now: held together, asked to end, taken back."""

from datetime import datetime
from typing import Any

from django.db import transaction

from recipes import crash
from trackside.accounts.models import User
from trackside.compute.models import Lease
from trackside.jobs import doorbell, scheduling
from trackside.jobs.attempts import LIVE
from trackside.jobs.models import Attempt, Job
from trackside.jobs.moves import AlreadyOver, move_attempt, move_job
from trackside.jobs.states import JobState, Move

_ENDED = {
    JobState.SUCCEEDED: "succeeded",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "was cancelled",
}


def live(job: Job) -> Attempt | None:
    """The attempt that is not over."""
    rows = Attempt.objects.filter(job=job, state__in=LIVE)
    return rows.select_related("node").first()


def hold(job: Job) -> None:
    """Reads the job anew and locks it, so that what follows is decided once.

    Its attempt first, as its agent does: else both could wait for each other. An attempt that came
    to be while we waited for the job is no exception: the job is let go and both are taken again.
    """
    attempts = Attempt.objects.filter(job=job, state__in=LIVE)
    while True:
        before = transaction.savepoint()
        held = set(attempts.select_for_update(of=("self",)).values_list("pk", flat=True))
        job.refresh_from_db(from_queryset=Job.objects.select_for_update(of=("self",)))
        if held.issuperset(attempts.values_list("pk", flat=True)):
            return transaction.savepoint_commit(before)
        transaction.savepoint_rollback(before)


def already_over(job: Job) -> AlreadyOver:
    """What to raise; it says how the job ended."""
    how = _ENDED.get(JobState(job.state), f"is {job.state}")
    return AlreadyOver(f"Job {job.pk} is already over: it {how}.")


def take_back(attempt: Attempt, move: Move, now: datetime, **values: Any) -> None:
    """Assigned but not claimed: no process exists, so that the leases can go at once.

    A claim in the meantime has given the row another fence. Raises StaleAttempt.
    """
    move_attempt(attempt, move, finished_at=now, **values)
    Lease.objects.filter(attempt=attempt).delete()
    scheduling.later()


def ask(attempt: Attempt, stop: str, user: User | None, words: str) -> None:
    """The word goes to the gang, which ends itself; its agent reports it. Raises StaleAttempt."""
    move_attempt(attempt, Move.STOP)
    crash.point("living.asked")
    move_job(attempt.job_id, Move.STOP, stop=stop, stopped_by=user, reason=words)
    others = attempt.followers.values_list("node__name", flat=True)
    doorbell.poke_soon({attempt.node.name, *others})

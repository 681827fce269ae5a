"""Guarded moves: one UPDATE that names the states it may leave, and the fence of who asks."""

from typing import Any

from trackside.jobs.models import Attempt, Job
from trackside.jobs.states import (
    ATTEMPT_MOVES,
    JOB_MOVES,
    IllegalMove,
    JobState,
    Move,
    attempt_sources,
    job_sources,
)


class StaleAttempt(Exception):
    """The attempt is over or belongs to somebody else by now: its writer must end itself."""


class NotNow(Exception):
    """The job cannot do that in its present state; the message says why."""


class AlreadyOver(Exception):
    """The job has ended before it could be stopped; the message says how."""


def move_attempt(attempt: Attempt, move: Move, **values: Any) -> None:
    """Move the row and the instance. Raises StaleAttempt when the fence or the state is not ours.

    Lock order everywhere: the attempt, then its leases, then the job.
    """
    target = next(to for (_, one), to in ATTEMPT_MOVES.items() if one == move)
    rows = Attempt.objects.filter(
        pk=attempt.pk, fence=attempt.fence, state__in=attempt_sources(move)
    )
    if not rows.update(state=target, **values):
        raise StaleAttempt(
            f"Attempt {attempt.pk} with fence {attempt.fence} can no longer {move.value}."
        )
    attempt.state = target
    for name, value in values.items():
        setattr(attempt, name, value)


def move_job(job: int, move: Move, *, at: JobState | None = None, **values: Any) -> bool:
    """Move the row, if it is in one of the states that the move may leave; `at`: in just this."""
    target = next(to for (_, one), to in JOB_MOVES.items() if one == move)
    sources = [state for state in job_sources(move) if at in (None, state)]
    rows = Job.objects.filter(pk=job, state__in=sources)
    return bool(rows.update(state=target, **values))


def must_move_job(job: int, move: Move, **values: Any) -> None:
    """For a caller who has just moved the job's live attempt: the job cannot be elsewhere."""
    if not move_job(job, move, **values):
        raise IllegalMove(Job.objects.values_list("state", flat=True).get(pk=job), move)

"""The legal moves of a job and of an attempt, as two tables. Pure: no database, no clock.

A state is moved by naming an event, never by assignment; anything the table does not hold is an
IllegalMove.
"""

from django.db.models import TextChoices


class JobState(TextChoices):
    QUEUED = "queued", "Queued"
    STARTING = "starting", "Starting"
    RUNNING = "running", "Running"
    STOPPING = "stopping", "Stopping"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class AttemptState(TextChoices):
    ASSIGNED = "assigned", "Assigned"
    STARTING = "starting", "Starting"
    RUNNING = "running", "Running"
    STOPPING = "stopping", "Stopping"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    LOST = "lost", "Lost"
    EXPIRED = "expired", "Not claimed"
    YIELDED = "yielded", "Gave way"  # ended on order, its checkpoint kept; the job goes on later


class Move(TextChoices):
    ASSIGN = "assign"
    CLAIM = "claim"
    FIRST_STEP = "first_step"
    STOP = "stop"
    FINISH = "finish"
    FAIL = "fail"
    CANCEL = "cancel"
    LOSE = "lose"
    EXPIRE = "expire"
    YIELD = "yield"
    REQUEUE = "requeue"


JOB_OVER = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED})
ATTEMPT_OVER = frozenset(
    {
        AttemptState.SUCCEEDED,
        AttemptState.FAILED,
        AttemptState.CANCELLED,
        AttemptState.LOST,
        AttemptState.EXPIRED,
        AttemptState.YIELDED,
    }
)


class IllegalMove(Exception):
    """A move that the table does not hold."""

    def __init__(self, state: str, move: str) -> None:
        super().__init__(f"{str(move)!r} is no move out of {str(state)!r}.")


_J, _A = JobState, AttemptState
JOB_MOVES: dict[tuple[JobState, Move], JobState] = {
    (_J.QUEUED, Move.ASSIGN): _J.STARTING,
    (_J.QUEUED, Move.CANCEL): _J.CANCELLED,
    (_J.QUEUED, Move.FAIL): _J.FAILED,
    (_J.STARTING, Move.FIRST_STEP): _J.RUNNING,
    (_J.STARTING, Move.STOP): _J.STOPPING,
    (_J.STARTING, Move.FINISH): _J.SUCCEEDED,  # a job too short for a first step
    (_J.STARTING, Move.FAIL): _J.FAILED,
    (_J.STARTING, Move.CANCEL): _J.CANCELLED,
    (_J.STARTING, Move.REQUEUE): _J.QUEUED,
    (_J.RUNNING, Move.STOP): _J.STOPPING,
    (_J.RUNNING, Move.FINISH): _J.SUCCEEDED,
    (_J.RUNNING, Move.FAIL): _J.FAILED,
    (_J.RUNNING, Move.CANCEL): _J.CANCELLED,
    (_J.RUNNING, Move.REQUEUE): _J.QUEUED,
    (_J.STOPPING, Move.STOP): _J.STOPPING,  # finish early, then cancel
    (_J.STOPPING, Move.FINISH): _J.SUCCEEDED,
    (_J.STOPPING, Move.FAIL): _J.FAILED,
    (_J.STOPPING, Move.CANCEL): _J.CANCELLED,
    (_J.STOPPING, Move.REQUEUE): _J.QUEUED,
}
ATTEMPT_MOVES: dict[tuple[AttemptState, Move], AttemptState] = {
    (_A.ASSIGNED, Move.CLAIM): _A.STARTING,
    (_A.ASSIGNED, Move.CANCEL): _A.CANCELLED,
    (_A.ASSIGNED, Move.EXPIRE): _A.EXPIRED,
    (_A.ASSIGNED, Move.YIELD): _A.YIELDED,
    (_A.STARTING, Move.FIRST_STEP): _A.RUNNING,
    (_A.STARTING, Move.STOP): _A.STOPPING,
    (_A.STARTING, Move.FINISH): _A.SUCCEEDED,
    (_A.STARTING, Move.FAIL): _A.FAILED,
    (_A.STARTING, Move.CANCEL): _A.CANCELLED,
    (_A.STARTING, Move.LOSE): _A.LOST,
    (_A.STARTING, Move.YIELD): _A.YIELDED,
    (_A.RUNNING, Move.STOP): _A.STOPPING,
    (_A.RUNNING, Move.FINISH): _A.SUCCEEDED,
    (_A.RUNNING, Move.FAIL): _A.FAILED,
    (_A.RUNNING, Move.CANCEL): _A.CANCELLED,
    (_A.RUNNING, Move.LOSE): _A.LOST,
    (_A.RUNNING, Move.YIELD): _A.YIELDED,
    (_A.STOPPING, Move.STOP): _A.STOPPING,
    (_A.STOPPING, Move.FINISH): _A.SUCCEEDED,
    (_A.STOPPING, Move.FAIL): _A.FAILED,
    (_A.STOPPING, Move.CANCEL): _A.CANCELLED,
    (_A.STOPPING, Move.LOSE): _A.LOST,
    (_A.STOPPING, Move.YIELD): _A.YIELDED,
}


def job_sources(move: Move) -> list[JobState]:
    """The states that `move` may leave: the guard of an UPDATE."""
    return [state for state, one in JOB_MOVES if one == move]


def attempt_sources(move: Move) -> list[AttemptState]:
    """The states that `move` may leave: the guard of an UPDATE."""
    return [state for state, one in ATTEMPT_MOVES if one == move]

"""The row of an attempt that has ended: one call of the jobs' services for each verdict."""

import logging

from django.db import DatabaseError

from trackside.jobs import services
from trackside.jobs.models import Attempt
from trackside.jobs.moves import StaleAttempt
from workers.outcomes import PUBLISH
from workers.verdict import Verdict

TRIES = 3  # to publish a result, when the attempt of it raised something
log = logging.getLogger(__name__)


def close(attempt: Attempt, verdict: Verdict, tries: int) -> None:
    """Move it, unless somebody else has. Of a database that is away it raises DatabaseError, the
    last of the `tries` excepted where a result cannot be published."""
    try:
        _close(attempt, verdict, tries)
    except StaleAttempt:
        log.info("Attempt %s had ended already.", attempt.pk)


def _close(attempt: Attempt, verdict: Verdict, tries: int) -> None:
    if verdict.end == "finish":
        _finish(attempt, verdict.result or {}, tries)
    elif verdict.end == "cancel":
        services.cancel_done(attempt, exit=verdict.exit)
    elif verdict.end == "lose":
        cause = verdict.cause or "leader_killed"
        services.lose(attempt, verdict.reason, cause=cause, step=verdict.step)
    elif verdict.end == "give_way":
        services.give_way(attempt, verdict.reason, cause=verdict.cause, step=verdict.step)
    else:
        services.fail(
            attempt,
            reason=verdict.reason,
            exit=verdict.exit,
            cause=verdict.cause or "program",
            step=verdict.step,
        )


def _finish(attempt: Attempt, result: dict[str, object], tries: int) -> None:
    """A result that cannot be published fails the job instead of being tried for ever."""
    try:
        services.finish(attempt, dict(result), publish=PUBLISH.get(attempt.job.kind))
    except StaleAttempt:
        raise
    except Exception as problem:
        attempt.refresh_from_db(fields=["state"])
        if isinstance(problem, DatabaseError) and tries < TRIES:
            raise
        log.exception("The result of attempt %s cannot be published.", attempt.pk)
        reason = f"The job's result could not be stored: {problem}"
        services.fail(attempt, reason=reason, exit="publish", cause="publish")

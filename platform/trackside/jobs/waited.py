"""What counts as waiting, for a job's turn: neither what it ran nor what it stood paused."""

from datetime import datetime, timedelta

from trackside.jobs.models import Attempt, Job


def ran(job: Job, attempt: Attempt, now: datetime) -> None:
    """It comes back to the queue with the time that it had waited, not with what it ran.

    What is paused begins to stand still.
    """
    spent = max(now - attempt.assigned_at, timedelta())  # the machines' clocks may differ
    waits_since = (job.waits_since or job.created_at) + spent
    Job.objects.filter(pk=job.pk).update(waits_since=min(waits_since, now))
    Job.objects.filter(pk=job.pk, paused=True).update(paused_at=now)


def stood(job: Job, now: datetime) -> None:
    """It is resumed: while it was paused it did not wait."""
    if job.paused_at is not None:
        spent = max(now - job.paused_at, timedelta())
        waits_since = (job.waits_since or job.created_at) + spent
        values = {"waits_since": min(waits_since, now), "paused_at": None}
        Job.objects.filter(pk=job.pk).update(**values)

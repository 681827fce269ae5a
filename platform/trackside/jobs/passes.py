"""The scheduler's pass: places who can be placed, and asks who must to give way."""

from datetime import datetime

from trackside.jobs import pausing, scheduling
from trackside.jobs.backlog import Backlog
from trackside.jobs.models import Job

SOON = 1000  # waiting jobs that a pass looks at when something has happened


def look(
    now: datetime, backlog: Backlog | None = None, *, whole: bool = True
) -> scheduling.Outcome:
    """A pass over the whole queue or its beginning; `backlog` remembers from pass to pass."""
    backlog = backlog or Backlog()
    outcome = scheduling.run(now, most=None if whole else SOON, backlog=backlog)
    asked = False
    for victim, by in outcome.preempt:
        job = Job.objects.filter(pk=victim).first()
        asked = (job is not None and pausing.preempt(job, by)) or asked
    if asked:  # who had not begun has left its devices already
        again = scheduling.run(now, most=scheduling.SMALL_QUEUE, backlog=backlog)
        outcome.placed += again.placed
    return outcome

"""Whose turn it is: the place of waiting jobs among all that wait, as placement takes them."""

from collections.abc import Iterable

from trackside.compute import clock
from trackside.jobs.backlog import WAITING, Backlog
from trackside.jobs.models import Job
from trackside.jobs.states import JobState

LONG = 2000  # jobs: too many to put in order for a page


def turns(jobs: Iterable[Job]) -> tuple[dict[int, int], int]:
    """The place of each of these that waits, from 1, and how many wait in all.

    Nothing of a long queue: the live board tells the places of its first jobs.
    """
    waiting = {one.pk for one in jobs if one.state == JobState.QUEUED and not one.paused}
    if not waiting:
        return {}, 0
    if Job.objects.filter(WAITING)[LONG : LONG + 1].exists():
        return {}, 0
    order = Backlog().order(clock.now())
    return {pk: place for place, pk in enumerate(order, start=1) if pk in waiting}, len(order)

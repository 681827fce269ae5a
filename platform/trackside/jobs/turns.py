"""Whose turn it is: the place of waiting jobs among all that wait, as placement takes them."""

from collections.abc import Iterable

from trackside.compute import clock
from trackside.jobs.backlog import Backlog
from trackside.jobs.models import Job
from trackside.jobs.states import JobState


def turns(jobs: Iterable[Job]) -> tuple[dict[int, int], int]:
    """The place of each of these that waits, from 1, and how many wait in all."""
    waiting = {one.pk for one in jobs if one.state == JobState.QUEUED and not one.paused}
    if not waiting:
        return {}, 0
    order = Backlog().order(clock.now())
    return {pk: place for place, pk in enumerate(order, start=1) if pk in waiting}, len(order)

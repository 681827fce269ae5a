"""Places in the queue: a job is put right beside another one, or places are exchanged.

A place is what the order rests on: the priority, from when it counts as waiting, and the turn among
equals.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from trackside.compute import clock
from trackside.compute.placement import Place, ordered
from trackside.jobs.models import Job
from trackside.jobs.moves import NotNow
from trackside.jobs.states import JobState
from trackside.projects.access import can
from trackside.projects.models import Role

MOST = 1000  # places that are exchanged at once


@dataclass(frozen=True)
class Held:
    """The place that a job holds."""

    priority: int
    since: datetime
    turn: float


def hold(job: Job, other: Job) -> None:
    """Reads both anew and holds, to the end of the transaction, every row that may be changed."""
    mine = Q(created_by=job.created_by_id, state=JobState.QUEUED)
    rows = Job.objects.filter(mine | Q(pk__in=(job.pk, other.pk))).order_by("pk")
    list(rows.select_for_update(of=("self",)).values_list("pk"))
    job.refresh_from_db()
    other.refresh_from_db()


def put(job: Job, other: Job, *, behind: bool) -> None:
    """Right beside `other`, as urgent and with as long a wait; who stands there steps aside.

    Raises NotNow.
    """
    place = held(other)
    turn = _behind(job, place.turn) if behind else _before(job, place.turn)
    _give(job, Held(place.priority, place.since, turn))


def exchange(job: Job, other: Job, *, behind: bool) -> None:
    """Right beside `other` among the jobs of its owner, who take each other's places.

    Nobody else's place changes. Raises NotNow.
    """
    line = _own(job)
    old = line.index(job)
    line.remove(job)
    new = line.index(other) + behind
    line.insert(new, job)
    moved = line[min(old, new) : max(old, new) + 1]
    if len(moved) > MOST:
        raise NotNow(f"{len(moved) - 1:,} of your own jobs stand in between: move it in steps.")
    free = [held(one) for one in _in_order(moved)]
    for one, place in zip(moved, free, strict=True):
        _give(one, place)


def is_back(job: Job, other: Job) -> bool:
    """Behind `other` is behind where the job stands, now and however long both wait."""
    back = _in_order([job, other])[0] == job
    return back and other.priority <= job.priority


def held(job: Job) -> Held:
    turn = float(job.pk) if job.turn is None else job.turn
    return Held(job.priority, job.waits_since or job.created_at, turn)


def _own(job: Job) -> list[Job]:
    """The owner's waiting jobs, as they stand, of projects in which they may change them."""
    mine = {"created_by": job.created_by_id, "state": JobState.QUEUED, "paused": False}
    columns = ("project_id", "created_by_id", "priority", "turn", "waits_since", "created_at")
    found = list(Job.objects.filter(**mine).only(*columns))
    projects = {one.project_id: one for one in found}
    may = {pk for pk, one in projects.items() if can(job.created_by, one.project, Role.EDITOR)}
    return _in_order([one for one in found if one.project_id in may])


def _in_order(jobs: list[Job]) -> list[Job]:
    by_pk = {one.pk: one for one in jobs}
    rows = [(one.pk, held(one)) for one in jobs]
    line = [Place(pk, place.priority, place.since.timestamp(), place.turn) for pk, place in rows]
    return [by_pk[pk] for pk in ordered(line, clock.now().timestamp())]


def _give(job: Job, place: Held) -> None:
    values = {"priority": place.priority, "waits_since": place.since, "turn": place.turn}
    Job.objects.filter(pk=job.pk).update(**values)


def _before(job: Job, last: float) -> float:
    """A number just below: nobody else who waits stands in between."""
    waiting = Job.objects.filter(state=JobState.QUEUED).exclude(pk=job.pk)
    moved = waiting.filter(turn__lt=last).order_by("-turn").values_list("turn", flat=True)
    plain = waiting.filter(turn=None, pk__lt=last).order_by("-pk").values_list("pk", flat=True)
    before = [float(one) for one in (moved.first(), plain.first()) if one is not None]
    return _between(max(before, default=last - 1), last)


def _behind(job: Job, first: float) -> float:
    """A number just above."""
    waiting = Job.objects.filter(state=JobState.QUEUED).exclude(pk=job.pk)
    moved = waiting.filter(turn__gt=first).order_by("turn").values_list("turn", flat=True)
    plain = waiting.filter(turn=None, pk__gt=first).order_by("pk").values_list("pk", flat=True)
    behind = [float(one) for one in (moved.first(), plain.first()) if one is not None]
    return _between(first, min(behind, default=first + 1))


def _between(first: float, last: float) -> float:
    turn = (first + last) / 2
    if not first < turn < last:
        raise NotNow("There is no room at this place any more: change the priority.")
    return turn

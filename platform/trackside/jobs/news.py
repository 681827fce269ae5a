"""What the live streams read from the database, in plain threads: nothing here is async."""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from django.core.serializers.json import DjangoJSONEncoder
from django.db import close_old_connections
from django.db.models import Q, QuerySet

from trackside.compute import board, clock
from trackside.jobs.models import Job
from trackside.jobs.queries import events_after, snapshots
from trackside.jobs.states import JOB_OVER, JobState

CHUNK = 500  # events that are read at once, and the characters that they may have
MOST_CHARACTERS = 2**18
RECENT = timedelta(minutes=2)
FIRST_JOBS = 50
NEWEST = 200
# Streams wait without a connection: all of a process's share these threads and their connections.
POOL = ThreadPoolExecutor(max_workers=2, thread_name_prefix="live")


class Line(NamedTuple):
    """One event of a job, already as text."""

    seq: int
    text: str
    over: bool


class Piece(NamedTuple):
    """The next lines of a job; `more` when the database has further ones already."""

    lines: list[Line]
    more: bool


@dataclass
class Wanted:
    """`heads`: the last event given out, by job. `dirty` None: look at all of them."""

    heads: dict[int, int]
    projects: set[int]
    known: dict[int, int]  # job -> event_seq, of the followed projects' jobs
    dirty: set[int] | None = None


@dataclass
class Found:
    jobs: dict[int, Piece] = field(default_factory=dict)
    projects: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    known: dict[int, int] = field(default_factory=dict)


def text(data: Any) -> str:
    return json.dumps(data, cls=DjangoJSONEncoder, separators=(",", ":"))


def line(event: dict[str, Any]) -> Line:
    over = event["type"] == "state" and event["data"].get("state") in JOB_OVER
    return Line(event["seq"], text(event), over)


def lines_after(job: int, seq: int) -> Piece:
    """The numbers may have holes: old events of a long job are thinned."""
    lines: list[Line] = []
    size = 0
    events = events_after(job, seq, CHUNK)
    for event in events:
        if lines and size > MOST_CHARACTERS:
            return Piece(lines, more=True)
        lines.append(line(event))
        size += len(lines[-1].text)
    return Piece(lines, more=len(events) == CHUNK)


def heads(jobs: list[int]) -> dict[int, int]:
    return dict(Job.objects.filter(pk__in=jobs).values_list("pk", "event_seq"))


def is_over(job: int, seq: int) -> bool:
    """The job has ended and `seq` was its last event."""
    return Job.objects.filter(pk=job, state__in=JOB_OVER, event_seq__lte=seq).exists()


def read(wanted: Wanted) -> Found:
    """What has happened since."""
    found = Found()
    followed = set(wanted.heads) if wanted.dirty is None else set(wanted.heads) & wanted.dirty
    for job, seq in heads(list(followed)).items():
        if seq > wanted.heads[job]:
            found.jobs[job] = lines_after(job, wanted.heads[job])
    if wanted.projects:
        _projects(wanted, found)
    return found


def _projects(wanted: Wanted, found: Found) -> None:
    changed = {}
    for job, project, seq in _looked_at(wanted):
        if wanted.known.get(job) != seq:
            changed[job] = project
            found.known[job] = seq
    for one in snapshots([Job(pk=pk) for pk in changed]):
        found.projects.setdefault(changed[one["id"]], []).append(one)


def _looked_at(wanted: Wanted) -> Iterable[tuple[int, int, int]]:
    """Jobs that may have changed: those named; else what runs or has just ended, and the newest."""
    rows: QuerySet[Job] = Job.objects.filter(project__in=wanted.projects)
    columns = ("pk", "project_id", "event_seq")
    if wanted.dirty is not None:
        return rows.filter(pk__in=wanted.dirty).values_list(*columns)
    at_work = ~Q(state__in=[*JOB_OVER, JobState.QUEUED])
    moving = rows.filter(at_work | Q(finished_at__gt=clock.now() - RECENT))
    newest = rows.order_by("-id").values_list(*columns)[:NEWEST]
    return {*moving.values_list(*columns), *newest}


def current(project: int) -> list[dict[str, Any]]:
    """The jobs that a page of the project may show wrongly: those that live or have just ended."""
    rows = Job.objects.filter(project=project)
    live = rows.exclude(state__in=JOB_OVER).order_by("-id")[:FIRST_JOBS]
    ended = rows.filter(finished_at__gt=clock.now() - RECENT).order_by("-id")[:FIRST_JOBS]
    return snapshots([*live, *ended])


def whole_board() -> board.Board:
    return board.load(clock.now())


def closing(act: Any, *args: Any) -> Any:
    """Run in a thread of POOL: a connection that is too old does not stay behind."""
    close_old_connections()
    try:
        return act(*args)
    finally:
        close_old_connections()

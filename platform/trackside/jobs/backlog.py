"""The waiting jobs in placement's words: read without what they are about, and read once.

A job's row is read again only when its story has gone on: every change of a job writes an event.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from django.db.models import F, Q
from django.db.models.fields.json import KT

from recipes.scorers import OWN
from trackside.compute.placement import Place, Request, ordered
from trackside.jobs import kinds, retries
from trackside.jobs.kinds import takes_quick_slot
from trackside.jobs.models import Attempt, Job
from trackside.jobs.states import JobState

CHUNK = 500
WAITING = Q(state=JobState.QUEUED, paused=False)


class Row(NamedTuple):
    """What placement needs of a job."""

    job: int
    seq: int
    kind: str
    compute: dict[str, Any]
    bytes: Any
    preemptible: bool
    seconds: int | None
    user: int | None
    project: int
    reason: str
    algorithm: str | None
    engine: str | None
    asked: str


_ROW = (
    "pk",
    "event_seq",
    "kind",
    "compute",
    "needed",
    "preemptible",
    "max_seconds",
    "created_by_id",
    "project_id",
    "reason",
    "algorithm",
    "engine",
)


class Backlog:
    """Kept by the scheduler from pass to pass; anybody else makes one for a single look."""

    def __init__(self) -> None:
        self._rows: dict[int, Row] = {}
        self._places: dict[int, Place] = {}

    def order(self, now: datetime, most: int | None = None) -> list[int]:
        """The jobs that wait, whose turn is next first."""
        columns = ("pk", "priority", "turn", "created_at", "waits_since", "event_seq")
        found = Job.objects.filter(WAITING).values_list(*columns).iterator(chunk_size=5000)
        places, seqs = {}, {}
        for pk, priority, turn, created, since, seq in found:
            places[pk] = Place(pk, priority, (since or created).timestamp(), turn)
            seqs[pk] = seq
        self._places = places
        self._rows = {pk: row for pk, row in self._rows.items() if seqs.get(pk) == row.seq}
        return ordered(places.values(), now.timestamp())[:most]

    def requests(self, jobs: list[int], now: datetime) -> list[Request]:
        """Of these, in their order, as `order` has found them."""
        self._read([pk for pk in jobs if pk not in self._rows])
        tried = _tried()
        again = [pk for pk in jobs if pk in tried]
        holds = _said(retries.holds(some, now) for some in _chunks(again))
        blocked = _said(retries.blocked_nodes(some) for some in _chunks(again))
        left = _left(again, self._rows, now)
        looks = cache(kinds.unable), cache(kinds.exposed)
        return [
            self._request(pk, holds.get(pk, ""), blocked.get(pk, ()), left.get(pk), looks)
            for pk in jobs
            if pk in self._rows
        ]

    def reason(self, job: int) -> str:
        """As it was when the row was read."""
        return self._rows[job].reason

    def job(self, job: int) -> Job:
        """What of its row a decision rests on, as it was when it was read."""
        row = self._rows[job]
        return Job(pk=job, compute=row.compute, created_by_id=row.user, project_id=row.project)

    def forget(self, jobs: Iterable[int]) -> None:
        """Their rows were changed without an event."""
        for job in jobs:
            self._rows.pop(job, None)

    def _read(self, jobs: list[int]) -> None:
        for some in _chunks(jobs):
            told = {"needed": KT("needs__bytes"), "algorithm": KT("spec__algorithm")}
            told["engine"] = KT("spec__engine")
            rows = Job.objects.filter(WAITING, pk__in=some).annotate(**told)
            for *row, params in rows.values_list(*_ROW, "spec__params"):
                asked = kinds.asked(row[_ROW.index("algorithm")] or "", params)
                self._rows[row[0]] = Row._make([*row, asked])

    def _request(
        self,
        pk: int,
        hold: str,
        blocked: Collection[int],
        left: float | None,
        looks: tuple[Callable[..., Collection[int]], Callable[[str], Collection[int]]],
    ) -> Request:
        """`looks`: at the nodes, as `kinds.unable` and `kinds.exposed`."""
        row, place, (unable, exposed) = self._rows[pk], self._places[pk], looks
        wish = row.compute
        kind = wish.get("kind", "cpu")
        if kind == "cpu" and takes_quick_slot(row.kind):
            kind = "quick"
        on_gpu = kind in ("gpus", "any")
        engine = row.engine or ("" if row.kind == "train" else OWN)
        lacking = unable(row.algorithm or "", on_gpu=on_gpu, engine=engine, asked=row.asked)
        apart = exposed(row.algorithm or "") if row.kind == "train" and _several(wish) else ()
        seconds = None if row.seconds is None else float(row.seconds)
        return Request(
            job=pk,
            kind=kind,
            ranks=int(wish.get("ranks", 1)),
            uuids=tuple(wish.get("uuids", ())),
            count=int(wish.get("count", 1)),
            nodes=int(wish.get("nodes", 1)),
            min_free=int(wish.get("min_free") or 0),
            name=wish.get("name") or "",
            roomy=_whole(row.bytes),
            shared=wish.get("share") == "shared",
            memory=int(wish.get("memory") or 0),
            priority=place.priority,
            since=place.since,
            turn=float(pk) if place.turn is None else place.turn,
            preemptible=row.preemptible,
            seconds=seconds if left is None else left,
            blocked=frozenset(blocked) | frozenset(lacking) | frozenset(apart),
            lacking=frozenset(lacking),
            exposed=frozenset(apart),
            user=row.user,
            project=row.project,
            hold=hold,
        )


def _several(wish: dict[str, Any]) -> bool:
    """Whether it has more than one rank."""
    return len(wish.get("uuids", ())) > 1 or max(wish.get("count", 1), wish.get("ranks", 1)) > 1


def _whole(told: Any) -> int:
    """A number inside JSON comes as text; SQLite says `null` for what is not known."""
    return 0 if told in (None, "null") else int(float(told))


def _tried() -> set[int]:
    """Waiting jobs that have had an attempt: few, and only those can be held back."""
    rows = Attempt.objects.filter(job__state=JobState.QUEUED).values_list("job_id", flat=True)
    return set(rows.distinct())


def _left(jobs: list[int], rows: dict[int, Row], now: datetime) -> dict[int, float]:
    """What remains of the time that they may run, of those with a limit."""
    limited = {pk: rows[pk].seconds for pk in jobs if pk in rows and rows[pk].seconds is not None}
    left = {pk: float(seconds or 0) for pk, seconds in limited.items()}
    for some in _chunks(list(limited)):
        spans = Attempt.objects.filter(job__in=some, claimed_at__isnull=False)
        for pk, begin, end in spans.values_list("job_id", F("claimed_at"), F("finished_at")):
            left[pk] = max(0.0, left[pk] - ((end or now) - begin).total_seconds())
    return left


def _chunks(jobs: list[int]) -> Iterator[list[int]]:
    for first in range(0, len(jobs), CHUNK):
        yield jobs[first : first + CHUNK]


def _said(answers: Iterable[dict[int, Any]]) -> dict[int, Any]:
    return {job: word for one in answers for job, word in one.items()}

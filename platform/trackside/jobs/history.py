"""The numbered story of a job. Events are written in the transaction of what they tell.

A story is bounded. Of what comes every second (steps, loads, progress, lines of the log) the old
part is thinned while the job goes on, so that numbers are rising, but not without holes. What tells
of states is never thinned, nor is the last event.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Count, F

from recipes import crash
from trackside.compute.models import Gpu
from trackside.jobs import announce, thinning
from trackside.jobs.models import Attempt, Event, Job
from trackside.jobs.states import JOB_OVER
from trackside.ui import words

THIN_EVERY = 1000  # events of a job between two looks at what has become too much
CHUNK = 500  # rows that one statement removes
# By type: how many old ones stay as a chart needs them, and how many of the newest stay whole.
CHARTED = {"step": (2001, 1000), "load": (1002, 500), "epoch": (1002, 1000)}
# By type: how many of the newest stay; the log itself is in the job's folder.
TAILS = {"progress": 200, "log": 2000, "phase": 200, "checkpoint": 200, "note": 500}


class Entry(NamedTuple):
    type: str
    data: dict[str, Any]
    at: datetime


def append(job: int, entries: Sequence[Entry]) -> int:
    """Number and keep the entries; the answer is the last number.

    The UPDATE holds the job's row until the commit: numbers have no twin, and whoever sees one sees
    all before it.
    """
    Job.objects.filter(pk=job).update(event_seq=F("event_seq") + len(entries))
    last: int = Job.objects.values_list("event_seq", flat=True).get(pk=job)
    first = last - len(entries) + 1
    Event.objects.bulk_create(
        Event(job_id=job, seq=seq, at=one.at, type=one.type, data=one.data)
        for seq, one in enumerate(entries, start=first)
    )
    crash.point("history.written")
    announce.changed(job)
    if last // THIN_EVERY != (first - 1) // THIN_EVERY:
        transaction.on_commit(partial(thin, job), robust=True)
    return last


def tell_state(job: int, now: datetime) -> None:
    """A `state` event from the rows as they are now."""
    row = Job.objects.only("state", "reason", "paused").get(pk=job)
    attempt = Attempt.objects.filter(job_id=job).select_related("node").order_by("-number").first()
    data: dict[str, Any] = {"state": row.state, "reason": row.reason}
    if row.paused:
        data["paused"] = True
    if attempt is not None:
        data |= {
            "attempt": attempt.number,
            "node": attempt.node.name,
            "devices": devices(attempt.compute),
        }
    last = append(job, [Entry("state", data, now)])
    if row.state in JOB_OVER and last > THIN_EVERY:
        transaction.on_commit(partial(thin, job, over=True), robust=True)


def devices(compute: dict[str, Any]) -> list[str]:
    """What an attempt runs on, in words: one a GPU, or the cores."""
    gpus = {gpu.uuid: gpu for gpu in Gpu.objects.filter(uuid__in=compute.get("uuids", []))}
    if compute.get("uuids"):
        return [_card(gpus[u].index, gpus[u].name) for u in compute["uuids"] if u in gpus]
    cores = compute.get("cores", [])
    if not cores:
        return ["CPU"]
    return [f"CPU {'core' if len(cores) == 1 else 'cores'} {', '.join(map(str, cores))}"]


def where(parts: Iterable[tuple[str, dict[str, Any]]]) -> str:
    """What each node has of it, in words."""
    return "; ".join(f"{node}: {_together(compute)}" for node, compute in parts)


def _together(compute: dict[str, Any]) -> str:
    """Cards of one model are named together: a sentence of sixteen is read by nobody."""
    rows = Gpu.objects.filter(uuid__in=compute.get("uuids", [])).order_by("index", "uuid")
    models: dict[str, list[int]] = {}
    for index, name in rows.values_list("index", "name"):
        models.setdefault(name, []).append(index)
    named = [_card(words.listed(indices), name) for name, indices in models.items()]
    return ", ".join(named or devices(compute))


def _card(index: object, name: str) -> str:
    """`GPU 0 (H100 80 GB, simulated)`: no brackets in brackets."""
    return f"GPU {index} ({name.replace(' (simulated)', ', simulated')})"


# What a long story loses ---------------------------------------------------------------------


def thin(job: int, *, over: bool = False) -> int:
    """Remove what no page needs any more, in short transactions; how many rows.

    While a job goes on, a type is thinned when it has twice what stays, so that the work of it is
    small beside the writing; `over` does it for the last time, and to the newest as well.
    """
    counts = dict(
        Event.objects.filter(job_id=job).order_by().values_list("type").annotate(n=Count("pk"))
    )
    gone = 0
    for type_, (most, newest) in CHARTED.items():
        limit = most if over else 2 * (most + newest)
        if counts.get(type_, 0) > limit:
            gone += _remove(_charted(job, type_, most, 0 if over else newest))
    for type_, newest in TAILS.items():
        if counts.get(type_, 0) > newest * (1 if over else 2):
            gone += _remove(_before(job, type_, newest))
    return gone


def _charted(job: int, type_: str, most: int, newest: int) -> list[int]:
    rows = list(
        Event.objects.filter(job_id=job, type=type_)
        .order_by("seq")
        .values_list("pk", "seq", "data")
    )
    old = rows[: len(rows) - newest]
    stay = thinning.kept([seq for _, seq, _ in old], [value(type_, one) for *_, one in old], most)
    best = [place for place, (*_, data) in enumerate(old) if data.get("best") is True][-1:]
    return [pk for place, (pk, *_) in enumerate(old) if place not in stay and place not in best]


def value(type_: str, data: dict[str, Any]) -> float | None:
    """The number by which events of a type are compared when some must go."""
    found: Any = None
    if type_ == "step":
        found = data.get("loss")
    elif type_ == "epoch":
        found = data.get("val_loss", data.get("train_loss"))
    else:
        loads = [gpu.get("utilization") or 0 for gpu in data.get("gpus") or ()]
        found = sum(loads) if loads else data.get("cpu")
    return float(found) if isinstance(found, int | float) else None


def _before(job: int, type_: str, newest: int) -> list[int]:
    """All but the newest."""
    rows = Event.objects.filter(job_id=job, type=type_).order_by("-seq")
    return list(rows.values_list("pk", flat=True)[newest:])


def _remove(rows: list[int]) -> int:
    for start in range(0, len(rows), CHUNK):
        Event.objects.filter(pk__in=rows[start : start + CHUNK]).delete()
        crash.point("history.thinned")
    return len(rows)

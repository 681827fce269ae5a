"""The numbered story of a job. Events are written in the transaction of what they tell."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import F

from trackside.compute.models import Gpu
from trackside.jobs import announce
from trackside.jobs.models import Attempt, Event, Job


class Entry(NamedTuple):
    type: str
    data: dict[str, Any]
    at: datetime


def append(job: int, entries: Sequence[Entry]) -> int:
    """Number and keep the entries; the answer is the last number.

    The UPDATE holds the job's row until the commit, so that numbers have no gap and no twin.
    """
    Job.objects.filter(pk=job).update(event_seq=F("event_seq") + len(entries))
    last: int = Job.objects.values_list("event_seq", flat=True).get(pk=job)
    first = last - len(entries) + 1
    Event.objects.bulk_create(
        Event(job_id=job, seq=seq, at=one.at, type=one.type, data=one.data)
        for seq, one in enumerate(entries, start=first)
    )
    announce.changed(job)
    return last


def tell_state(job: int, now: datetime) -> None:
    """A `state` event from the rows as they are now."""
    row = Job.objects.only("state", "reason").get(pk=job)
    attempt = Attempt.objects.filter(job_id=job).select_related("node").order_by("-number").first()
    data: dict[str, Any] = {"state": row.state, "reason": row.reason}
    if attempt is not None:
        data |= {
            "attempt": attempt.number,
            "node": attempt.node.name,
            "devices": devices(attempt.compute),
        }
    append(job, [Entry("state", data, now)])


def devices(compute: dict[str, Any]) -> list[str]:
    """What an attempt runs on, in words: one a GPU, or the cores."""
    gpus = {gpu.uuid: gpu for gpu in Gpu.objects.filter(uuid__in=compute.get("uuids", []))}
    if compute.get("uuids"):
        return [_card(gpus[u].index, gpus[u].name) for u in compute["uuids"] if u in gpus]
    cores = compute.get("cores", [])
    if not cores:
        return ["CPU"]
    return [f"CPU {'core' if len(cores) == 1 else 'cores'} {', '.join(map(str, cores))}"]


def _card(index: int, name: str) -> str:
    """`GPU 0 (H100 80 GB, simulated)`: no brackets in brackets."""
    return f"GPU {index} ({name.replace(' (simulated)', ', simulated')})"

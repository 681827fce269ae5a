"""A job's numbers as columns for charts, thinned to what a chart can show."""

import math
from typing import Any

from trackside.jobs import thinning
from trackside.jobs.history import value
from trackside.jobs.models import Event, Job

MOST = 2000
Row = tuple[int, float, dict[str, Any]]  # number, time, data


def series(job: Job) -> dict[str, Any]:
    """Columns of equal length by subject; `seq` is where the live stream goes on from.

    `epochs.metrics` maps each metric's name to its column. A job that went on from a checkpoint
    shows what came before it, and in `resumed` where that was, in epochs; of what was done twice,
    the last. `trials` are those of a search, as they were told. The load is the last attempt's.
    """
    resumed = _resumed(job)
    steps = _thinned("step", _onward(_events(job, "step"), resumed))
    epochs = _thinned("epoch", _onward(_events(job, "epoch"), resumed))
    loads = _thinned("load", _events(job, "load", since=_last_start(job)))
    return {
        "seq": job.event_seq,
        "steps": {name: _column(steps, name) for name in ("epoch", "step", "loss", "lr", "rate")},
        "epochs": _epochs([data for *_, data in epochs]),
        "trials": [data for *_, data in _onward(_events(job, "trial"), [], "number")],
        "resumed": [data["resumed"] for *_, data in _onward(resumed, [], "resumed")],
        "load": {
            "at": [at for _, at, _ in loads],
            "cpu": _column(loads, "cpu"),
            "memory": _column(loads, "memory"),
            "gpus": _gpus(loads),
        },
    }


def _last_start(job: Job) -> int:
    rows = Event.objects.filter(job=job, type="state", data__state="starting")
    return rows.order_by("-seq").values_list("seq", flat=True).first() or 0


def _events(job: Job, type_: str, *, since: int = 0) -> list[Row]:
    rows = Event.objects.filter(job=job, type=type_, seq__gt=since, seq__lte=job.event_seq)
    found = rows.order_by("seq").values_list("seq", "at", "data")
    return [(seq, at.timestamp(), data) for seq, at, data in found]


def _resumed(job: Job) -> list[Row]:
    """The notes of attempts that went on from a checkpoint."""
    notes = _events(job, "note")
    return [row for row in notes if isinstance(row[2].get("resumed"), int | float)]


def _onward(rows: list[Row], resumed: list[Row], name: str = "epoch") -> list[Row]:
    """Only what was not done again later: seen from the end, epochs fall.

    What lies beyond the place where a later attempt went on is lost at once, not step by step.
    """
    least, found, later = float("inf"), [], list(resumed)
    for row in reversed(rows):
        while later and later[-1][0] > row[0]:
            # a step that ended exactly there is in the checkpoint
            least = min(least, math.nextafter(later.pop()[2]["resumed"], math.inf))
        epoch = row[2].get(name)
        if isinstance(epoch, int | float) and epoch < least:
            least = epoch
            found.append(row)
    return found[::-1]


def _thinned(type_: str, rows: list[Row]) -> list[Row]:
    """At most MOST; always the last one, and of the epochs the best."""
    stay = thinning.kept(
        [seq for seq, *_ in rows], [value(type_, data) for *_, data in rows], MOST - 1
    )
    stay |= set([place for place, (*_, data) in enumerate(rows) if data.get("best") is True][-1:])
    return [row for place, row in enumerate(rows) if place in stay]


def _column(rows: list[Row], name: str) -> list[Any]:
    return [data.get(name) for *_, data in rows]


def _epochs(rows: list[dict[str, Any]]) -> dict[str, Any]:
    names = sorted({name for row in rows for name in row.get("metrics") or {}})
    plain = ("epoch", "train_loss", "val_loss", "best", "seconds")
    metrics = {name: [(row.get("metrics") or {}).get(name) for row in rows] for name in names}
    return {**{name: [row.get(name) for row in rows] for name in plain}, "metrics": metrics}


def _gpus(rows: list[Row]) -> dict[str, list[Any]]:
    uuids = sorted({gpu["uuid"] for *_, row in rows for gpu in row.get("gpus") or []})
    at = [{gpu["uuid"]: gpu for gpu in row.get("gpus") or []} for *_, row in rows]
    return {uuid: [row.get(uuid, {}).get("utilization") for row in at] for uuid in uuids}

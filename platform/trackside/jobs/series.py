"""A job's numbers as columns for charts, thinned to what a chart can show."""

from typing import Any

from trackside.jobs.models import Event, Job

MOST = 2000


def series(job: Job) -> dict[str, Any]:
    """Columns of equal length by subject; `seq` is where the live stream goes on from.

    `epochs.metrics` maps each metric's name to its column. Only the last attempt counts.
    """
    since = _last_start(job)
    steps = _events(job, "step", since)
    epochs = {one["epoch"]: one for _, one in _events(job, "epoch", since) if "epoch" in one}
    loads = _events(job, "load", since)
    return {
        "seq": job.event_seq,
        "steps": {name: _column(steps, name) for name in ("epoch", "step", "loss", "lr", "rate")},
        "epochs": _epochs([epochs[number] for number in sorted(epochs)]),
        "load": {
            "at": [at for at, _ in loads],
            "cpu": _column(loads, "cpu"),
            "memory": _column(loads, "memory"),
            "gpus": _gpus(loads),
        },
    }


def _last_start(job: Job) -> int:
    rows = Event.objects.filter(job=job, type="state", data__state="starting")
    return rows.order_by("-seq").values_list("seq", flat=True).first() or 0


def _events(job: Job, type_: str, since: int) -> list[tuple[float, dict[str, Any]]]:
    """At most MOST of them, evenly, and always the last one."""
    rows = Event.objects.filter(job=job, type=type_, seq__gt=since, seq__lte=job.event_seq)
    keys = list(rows.order_by("seq").values_list("pk", flat=True))
    stride = -(-len(keys) // MOST) or 1
    chosen = keys[::-1][::stride]
    found = Event.objects.filter(pk__in=chosen).order_by("seq")
    return [(at.timestamp(), data) for at, data in found.values_list("at", "data")]


def _column(rows: list[tuple[float, dict[str, Any]]], name: str) -> list[Any]:
    return [row.get(name) for _, row in rows]


def _epochs(rows: list[dict[str, Any]]) -> dict[str, Any]:
    names = sorted({name for row in rows for name in row.get("metrics") or {}})
    plain = ("epoch", "train_loss", "val_loss", "best", "seconds")
    metrics = {name: [(row.get("metrics") or {}).get(name) for row in rows] for name in names}
    return {**{name: [row.get(name) for row in rows] for name in plain}, "metrics": metrics}


def _gpus(rows: list[tuple[float, dict[str, Any]]]) -> dict[str, list[Any]]:
    uuids = sorted({gpu["uuid"] for _, row in rows for gpu in row.get("gpus") or []})
    at = [{gpu["uuid"]: gpu for gpu in row.get("gpus") or []} for _, row in rows]
    return {uuid: [row.get(uuid, {}).get("utilization") for row in at] for uuid in uuids}

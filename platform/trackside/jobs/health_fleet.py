"""The nodes' part of the health page: heartbeats, clocks, ears, and devices out of service."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from trackside.compute.models import Gpu, Lease, Node, NodeState
from trackside.compute.services import state_of
from trackside.ui import words

CLOCK_OFF = 5.0  # seconds: nothing depends on it, but people compare times
DEAF = 3  # doorbells waiting at an agent that is alive
DEVICE = ("index", "name", "health", "health_note", "broken", "node__name")
Row = dict[str, Any]


def nodes(now: datetime, unheard: Callable[[Sequence[str]], list[int | None]]) -> list[Row]:
    """One row a node, by name."""
    rows = list(_nodes())
    newest = max((row.vitals.get("version", "") for row in rows), default="", key=_numbers)
    waiting = unheard([row.queue for row in rows])
    return [_node(row, now, newest, bells) for row, bells in zip(rows, waiting, strict=True)]


def _nodes() -> QuerySet[Node]:
    return Node.objects.defer("catalogue", "topology").order_by("name")


def _numbers(version: str) -> list[int]:
    return [int(one) for one in re.findall(r"\d+", version)]


def _node(row: Node, now: datetime, newest: str, waiting: int | None) -> Row:
    state, said = state_of(row, now), row.vitals
    age = None if row.heartbeat_at is None else (now - row.heartbeat_at).total_seconds()
    alive = state not in (NodeState.LOST, NodeState.SUSPECT)
    one: Row = {
        "name": row.name,
        "node_state": state.value,
        "node_label": state.label,
        "heartbeat": None if age is None else round(age, 1),
        "clock": said.get("clock"),
        "version": said.get("version", ""),
        "epoch": row.epoch,
        "warm": row.warm and alive,
        "storage": said.get("storage"),
        "unheard": waiting,
        "heard": said.get("heard"),
    }
    notes = list(_notes(one, alive, newest))
    one["state"] = "er" if not alive else "wn" if notes else "ok"
    one["note"] = " ".join(notes)
    return one


def _notes(one: Row, alive: bool, newest: str) -> list[str]:
    """Sentences for what somebody should look at."""
    if not alive:
        age = one["heartbeat"]
        since = "never heard from" if age is None else f"silent for {words.duration(age)}"
        return [f"Its agent is {since}: look at its log."]
    found = []
    if abs(one["clock"] or 0) > CLOCK_OFF:
        found.append(f"Its clock is {_off(one['clock'])}: start time synchronisation there.")
    if one["storage"] is None and one["version"]:
        found.append("The storage does not answer there.")
    if one["version"] != newest:
        found.append(f"Its agent is version {one['version'] or 'unknown'}, others run {newest}.")
    if not one["warm"]:
        found.append("Its zygote is not warm: jobs start some seconds later.")
    if (one["unheard"] or 0) >= DEAF:
        found.append("It does not hear its doorbells: jobs wait for the poll.")
    return found


def _off(seconds: float) -> str:
    return f"{words.duration(abs(seconds))} {'ahead' if seconds > 0 else 'behind'}"


def clocks(now: datetime) -> Row:
    """The largest difference of a living node's clock to the database's."""
    rows = [row for row in _nodes() if state_of(row, now) != NodeState.LOST]
    off = {row.name: float(row.vitals.get("clock") or 0) for row in rows}
    worst = max(off, key=lambda name: abs(off[name]), default=None)
    one: Row = {"name": "Clocks", "state": "ok", "value": "no node to compare", "note": ""}
    if worst is None:
        return {**one, "seconds": None}
    far = abs(off[worst]) > CLOCK_OFF
    value = f"{worst} is {_off(off[worst])} of the database" if far else "agree within 5 s"
    return {
        **one,
        "state": "wn" if far else "ok",
        "value": value,
        "note": "Leases follow the database's clock alone; times in logs will not agree."
        if far
        else "",
        "seconds": round(off[worst], 3),
    }


def devices() -> list[Row]:
    """Devices that no job can get until somebody acts, and those that are being cleared."""
    found = []
    held = Lease.objects.filter(quarantined=True, gpu__isnull=False)
    lost = dict(held.values_list("gpu_id", "attempt__job_id"))
    gpus = Gpu.objects.select_related("node").only(*DEVICE).order_by("node__name", "index")
    unwell = ~Q(broken="") | Q(health__in=("failed", "dirty")) | Q(pk__in=lost)
    for gpu in gpus.filter(unwell, present=True):
        if gpu.broken:
            found.append(_device(gpu, "er", "Out of service", gpu.broken))
        elif gpu.health == "failed":
            found.append(_device(gpu, "er", "Failed", gpu.health_note))
        elif gpu.pk in lost:
            note = f"Job {lost[gpu.pk]} was lost; its processes may still be there."
            found.append(_device(gpu, "wn", "Quarantined", note))
        elif gpu.health == "dirty":
            found.append(_device(gpu, "wn", "Quarantined", gpu.health_note))
    gone = gpus.filter(present=False).exclude(broken="")
    return found + [_device(gpu, "er", "Missing", gpu.broken) for gpu in gone]


def _device(gpu: Gpu, state: str, word: str, note: str) -> Row:
    return {
        "uuid": gpu.uuid,
        "node": gpu.node.name,
        "index": gpu.index,
        "name": gpu.name,
        "state": state,
        "word": word,
        "note": note,
    }

"""The fleet as `placement.decide` wants it, read in four queries."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.apps import apps
from django.db.models import F, Q

from trackside.compute.models import Gpu, Lease, Node, NodeState
from trackside.compute.placement import Device, Hold, Machine
from trackside.compute.services import state_of

QUICK_SLOTS = 2
CHUNK = 500
CLOSED = {
    NodeState.SUSPECT: "has not been heard from for a while",
    NodeState.LOST: "is offline",
    NodeState.DRAINING: "is draining and takes no new jobs",
}
HEALTH = {"failed": "has failed", "dirty": "still holds the memory of an ended job"}
STAYS = ("", "finish_early")  # every other stop word ends the job within moments
NODE = ("name", "cores", "simulated", "heartbeat_at", "draining", "topology", "state")
# Of an exclusive job's shares of a GPU the first stands for all.
ONE_EACH = Q(shared=True) | Q(resource=F("gpu_id"))


class Held(NamedTuple):
    """A lease and what placement must know of its job."""

    resource: str
    node: int
    gpu: str | None
    quarantined: bool
    shared: bool
    memory: int | None
    attempt: int
    since: datetime
    job: int
    created: datetime
    waits_since: datetime | None
    priority: int
    preemptible: bool
    stop: str
    seconds: int | None
    display_name: str | None
    username: str | None


_COLUMNS = (
    "resource",
    "node_id",
    "gpu_id",
    "quarantined",
    "shared",
    "memory",
    "attempt_id",
    "taken_at",
    "attempt__job_id",
    "attempt__job__created_at",
    "attempt__job__waits_since",
    "attempt__job__priority",
    "attempt__job__preemptible",
    "attempt__job__stop",
    "attempt__job__max_seconds",
    "attempt__job__created_by__display_name",
    "attempt__job__created_by__username",
)
_GPU = (
    "node_id",
    "uuid",
    "index",
    "name",
    "present",
    "health",
    "broken",
    "memory_total",
    "memory_used",
    "slots",
    "parent",
)


def core(node: str, number: int) -> str:
    """The resource name of a CPU core."""
    return f"{node}/core/{number}"


def quick(node: str, number: int) -> str:
    """The resource name of a slot for short jobs."""
    return f"{node}/quick/{number}"


def shares(uuid: str, slots: int) -> list[str]:
    """The resource names of all of a GPU's shares: an exclusive job holds every one."""
    return [share(uuid, number) for number in range(max(slots, 1))]


def share(uuid: str, number: int) -> str:
    """The resource name of one share; the first has the GPU's own name."""
    return f"{uuid}#{number}" if number else uuid


def fleet(now: datetime, only: Collection[int] | None = None) -> list[Machine]:
    """Every node, or `only` these, with what is free on it."""
    within = Q() if only is None else Q(node_id__in=only)
    held = _held(within)
    ends = _ends([one for found in held.values() for one in found])
    nodes = Node.objects.only(*NODE).order_by("name")
    rows: dict[int, list[dict[str, Any]]] = {}
    for row in Gpu.objects.filter(within).order_by("node_id", "index").values(*_GPU):
        rows.setdefault(row["node_id"], []).append(row)
    return [
        _machine(node, rows.get(node.pk, ()), held.get(node.pk, ()), ends, now)
        for node in (nodes if only is None else nodes.filter(pk__in=only))
    ]


def _held(within: Q) -> dict[int, list[Held]]:
    """The leases by node."""
    found: dict[int, list[Held]] = {}
    rows = Lease.objects.filter(within, Q(gpu=None) | ONE_EACH).order_by("resource")
    for row in rows.values_list(*_COLUMNS):
        found.setdefault(row[1], []).append(Held(*row))
    return found


def _ends(held: Iterable[Held]) -> dict[int, float]:
    """By job: when it has run as long as it may, all attempts together."""
    ran: dict[int, float] = {}
    begun: dict[int, tuple[float, int]] = {}
    for one in _attempts({one.job for one in held if one.seconds is not None}):
        if one["finished_at"] is None:
            since = one["claimed_at"] or one["assigned_at"]
            begun[one["job_id"]] = (since.timestamp(), one["job__max_seconds"])
        elif one["claimed_at"]:
            spent = (one["finished_at"] - one["claimed_at"]).total_seconds()
            ran[one["job_id"]] = ran.get(one["job_id"], 0.0) + spent
    return {job: since + max(0.0, most - ran.get(job, 0.0)) for job, (since, most) in begun.items()}


def _attempts(jobs: Collection[int]) -> Iterator[dict[str, Any]]:
    rows = apps.get_model("jobs", "Attempt").objects
    columns = ("job_id", "assigned_at", "claimed_at", "finished_at", "job__max_seconds")
    wanted = sorted(jobs)
    for first in range(0, len(wanted), CHUNK):
        yield from rows.filter(job__in=wanted[first : first + CHUNK]).values(*columns)


def _machine(
    node: Node,
    rows: Iterable[dict[str, Any]],
    held: Iterable[Held],
    ends: dict[int, float],
    now: datetime,
) -> Machine:
    taken = {one.resource for one in held}
    by_gpu: dict[str, list[Held]] = {}
    for one in held:
        if one.gpu is not None:
            by_gpu.setdefault(one.gpu, []).append(one)
    return Machine(
        id=node.pk,
        name=node.name,
        cores=node.cores,
        free_cores=tuple(n for n in range(node.cores) if core(node.name, n) not in taken),
        free_quick=tuple(n for n in range(QUICK_SLOTS) if quick(node.name, n) not in taken),
        gpus=tuple(_device(row, by_gpu.get(row["uuid"], []), ends) for row in rows),
        simulated=node.simulated,
        why=CLOSED.get(state_of(node, now), ""),
        links=node.topology.get("links") or {},
    )


def _device(row: dict[str, Any], held: list[Held], ends: dict[int, float]) -> Device:
    well = row["present"] and not row["broken"] and row["health"] == "ok"
    open_to_all = not any(one.quarantined for one in held)
    return Device(
        uuid=row["uuid"],
        index=row["index"],
        name=row["name"],
        memory_total=row["memory_total"],
        memory_free=max(row["memory_total"] - row["memory_used"], 0),
        why=_why(row, held),
        never=not row["present"] or bool(row["broken"]) or row["health"] == "failed",
        slots=row["slots"] if well else 1,
        parent=row["parent"],
        holds=tuple(_hold(one, ends) for one in held) if open_to_all else (),
    )


def _why(row: dict[str, Any], held: list[Held]) -> str:
    if not row["present"]:
        return "is not there any more"
    if held:
        return _holders(held)
    if row["broken"]:
        return f"is out of service: {row['broken'].rstrip('.')}"
    if row["health"] == "foreign":
        return "is used by a process outside Trackside"
    return "" if row["health"] == "ok" else HEALTH.get(row["health"], row["health"])


def _holders(held: list[Held]) -> str:
    """Who holds it, as the end of a sentence; a job's title stays with its project."""
    kept = next((one for one in held if one.quarantined), None)
    if kept is not None:
        return f"is held back until job {kept.job}, which was lost, is proved gone"
    who = " and ".join(f"{_name(one)} with job {one.job}" for one in held)
    return f"is {'shared' if held[0].shared else 'in use'} by {who}"


def _name(one: Held) -> str:
    return one.display_name or one.username or "a former user"


def _hold(one: Held, ends: dict[int, float]) -> Hold:
    number = one.resource.rpartition("#")[2] if "#" in one.resource else "0"
    return Hold(
        job=one.job,
        ends=ends.get(one.job),
        priority=one.priority,
        started=one.since.timestamp(),
        waited=(one.since - (one.waits_since or one.created)).total_seconds(),
        preemptible=one.preemptible,
        yielding=one.stop not in STAYS,
        shared=one.shared,
        memory=one.memory or 0,
        share=int(number) if one.shared else 0,
    )

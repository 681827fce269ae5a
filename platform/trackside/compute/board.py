"""The picker's data: every node and GPU, who holds it, and who waits. One dict, plain JSON.

`load` reads it once for everybody; `show` hides from one user what is not theirs to see.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib.auth.models import AnonymousUser

from trackside.accounts.models import User
from trackside.compute import clock
from trackside.compute.fleet import core
from trackside.compute.models import Gpu, Lease, Node, NodeState
from trackside.compute.services import state_of
from trackside.projects.access import projects_of

STALE_SECONDS = 15
HIDDEN = "a job of another project"
# What differs at each look without anything having happened: left out when boards are compared.
CLOCKS = ("at", "heartbeat_age", "idle_s", "eta")

Board = dict[str, Any]


@dataclass(frozen=True)
class Viewer:
    """Whose board it is."""

    user: int | None
    projects: frozenset[int]


def viewer(user: User | AnonymousUser) -> Viewer:
    return Viewer(user.pk, frozenset(projects_of(user).values_list("pk", flat=True)))


def board(user: User | AnonymousUser) -> Board:
    """The board as `user` may see it."""
    return show(load(clock.now()), viewer(user))


def load(now: datetime) -> Board:
    """Everything, for everybody: not to be shown as it is."""
    leases = {
        one.resource: one
        for one in Lease.objects.select_related("attempt__job__created_by", "attempt__job__project")
    }
    queue = _queue()
    wanted = Counter(uuid for one in queue for uuid in one["uuids"])
    nodes = [
        _node(node, leases, wanted, now)
        for node in Node.objects.prefetch_related("gpus").order_by("name")
    ]
    return {"nodes": nodes, "queue": queue, "at": now.isoformat()}


def _queue() -> list[dict[str, Any]]:
    jobs = apps.get_model("jobs", "Job").objects.filter(state="queued")
    waiting = jobs.select_related("created_by").order_by("-priority", "id")
    return [
        {
            "id": job.pk,
            "title": job.title,
            "user": str(job.created_by or ""),
            "user_id": job.created_by_id,
            "project_id": job.project_id,
            "reason": job.reason,
            "position": position,
            "uuids": job.compute.get("uuids", []),
        }
        for position, job in enumerate(waiting, start=1)
    ]


def _node(node: Node, leases: dict[str, Lease], wanted: Counter[str], now: datetime) -> Board:
    state = state_of(node, now)
    held = sum(1 for n in range(node.cores) if core(node.name, n) in leases)
    age = None if node.heartbeat_at is None else round((now - node.heartbeat_at).total_seconds(), 1)
    gpus = [_gpu(gpu, leases.get(gpu.uuid), state, now) for gpu in node.gpus.all() if gpu.present]
    for one in gpus:
        one["queue"] = wanted[one["uuid"]]
    return {
        "name": node.name,
        "state": state.value,
        "simulated": node.simulated,
        "driver": node.driver,
        "cuda": node.cuda,
        "cores": node.cores,
        "cores_free": node.cores - held,
        "cpu_load": round(node.cpu_load, 1),
        "memory_total": node.memory_total,
        "memory_free": node.memory_free,
        "heartbeat_age": age,
        "why_no_gpu": node.why_no_gpu,
        "warm": node.warm,
        "gpus": gpus,
    }


def _gpu(gpu: Gpu, lease: Lease | None, node: NodeState, now: datetime) -> dict[str, Any]:
    idle = None if gpu.idle_since is None else round((now - gpu.idle_since).total_seconds())
    return {
        "uuid": gpu.uuid,
        "index": gpu.index,
        "name": gpu.name,
        "memory_total": gpu.memory_total,
        "memory_used": gpu.memory_used,
        "memory_free": max(gpu.memory_total - gpu.memory_used, 0),
        "utilization": round(gpu.utilization, 1),
        "temperature": gpu.temperature,
        "power": gpu.power,
        "power_limit": gpu.power_limit,
        "state": _state(gpu, lease, node, now),
        "note": gpu.health_note,
        "holder": _holder(gpu, lease, now),
        "queue": 0,
        "history": gpu.history,
        "idle_s": idle,
    }


def _state(gpu: Gpu, lease: Lease | None, node: NodeState, now: datetime) -> str:
    if gpu.health == "failed":
        return "failed"
    if lease is not None:
        return "quarantined" if lease.quarantined else "busy"
    old = gpu.sampled_at is None or (now - gpu.sampled_at).total_seconds() > STALE_SECONDS
    if old or node in (NodeState.LOST, NodeState.SUSPECT):
        return "stale"
    return {"foreign": "foreign", "dirty": "quarantined"}.get(gpu.health, "free")


def _holder(gpu: Gpu, lease: Lease | None, now: datetime) -> dict[str, Any] | None:
    if lease is None:
        return _outsider(gpu)
    job = lease.attempt.job
    return {
        "kind": "job",
        "id": job.pk,
        "title": job.title,
        "user": str(job.created_by or ""),
        "user_id": job.created_by_id,
        "project_id": job.project_id,
        "since": lease.taken_at.isoformat(),
        "eta": job.progress.get("eta"),
        "project": job.project.key,
    }


def _outsider(gpu: Gpu) -> dict[str, Any] | None:
    if not gpu.processes:
        return None
    first = gpu.processes[0]
    return {
        "kind": "foreign",
        "id": first.get("pid"),
        "title": str(first.get("name") or "a process outside Trackside"),
        "user": str(first.get("user") or ""),
        "since": None,
        "eta": None,
        "project": None,
    }


def show(full: Board, who: Viewer) -> Board:
    """A copy with the titles of other people's projects hidden."""
    nodes = [
        {**node, "gpus": [{**gpu, "holder": _seen(gpu["holder"], who)} for gpu in node["gpus"]]}
        for node in full["nodes"]
    ]
    queue = [_seen(one, who) for one in full["queue"]]
    return {"nodes": nodes, "queue": queue, "at": full["at"]}


def _seen(one: dict[str, Any] | None, who: Viewer) -> dict[str, Any] | None:
    if one is None:
        return None
    inner = ("user_id", "project_id", "uuids")
    shown: dict[str, Any] = {key: value for key, value in one.items() if key not in inner}
    member = one.get("project_id") in who.projects
    shown["mine"] = who.user is not None and one.get("user_id") == who.user
    if "project_id" in one and not member:
        shown["title"] = HIDDEN
        shown.update({key: "" for key in ("reason",) if key in one})
    if "project" in shown and not member:
        shown["project"] = None
    return shown


def still(one: Any) -> Any:
    """The board without its clocks: equal when nothing happened in between."""
    if isinstance(one, dict):
        return {key: still(value) for key, value in one.items() if key not in CLOCKS}
    if isinstance(one, list):
        return [still(value) for value in one]
    return one

"""A node and its GPUs as the board shows them: the state, who holds which share, what is wrong."""

from collections import Counter
from datetime import datetime
from typing import Any

from trackside.compute.fleet import core
from trackside.compute.models import Gpu, Lease, Node, NodeState
from trackside.compute.services import state_of
from trackside.ui.words import plural

STALE_SECONDS = 15
GIB = 2**30
Held = dict[str, list[Lease]]  # GPU -> its leases, share 0 first


def node(one: Node, held: Held, cores: set[str], wanted: Counter[str], now: datetime) -> Any:
    state = state_of(one, now)
    busy = sum(1 for n in range(one.cores) if core(one.name, n) in cores)
    age = None if one.heartbeat_at is None else round((now - one.heartbeat_at).total_seconds(), 1)
    gpus = [
        {**tile(gpu, held.get(gpu.uuid, []), state, now), "queue": wanted[gpu.uuid]}
        for gpu in one.gpus.all()
        if gpu.present or gpu.broken
    ]
    return {
        "name": one.name,
        "state": state.value,
        "simulated": one.simulated,
        "driver": one.driver,
        "cuda": one.cuda,
        "cores": one.cores,
        "cores_free": one.cores - busy,
        "cpu_load": round(one.cpu_load, 1),
        "memory_total": one.memory_total,
        "memory_free": one.memory_free,
        "heartbeat_age": age,
        "why_no_gpu": one.why_no_gpu,
        "warm": one.warm,
        "drain_note": one.drain_note,
        "address": one.address,
        "links": one.topology.get("links", {}),
        "numa": one.topology.get("numa", {}),
        "gpus": gpus,
    }


def tile(gpu: Gpu, leases: list[Lease], state: NodeState, now: datetime) -> dict[str, Any]:
    """`holder` is the first of `holders`; `shares` is null unless the GPU is given in shares."""
    idle = None if gpu.idle_since is None else round((now - gpu.idle_since).total_seconds())
    holders = _holders(leases)
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
        "capability": gpu.capability,
        "state": _state(gpu, leases, state, now),
        "note": gpu.broken or gpu.health_note,
        "holder": holders[0] if holders else _outsider(gpu),
        "holders": holders,
        "shares": _shares(gpu, leases),
        "slots": gpu.slots,
        "parent": gpu.parent,
        "processes": gpu.processes,
        "errors": gpu.errors,
        "broken": bool(gpu.broken),
        "remarks": remarks(gpu, leases),
        "queue": 0,
        "history": gpu.history,
        "idle_s": idle,
    }


def _state(gpu: Gpu, leases: list[Lease], node_state: NodeState, now: datetime) -> str:
    if gpu.broken or gpu.health == "failed":
        return "failed"
    if leases:
        return "quarantined" if all(one.quarantined for one in leases) else "busy"
    old = gpu.sampled_at is None or (now - gpu.sampled_at).total_seconds() > STALE_SECONDS
    if old or node_state in (NodeState.LOST, NodeState.SUSPECT):
        return "stale"
    return {"foreign": "foreign", "dirty": "quarantined"}.get(gpu.health, "free")


def _shares(gpu: Gpu, leases: list[Lease]) -> dict[str, int] | None:
    """How much of a shared GPU is given away: shares, and bytes of memory."""
    shared = [one for one in leases if one.shared]
    if not shared:
        return None
    return {
        "slots": gpu.slots,
        "taken": len(shared),
        "memory": sum(one.memory or 0 for one in shared),
    }


def remarks(gpu: Gpu, leases: list[Lease]) -> list[dict[str, str]]:
    """What a tile says besides its numbers, as sentences: er, wn or "" (plain)."""
    errors, said = gpu.errors, []
    if gpu.broken:
        said.append(("er", f"Out of service: {gpu.broken}"))
    if errors.get("ecc"):
        said.append(("wn", f"{plural(errors['ecc'], 'uncorrectable memory error')}."))
    if errors.get("retired"):
        said.append(("", f"{plural(errors['retired'], 'damaged memory row')} mapped out."))
    if errors.get("xid") and f"Xid {errors['xid']}" not in gpu.broken:
        said.append(("", f"The driver's last error was Xid {errors['xid']}."))
    if errors.get("slowed"):
        said.append(("wn", f"Slowed down by {errors['slowed']}."))
    for one in gpu.processes:
        holds = f" holds {one['memory'] / GIB:.1f} GiB" if one.get("memory") else " uses it"
        said.append(("wn", f"{one['name']} (pid {one['pid']}) of {one['user']}{holds}."))
    shares = _shares(gpu, leases)
    if shares:
        given = f"{shares['taken']} of {shares['slots']} shares and "
        memory = f"{shares['memory'] / GIB:.1f} of {gpu.memory_total / GIB:.1f} GiB are given."
        said.append(("", f"Shared without isolation: {given}{memory}"))
    return [{"kind": kind, "text": text} for kind, text in said]


def _holders(leases: list[Lease]) -> list[dict[str, Any]]:
    """One entry a job, however many shares it holds."""
    first: dict[int, Lease] = {}
    for lease in leases:
        first.setdefault(lease.attempt_id, lease)
    return [_holder(lease) for lease in first.values()]


def _holder(lease: Lease) -> dict[str, Any]:
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
        "shared": lease.shared,
        "memory": lease.memory,
        "quarantined": lease.quarantined,
        "preemptible": job.preemptible,
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
        "memory": first.get("memory"),
        "since": None,
        "eta": None,
        "project": None,
    }

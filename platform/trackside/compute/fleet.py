"""The fleet as `placement.decide` wants it, read in four queries."""

from datetime import datetime

from trackside.compute.models import Gpu, Lease, Node, NodeState
from trackside.compute.placement import Device, Machine
from trackside.compute.services import state_of

QUICK_SLOTS = 2
CLOSED = {
    NodeState.SUSPECT: "has not been heard from for a while",
    NodeState.LOST: "is offline",
    NodeState.DRAINING: "is draining and takes no new jobs",
}


def core(node: str, number: int) -> str:
    """The resource name of a CPU core."""
    return f"{node}/core/{number}"


def quick(node: str, number: int) -> str:
    """The resource name of a slot for short jobs."""
    return f"{node}/quick/{number}"


def fleet(now: datetime) -> list[Machine]:
    """Every node with what is free on it."""
    leases = {
        one.resource: one
        for one in Lease.objects.select_related("attempt__job__created_by").order_by("resource")
    }
    return [
        machine(node, leases, now)
        for node in Node.objects.prefetch_related("gpus").order_by("name")
    ]


def machine(node: Node, leases: dict[str, Lease], now: datetime) -> Machine:
    free = [n for n in range(node.cores) if core(node.name, n) not in leases]
    slots = [n for n in range(QUICK_SLOTS) if quick(node.name, n) not in leases]
    return Machine(
        id=node.pk,
        name=node.name,
        cores=node.cores,
        free_cores=tuple(free),
        free_quick=tuple(slots),
        gpus=tuple(device(gpu, leases.get(gpu.uuid)) for gpu in node.gpus.all()),
        simulated=node.simulated,
        why=CLOSED.get(state_of(node, now), ""),
    )


def device(gpu: Gpu, lease: Lease | None) -> Device:
    broken = {"failed": "has failed", "dirty": "still holds the memory of an ended job"}
    why = ""
    if not gpu.present:
        why = "is not there any more"
    elif lease is not None:
        why = held(lease)
    elif gpu.health == "foreign":
        why = "is used by a process outside Trackside"
    elif gpu.health != "ok":
        why = broken.get(gpu.health, gpu.health)
    return Device(
        uuid=gpu.uuid,
        index=gpu.index,
        name=gpu.name,
        memory_total=gpu.memory_total,
        memory_free=max(gpu.memory_total - gpu.memory_used, 0),
        why=why,
        never=not gpu.present or gpu.health == "failed",
    )


def held(lease: Lease) -> str:
    """Who holds it, as the end of a sentence; the job's title stays with its project."""
    job = lease.attempt.job
    if lease.quarantined:
        return f"is held back until job {job.pk}, which was lost, is proved gone"
    return f"is in use by {job.created_by or 'a former user'} with job {job.pk}"

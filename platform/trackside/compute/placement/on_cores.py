"""The decision about one job that computes on CPU cores. Changes the room."""

from trackside.compute.placement import reasons
from trackside.compute.placement.room import Room
from trackside.compute.placement.words import Decision, Machine, Part, Request

CPU = "cpu"  # in `room.reserved`: somebody waits for cores


def quick(request: Request, room: Room) -> Decision:
    """A slot for short jobs: those are not kept waiting by who has the cores."""
    fleet = _able(request, room)
    if not fleet:
        return Decision(job=request.job, reason=reasons.never(request, room))
    best = max(fleet, key=lambda one: (len(room.quick[one.id]), one.name))
    if not room.quick[best.id]:
        return Decision(job=request.job, reason=reasons.NO_QUICK)
    slot = room.quick[best.id].pop(0)
    return Decision(job=request.job, parts=(Part(machine=best),), quick=slot)


def cpu(request: Request, room: Room) -> Decision:
    """Up to half the machine's cores, at least one a rank, the same number for each rank."""
    fleet = _able(request, room)
    if not fleet:
        return Decision(job=request.job, reason=reasons.never(request, room))
    able = [one for one in fleet if len(room.cores[one.id]) >= request.ranks]
    if not able:
        return _wait(request, fleet, room)
    best = max(able, key=lambda one: (not one.simulated, len(room.cores[one.id]), one.name))
    free = room.cores[best.id]
    threads = max(1, min(len(free), best.cores // 2) // request.ranks)
    cores = tuple(free[: threads * request.ranks])
    del free[: len(cores)]
    return Decision(job=request.job, parts=(Part(machine=best, cores=cores),))


def _able(request: Request, room: Room) -> list[Machine]:
    return [one for one in room.open if one.id not in request.blocked]


def _wait(request: Request, fleet: list[Machine], room: Room) -> Decision:
    """The first that waits for cores reserves those of the machine that comes closest."""
    best = max(fleet, key=lambda one: (one.cores >= request.ranks, len(room.cores[one.id])))
    reason = reasons.cores(request, best, len(room.cores[best.id]))
    if CPU not in room.reserved:
        room.reserved.add(CPU)
        room.cores[best.id] = []
    return Decision(job=request.job, reason=reason)

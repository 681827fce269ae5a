"""The decision about one job that wants GPUs: these, or any. Changes the room."""

from trackside.compute.placement import packing, preemption, reasons
from trackside.compute.placement.backfill import NEVER, claim_of, may_pass, shadow
from trackside.compute.placement.on_cores import CPU
from trackside.compute.placement.preemption import Rescue
from trackside.compute.placement.room import YIELD_WITHIN, Claim, Group, Room
from trackside.compute.placement.words import Decision, Device, Machine, Part, Request

Found = list[tuple[Machine, Device]]
MOST_CORES = 8  # of a rank


def exact(request: Request, room: Room) -> Decision:
    """Just these GPUs, all or none; all of them are reserved while the job waits."""
    found = [room.where[uuid] for uuid in request.uuids if uuid in room.where]
    missing = [uuid for uuid in request.uuids if uuid not in room.where]
    blocked = [_missing(uuid) for uuid in missing]
    blocked += [why for machine, gpu in found if (why := _why_not(machine, gpu, request, room))]
    if not blocked:
        return Decision(job=request.job, parts=_give(request, found, room))
    gpus = [gpu for _, gpu in found]
    can_open = not missing and not any(m.why or m.id in request.blocked for m, _ in found)
    rescue = preemption.for_these(request, gpus, room) if can_open else None
    if rescue is not None and not any(_is_others(gpu, request, room) for gpu in gpus):
        return _yield(request, rescue, room)
    starts = _latest(gpus, room) if can_open else None
    room.claim(gpus, claim_of(request, starts, room))
    reason = f"Waits: {reasons.listed(blocked)}.{reasons.by(starts)}"
    return Decision(job=request.job, reason=reason, starts=starts)


def _missing(uuid: str) -> str:
    return f"GPU {uuid} is not part of the fleet any more"


def _why_not(machine: Machine, gpu: Device, request: Request, room: Room) -> str:
    if machine.why or machine.id in request.blocked:
        return reasons.of_device(machine, gpu, request, room)
    if _is_others(gpu, request, room):
        return f"{gpu.label(machine.name)} {reasons.reserved(room.claims[gpu.uuid], request)}"
    if request.shared:
        free = packing.has_share(gpu, request, room)
        return "" if free else reasons.without_share(machine, gpu, request, room)
    return "" if room.is_free(gpu) else reasons.of_device(machine, gpu, request, room)


def _is_others(gpu: Device, request: Request, room: Room) -> bool:
    claim = room.claims.get(gpu.uuid)
    return claim is not None and not may_pass(request, claim, room.now)


def _latest(gpus: list[Device], room: Room) -> float | None:
    """When the last of them is free; None: nobody knows. Not before those who come first."""
    latest = room.now
    for gpu in gpus:
        when = None if gpu.uuid in room.claims else room.free_at(gpu)
        if when is None:
            return None
        latest = max(latest, when)
    return latest


def any_gpus(request: Request, room: Room) -> Decision:
    """`count` GPUs of one model, in as few machines as possible."""
    chosen = packing.choose(request, room)
    if chosen is not None:
        found = [(group.machine, gpu) for group, gpus in chosen for gpu in gpus]
        return Decision(job=request.job, parts=_give(request, found, room))
    groups = _large_enough(request, room)
    if not groups:
        return Decision(job=request.job, reason=reasons.never(request, room))
    rescue = None if request.shared else preemption.for_any(request, groups, room)
    if rescue is not None:
        return _yield(request, rescue, room)
    reason = reasons.any_gpu(request, groups, room)
    starts = _reserve(request, groups, room)
    return Decision(job=request.job, reason=f"{reason}{reasons.by(starts)}", starts=starts)


def _large_enough(request: Request, room: Room) -> list[Group]:
    """Where it could run, were everything free."""
    able = [
        (one, sum(1 for gpu in one.devices if packing.suits(gpu, request)))
        for one in room.matching(request.name)
        if one.machine.id not in request.blocked
    ]
    if request.nodes < 2:
        return [group for group, number in able if number >= request.count]
    models: dict[str, list[int]] = {}
    for group, number in able:
        models.setdefault(group.model, []).append(number)
    enough = {
        model
        for model, numbers in models.items()
        if sum(sorted(numbers, reverse=True)[: request.nodes]) >= request.count
    }
    return [group for group, number in able if number and group.model in enough]


def _reserve(request: Request, groups: list[Group], room: Room) -> float | None:
    """The first that waits for these models gets a reservation; the others come after it."""
    models = {group.model for group in groups}
    if models & room.reserved:
        return None
    room.reserved |= models
    gpus, when = shadow(request, groups, room)
    starts = None if when == NEVER else when
    room.claim(gpus, claim_of(request, starts, room))
    return starts


def _yield(request: Request, rescue: Rescue, room: Room) -> Decision:
    starts = room.now + YIELD_WITHIN
    room.claim(rescue.gpus, Claim(request, starts, closed=True))
    return Decision(
        job=request.job,
        reason=reasons.giving_way(rescue.waits_for),
        preempt=rescue.victims,
        starts=starts,
    )


# Giving -----------------------------------------------------------------------------------------


def _give(request: Request, found: Found, room: Room) -> tuple[Part, ...]:
    """One part a machine; ranks go by machine, then by the order of the GPUs."""
    parts: dict[int, list[Device]] = {}
    machines = {machine.id: machine for machine, _ in found}
    for machine, gpu in found:
        parts.setdefault(machine.id, []).append(gpu)
    return tuple(_part(request, machines[pk], gpus, room) for pk, gpus in parts.items())


def _part(request: Request, machine: Machine, gpus: list[Device], room: Room) -> Part:
    if request.kind == "any":
        gpus = sorted(gpus, key=lambda gpu: gpu.index)
    shares: tuple[int, ...] = ()
    if request.shared:
        shares = tuple(room.share(gpu, request) for gpu in gpus)
    else:
        room.take(gpus, request)
    uuids = tuple(gpu.uuid for gpu in gpus)
    return Part(machine=machine, uuids=uuids, shares=shares, cores=_cores(machine, gpus, room))


def _cores(machine: Machine, gpus: list[Device], room: Room) -> tuple[int, ...]:
    """Cores for each rank, rank by rank: its GPU's share of the machine, where so many are free.

    A job never waits for them: with none it runs unbound, as a real GPU does that would get less
    than its share for hours. A GPU's cores are those at its place in the machine: servers number
    them by socket. An older job that waits for cores is not passed.
    """
    free = room.cores[machine.id]
    wanted = max(1, fair_cores(machine) // (gpus[0].slots if gpus[0].uuid in room.shares else 1))
    each = min(wanted, len(free) // len(gpus))
    if CPU in room.reserved or (each < wanted and not machine.simulated):
        return ()
    found: list[int] = []
    for gpu in gpus:
        home = gpu.index * machine.cores // len(machine.gpus)
        near = sorted(free, key=lambda core: (core - home) % machine.cores)[:each]
        found += sorted(near)
        free[:] = [core for core in free if core not in near]
    return tuple(found)


def fair_cores(machine: Machine) -> int:
    """A GPU's share of its machine's cores. More threads than a few make no GPU faster."""
    return max(1, min(machine.cores // max(1, len(machine.gpus)), MOST_CORES))

"""Which free GPUs a job gets: the machine where fewest stay unused, GPUs that are near each other.

All of them or none. Nothing here changes the room.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from trackside.compute.placement.backfill import may_pass
from trackside.compute.placement.links import NVLINK, nearest, weakest
from trackside.compute.placement.room import Group, Room
from trackside.compute.placement.words import Device, Request

LOOKED_AT = 32  # machines that are compared when many would do

Chosen = list[tuple[Group, list[Device]]]


def choose(request: Request, room: Room) -> Chosen | None:
    """GPUs for an `any` job that are free now, machine by machine; None: it has to wait."""
    if request.shared:
        return _shares(request, room)
    return _one_machine(request, room) or _behind_claims(request, room) or _several(request, room)


def suits(gpu: Device, request: Request) -> bool:
    """The device could serve it, once it is free."""
    return gpu.memory_total >= request.min_free and (request.gpus == 1 or not gpu.parent)


def fitting(gpus: Sequence[Device], request: Request, least: int) -> list[Device]:
    """Those that could serve it and have `least` free."""
    return [gpu for gpu in gpus if gpu.memory_free >= least and suits(gpu, request)]


def _one_machine(request: Request, room: Room) -> Chosen | None:
    """A GPU with the room of the estimate before one without, a real one before a simulated."""
    roomy = max(request.roomy, request.min_free)
    for least in dict.fromkeys((roomy, request.min_free)):
        for simulated in (False, True):
            able = islice(_able(request, room, least, simulated), LOOKED_AT)
            best = min(able, key=_waste, default=None)
            if best is not None:
                return [best]
    return None


def _able(
    request: Request, room: Room, least: int, simulated: bool
) -> Iterator[tuple[Group, list[Device]]]:
    for group in room.roomiest_last(request.name, request.count, simulated):
        if group.machine.id in request.blocked:
            continue
        free = fitting(group.free, request, least)
        if len(free) >= request.count:
            yield group, nearest(free, request.count, group.machine.links)


def _waste(able: tuple[Group, list[Device]]) -> tuple[bool, int, str]:
    group, chosen = able
    links = group.machine.links
    apart = bool(links) and weakest(chosen, links) < NVLINK
    return (apart, len(group.free), group.machine.name)


def _behind_claims(request: Request, room: Room) -> Chosen | None:
    """GPUs that wait for somebody else, for a job that will have left them by then."""
    if request.seconds is None and not request.preemptible:
        return None
    groups = {room.group_of(room.where[uuid][1]) for uuid in room.claims if uuid in room.where}
    able = []
    for group in groups:
        if group is None or not group.back or not _is_for(group, request):
            continue
        back = [gpu for gpu in group.back if may_pass(request, room.claims[gpu.uuid], room.now)]
        free = fitting([*group.free, *back], request, request.min_free)
        if len(free) >= request.count:
            able.append((group, free[: request.count]))
    best = min(able, key=_waste, default=None)
    return None if best is None else [best]


def _is_for(group: Group, request: Request) -> bool:
    return group.machine.id not in request.blocked and request.name.lower() in group.model.lower()


def _several(request: Request, room: Room) -> Chosen | None:
    """Over several machines of one model: as few as possible, the last one filled best."""
    if request.nodes < 2:
        return None
    for simulated in (False, True):
        for model in room.models(request.name):
            groups = [
                (one, fitting(one.free, request, request.min_free))
                for one in room.groups[model]
                if one.machine.simulated == simulated and one.machine.id not in request.blocked
            ]
            chosen = _fewest([one for one in groups if one[1]], request)
            if chosen is not None:
                return chosen
    return None


def _fewest(groups: Chosen, request: Request) -> Chosen | None:
    groups.sort(key=lambda one: (-len(one[1]), one[0].machine.name))
    chosen: Chosen = []
    missing = request.count
    for group, free in groups[: request.nodes]:
        if missing <= len(free):
            break
        chosen.append((group, free))
        missing -= len(free)
    else:
        return None
    last = [one for one in groups[len(chosen) :] if len(one[1]) >= missing]
    group, free = min(last, key=lambda one: (len(one[1]), one[0].machine.name))
    chosen.append((group, nearest(free, missing, group.machine.links)))
    return chosen


# Shares -----------------------------------------------------------------------------------------


def _shares(request: Request, room: Room) -> Chosen | None:
    """A share of each GPU: where others share already before a GPU that is whole."""
    able: Chosen = []
    for group in room.matching(request.name):
        if group.partly and group.machine.id not in request.blocked:
            gpus = [gpu for gpu in _sharable(group, request, room) if suits(gpu, request)]
            if len(gpus) >= request.count:
                able.append((group, gpus[: request.count]))
    if able:
        best = min(able, key=lambda one: (one[0].machine.simulated, _left(one[1], room)))
        return [best]
    for simulated in (False, True):
        for group in room.roomiest_last(request.name, request.count, simulated):
            free = [gpu for gpu in group.free if has_share(gpu, request, room)]
            if group.machine.id not in request.blocked and len(free) >= request.count:
                return [(group, nearest(free, request.count, group.machine.links))]
    return None


def _sharable(group: Group, request: Request, room: Room) -> list[Device]:
    partly = [
        gpu for gpu in group.partly if gpu.uuid not in room.claims and has_share(gpu, request, room)
    ]
    partly.sort(key=lambda gpu: (_left([gpu], room), gpu.index))
    free = [gpu for gpu in group.free if has_share(gpu, request, room)]
    return [*partly, *free] if partly else []


def has_share(gpu: Device, request: Request, room: Room) -> bool:
    """A share is left, and the budgets of all who share it fit into its memory."""
    holds = room.holds(gpu)
    if gpu.uuid in room.taken or gpu.slots < 2 or len(holds) >= gpu.slots:
        return False
    if any(not one.shared for one in holds) or (gpu.why and not gpu.holds):
        return False
    return sum(one.memory for one in holds) + request.memory <= gpu.memory_total


def _left(gpus: Sequence[Device], room: Room) -> int:
    return sum(gpu.memory_total - sum(one.memory for one in room.holds(gpu)) for gpu in gpus)

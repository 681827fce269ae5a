"""Who gives way: only jobs that were started as preemptible, and never in vain.

Of all that would do, those of the lowest priority end, and of these the ones that began last.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trackside.compute.placement.backfill import yields_to
from trackside.compute.placement.packing import fitting, suits
from trackside.compute.placement.room import Group, Room
from trackside.compute.placement.words import Device, Request


@dataclass(frozen=True)
class Rescue:
    """The GPUs that a waiting job gets when `victims` have given way; without victims, when those
    who were asked before have."""

    gpus: list[Device]
    victims: tuple[int, ...]
    waits_for: tuple[int, ...]  # the victims and who was asked before


def for_these(request: Request, gpus: Sequence[Device], room: Room) -> Rescue | None:
    """For exactly these GPUs; None when even then one of them would be missing."""
    soft = [gpu for gpu in gpus if not room.is_free(gpu)]
    if not soft or not all(_gives_way(gpu, request, room) for gpu in soft):
        return None
    return _rescue(list(gpus), soft)


def for_any(request: Request, groups: Iterable[Group], room: Room) -> Rescue | None:
    """For `count` GPUs of one model in one machine: where the least is lost."""
    best: tuple[tuple[int, float, int, str], Rescue] | None = None
    for group in groups:
        if not group.soft or group.machine.id in request.blocked:
            continue
        rescue = _in(group, request, room)
        if rescue is None:
            continue
        lost = [one for gpu in rescue.gpus for one in gpu.holds if one.job in rescue.victims]
        worst = max(((one.priority, -one.started) for one in lost), default=(-1000, 0.0))
        key = (*worst, len(rescue.victims), group.machine.name)
        if best is None or key < best[0]:
            best = (key, rescue)
    return best[1] if best else None


def _in(group: Group, request: Request, room: Room) -> Rescue | None:
    free = fitting(group.free, request, request.min_free)
    missing = request.count - len(free)
    soft = [
        gpu
        for gpu in group.soft
        if gpu.uuid not in room.claims and _gives_way(gpu, request, room) and suits(gpu, request)
    ]
    if missing < 1 or len(soft) < missing:
        return None
    soft.sort(key=_cost)
    chosen = soft[:missing]
    return _rescue([*free[: request.count - missing], *chosen], chosen)


def _rescue(gpus: list[Device], soft: Sequence[Device]) -> Rescue:
    holds = [one for gpu in soft for one in gpu.holds]
    victims = sorted({one.job for one in holds if not one.yielding})
    return Rescue(gpus, tuple(victims), tuple(sorted({one.job for one in holds})))


def _cost(gpu: Device) -> tuple[bool, int, float, int]:
    """Who was asked already comes first; then the lowest priority, then the youngest."""
    asks = [one for one in gpu.holds if not one.yielding]
    worst = max(((one.priority, -one.started) for one in asks), default=(-1000, 0.0))
    return (bool(asks), *worst, gpu.index)


def _gives_way(gpu: Device, request: Request, room: Room) -> bool:
    """Held by nobody but those who give way to this job, and nobody else was given it since."""
    if gpu.uuid in room.taken or gpu.uuid in room.shares or not gpu.holds:
        return False
    return all(one.yielding or yields_to(one, request, room.now) for one in gpu.holds)

"""Reservations: who waits at the head keeps what it will need, and others use it until then.

A job passes a reservation only if it is known to have ended before, or gives way when it is asked.
"""

from collections.abc import Iterable

from trackside.compute.placement.ordering import GRACE, STARVE_AFTER, effective
from trackside.compute.placement.room import Claim, Group, Room
from trackside.compute.placement.words import Device, Hold, Request

NEVER = float("inf")
Times = list[tuple[float, Device]]


def may_pass(request: Request, claim: Claim, now: float) -> bool:
    """`request` may use what is reserved, until it is needed."""
    if claim.closed:
        return False
    known = request.seconds is not None and claim.starts is not None
    if known and now + (request.seconds or 0) + GRACE <= (claim.starts or 0):
        return True
    waited = now - request.since
    as_held = Hold(
        job=request.job, priority=request.priority, preemptible=request.preemptible, waited=waited
    )
    return yields_to(as_held, claim.request, now)


def yields_to(hold: Hold, request: Request, now: float) -> bool:
    """Who holds it may be ended for `request`: if it is preemptible and its turn would come later.

    Back in the queue it then stands behind who ended it, so that they never end each other in
    turn. A preemptible job ends only those of a lower priority.
    """
    if not hold.preemptible or (request.preemptible and hold.priority >= request.priority):
        return False
    turn = effective(hold.priority, hold.waited)
    return effective(request.priority, now - request.since) >= turn


def overdue(request: Request, now: float) -> bool:
    return now - request.since >= STARVE_AFTER


def claim_of(request: Request, starts: float | None, room: Room) -> Claim:
    return Claim(request, starts, closed=overdue(request, room.now))


def shadow(request: Request, groups: Iterable[Group], room: Room) -> tuple[list[Device], float]:
    """The GPUs that an `any` job will get first, and when; at NEVER nobody knows when."""
    times = [(group, _times(group, request, room)) for group in groups]
    if request.nodes > 1:
        return _several(request, times)
    best: tuple[float, int, bool, str] | None = None
    found: Times = []
    for group, line in times:
        if len(line) < request.count:
            continue
        machine = group.machine
        key = (line[request.count - 1][0], -_known(line), machine.simulated, machine.name)
        if best is None or key < best:
            best, found = key, line[: request.count]
    return _reserved(found), best[0] if best else NEVER


def _times(group: Group, request: Request, room: Room) -> Times:
    """Its GPUs by when they are free, without those that others wait for."""
    if group.machine.id in request.blocked:
        return []
    line = []
    for gpu in group.devices:
        if gpu.uuid in room.claims or gpu.memory_total < request.min_free:
            continue
        if gpu.parent and request.gpus > 1:
            continue
        when = room.free_at(gpu)
        if when == room.now and gpu.memory_free < request.min_free:
            when = None
        line.append((NEVER if when is None else when, gpu))
    line.sort(key=lambda one: (one[0], one[1].index))
    return line


def _reserved(line: Times) -> list[Device]:
    """What is known to come free; what is not, nobody can be kept from."""
    return [gpu for when, gpu in line if when < NEVER]


def _several(request: Request, times: list[tuple[Group, Times]]) -> tuple[list[Device], float]:
    """The earliest moment at which so many machines of one model have enough together."""
    models: dict[str, list[Times]] = {}
    for group, line in times:
        if line:
            models.setdefault(group.model, []).append(line)
    best: tuple[list[Device], float] = ([], NEVER)
    for lines in models.values():
        for moment in sorted({when for line in lines for when, _ in line}):
            gpus = _together(lines, moment, request)
            if len(gpus) >= request.count and (moment < best[1] or not best[0]):
                keep = {gpu.uuid for gpu in gpus[: request.count]}
                chosen = [one for line in lines for one in line if one[1].uuid in keep]
                best = (_reserved(chosen), moment)
                break
    return best


def _together(lines: list[Times], moment: float, request: Request) -> list[Device]:
    """The machines that have most by then; of those alike, where most is known to come free."""
    ready = [[one for one in line if one[0] <= moment] for line in lines]
    ready.sort(key=lambda line: (-_known(line), -len(line)))
    return [gpu for line in ready[: request.nodes] for _, gpu in line]


def _known(line: Times) -> int:
    return sum(1 for when, _ in line if when < NEVER)

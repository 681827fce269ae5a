"""Why a job waits, as a sentence for who waits. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime

from trackside.compute.placement.room import Claim, Group, Room
from trackside.compute.placement.words import Device, Machine, Request
from trackside.ui.words import plural

NO_QUICK = "Waits for other short jobs to end."


def listed(reasons: Sequence[str]) -> str:
    return "; ".join(dict.fromkeys(reasons))


def by(starts: float | None) -> str:
    """The promise of a reservation."""
    if starts is None:
        return ""
    return (
        f" Starts by {datetime.fromtimestamp(starts, UTC):%H:%M} UTC if nothing more urgent comes."
    )


def of_device(machine: Machine, gpu: Device, request: Request, room: Room) -> str:
    """What keeps this job from this GPU, as "GPU 0 (H100) on a is in use by Ada with job 9"."""
    if machine.why:
        return f"{machine.name} {machine.why}"
    if machine.id in request.lacking:
        return f"{machine.name} lacks the library that it needs, or its build for GPUs"
    if machine.id in request.exposed:
        return f"{machine.name} is not known to give its ranks a closed network"
    if machine.id in request.blocked:
        return f"{machine.name} is where it failed before; move it to other GPUs"
    why = gpu.why or room.taken.get(gpu.uuid, "")
    if not why and room.holds(gpu):
        why = "is shared by others"
    if not why and gpu.uuid in room.claims:
        why = reserved(room.claims[gpu.uuid], request)
    return f"{gpu.label(machine.name)} {why}" if why else ""


def reserved(claim: Claim, request: Request) -> str:
    older = claim.request.since <= request.since
    which = "older" if older else "more urgent"
    return f"is reserved for job {claim.request.job}, which is {which}"


def without_share(machine: Machine, gpu: Device, request: Request, room: Room) -> str:
    """As `of_device`, for a job that would share it."""
    holds = room.holds(gpu)
    if not holds or any(not one.shared for one in holds):
        why = of_device(machine, gpu, request, room)
        if why or gpu.slots > 1:
            return why
        return f"{gpu.label(machine.name)} is given to one job alone"
    label = gpu.label(machine.name)
    if len(holds) >= gpu.slots:
        return f"{label} is shared by {len(holds)} jobs already"
    left = gpu.memory_total - sum(one.memory for one in holds)
    return f"{label} has {gib(left)} left for sharing, and it asks for {gib(request.memory)}"


def gib(size: float) -> str:
    return f"{max(size, 0) / 2**30:.1f} GiB"


def never(request: Request, room: Room) -> str:
    """No machine could ever serve it."""
    if not room.open:
        return f"Waits for a machine: {_closed(room)}."
    what = f"working{_model(request)} GPU"
    able = [one for one in room.open if one.id not in request.blocked]
    if not able:
        names = listed([one.name for one in room.open])
        if all(one.id in request.lacking for one in room.open):
            return f"Waits for a machine with the library that it needs: {_none_of(room.open)}."
        if all(one.id in request.exposed for one in room.open):
            return "Waits for a machine known to give its ranks a closed network: none is online."
        return f"Waits for another machine: it failed before on every one that is online ({names})."
    if request.nodes > 1:
        return (
            f"Waits: no {request.nodes} machines that are online have "
            f"{plural(request.count, what)} together."
        )
    return f"Waits: no machine that is online has {plural(request.count, what)}."


def _none_of(machines: Sequence[Machine]) -> str:
    if len(machines) == 1:
        return f"{machines[0].name} does not have it"
    return f"none of {', '.join(one.name for one in machines[:3])} has it"


def any_gpu(request: Request, groups: Sequence[Group], room: Room) -> str:
    """How many are free on the machine that comes closest, and what the next one is doing."""
    group = max(groups, key=lambda one: (_free(one, request), not one.machine.simulated))
    free, machine = _free(group, request), group.machine
    room_for = f" with {gib(request.min_free)} free" if request.min_free else ""
    kind = _of_several(group, request)
    have = f"{free}{kind} on {machine.name} {'is' if free == 1 else 'are'} free, " if free else ""
    ask = without_share if request.shared else of_device
    why = (ask(machine, gpu, request, room) for gpu in group.devices)
    first = next((one for one in why if one), f"too little memory is free on {machine.name}")
    what = plural(request.count, f"free{_model(request)} GPU")
    share = "a share of " if request.shared else ""
    return f"Waits for {share}{what}{room_for}: {have}{first}."


def _free(group: Group, request: Request) -> int:
    return sum(1 for gpu in group.free if gpu.memory_free >= request.min_free)


def _closed(room: Room) -> str:
    """None takes jobs: who is online and does not is named, the rest is away."""
    online = [one for one in room.machines if one.why and "offline" not in one.why]
    if not online:
        return "none is online"
    return "; ".join(f"{one.name} {one.why}" for one in online[:3])


def _of_several(group: Group, request: Request) -> str:
    """The model that is counted, where the machine has others that may be free."""
    models = {gpu.name for gpu in group.machine.gpus}
    if request.name or len(models) < 2:
        return ""
    return f" {group.model.removesuffix(' (simulated)')}"


def _model(request: Request) -> str:
    return f" {request.name}" if request.name else ""


def giving_way(jobs: Sequence[int]) -> str:
    names = " and ".join(f"job {one}" for one in jobs)
    keeps = "it keeps a checkpoint and ends" if len(jobs) == 1 else "they keep checkpoints and end"
    return f"Waits for {names} to give way: {keeps}."


def cores(request: Request, machine: Machine, free: int) -> str:
    return (
        f"Waits for {plural(request.ranks, 'CPU core')}: "
        f"{free or 'none'} of {machine.cores} on {machine.name} {'is' if free < 2 else 'are'} free."
    )

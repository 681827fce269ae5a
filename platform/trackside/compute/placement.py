"""Who gets which devices. Pure: a fleet and a queue go in, one decision a job comes out.

Requests come oldest and most urgent first. The first one that must wait reserves what it waits for,
so that a younger one cannot pass it on the same devices; on other devices it may.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Device:
    """A GPU. `why` says, as the end of a sentence, what keeps it from being given away."""

    uuid: str
    index: int
    name: str
    memory_total: int
    memory_free: int
    why: str = ""  # "", "is in use by Ana with job 12", "is used by a process outside Trackside"
    never: bool = False  # absent or broken: a wait of its own accord will not help

    def label(self, node: str) -> str:
        return f"GPU {self.index} ({self.name.replace(' (simulated)', ', simulated')}) on {node}"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A node. `why` is empty when jobs may be placed on it."""

    id: int
    name: str
    cores: int
    free_cores: tuple[int, ...] = ()
    free_quick: tuple[int, ...] = ()
    gpus: tuple[Device, ...] = ()
    simulated: bool = False
    why: str = ""  # "is offline", "is draining"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What one waiting job wants."""

    job: int
    kind: Literal["cpu", "quick", "gpus", "any"]
    ranks: int = 1
    uuids: tuple[str, ...] = ()
    count: int = 1
    min_free: int = 0
    name: str = ""
    roomy: int = 0  # bytes that the estimate asks for: GPUs with as much free come first
    hold: str = ""  # a sentence: not to be placed before that


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Where a job goes; `machine` None means that it waits, and `reason` says why."""

    job: int
    machine: Machine | None = None
    uuids: tuple[str, ...] = ()
    cores: tuple[int, ...] = ()
    quick: int | None = None
    reason: str = ""


@dataclass
class _Left:
    """What is still to give: shrinks as jobs are placed and as waiting jobs reserve."""

    cores: dict[int, list[int]]
    quick: dict[int, list[int]]
    taken: dict[str, str] = field(default_factory=dict)  # uuid -> why, from this pass


def decide(machines: Sequence[Machine], queue: Iterable[Request]) -> list[Decision]:
    """One decision for each request, in their order."""
    left = _Left(
        cores={one.id: list(one.free_cores) for one in machines},
        quick={one.id: list(one.free_quick) for one in machines},
    )
    open_ = [one for one in machines if not one.why]
    rules = {"cpu": _cpu, "quick": _quick, "gpus": _exact, "any": _any}
    decisions = []
    for request in queue:
        if request.hold:
            decisions.append(Decision(job=request.job, reason=request.hold))
        else:
            fleet = machines if request.kind == "gpus" else open_
            decisions.append(rules[request.kind](request, fleet, left))
    return decisions


def _no_machine(request: Request) -> Decision:
    return Decision(job=request.job, reason="Waits for a machine: none is online.")


def _quick(request: Request, fleet: Sequence[Machine], left: _Left) -> Decision:
    if not fleet:
        return _no_machine(request)
    best = max(fleet, key=lambda one: (len(left.quick[one.id]), one.name))
    if not left.quick[best.id]:
        return Decision(job=request.job, reason="Waits for other short jobs to end.")
    slot = left.quick[best.id].pop(0)
    return Decision(job=request.job, machine=best, quick=slot)


def _cpu(request: Request, fleet: Sequence[Machine], left: _Left) -> Decision:
    """Up to half the machine's cores, at least one a rank, the same number for each rank."""
    if not fleet:
        return _no_machine(request)
    able = [one for one in fleet if len(left.cores[one.id]) >= request.ranks]
    if not able:
        best = max(fleet, key=lambda one: (one.cores >= request.ranks, len(left.cores[one.id])))
        free = len(left.cores[best.id])
        left.cores[best.id] = []  # reserved for this job
        return Decision(
            job=request.job,
            reason=f"Waits for {_many(request.ranks, 'CPU core')}: "
            f"{free or 'none'} of {best.cores} on {best.name} {'is' if free < 2 else 'are'} free.",
        )
    best = max(able, key=lambda one: (not one.simulated, len(left.cores[one.id]), one.name))
    free_cores = left.cores[best.id]
    threads = max(1, min(len(free_cores), best.cores // 2) // request.ranks)
    cores = tuple(free_cores[: threads * request.ranks])
    del free_cores[: len(cores)]
    return Decision(job=request.job, machine=best, cores=cores)


def _exact(request: Request, fleet: Sequence[Machine], left: _Left) -> Decision:
    """Just these GPUs, all or none; all of them are reserved while the job waits."""
    found = [(m, gpu) for m in fleet for gpu in m.gpus if gpu.uuid in request.uuids]
    reasons = [_why_not(machine, gpu, left) for machine, gpu in found]
    missing = [uuid for uuid in request.uuids if uuid not in {gpu.uuid for _, gpu in found}]
    reasons += [f"GPU {uuid} is not part of the fleet any more" for uuid in missing]
    if len({machine.id for machine, _ in found}) > 1:
        reasons.append("the chosen GPUs are not in one machine")
    blocked = [reason for reason in reasons if reason]
    claim = "is reserved for" if blocked else "is in use by"
    for _, gpu in found:
        left.taken.setdefault(gpu.uuid, f"{claim} job {request.job}, which is older")
    if blocked:
        return Decision(job=request.job, reason=f"Waits: {_list(blocked)}.")
    return Decision(job=request.job, machine=found[0][0], uuids=request.uuids)


def _why_not(machine: Machine, gpu: Device, left: _Left) -> str:
    if machine.why:
        return f"{machine.name} {machine.why}"
    why = gpu.why or left.taken.get(gpu.uuid, "")
    return f"{gpu.label(machine.name)} {why}" if why else ""


def _any(request: Request, fleet: Sequence[Machine], left: _Left) -> Decision:
    """`count` GPUs of one model in one machine: the group where fewest stay unused."""
    groups = [(m, group) for m in fleet for group in _groups(m, request)]
    large = [(m, group) for m, group in groups if len(group) >= request.count]
    if not large:
        return Decision(job=request.job, reason=_never(request, fleet))
    free = [(m, [gpu for gpu in group if _is_free(gpu, request, left)]) for m, group in large]
    able = [(m, group) for m, group in free if len(group) >= request.count]
    if not able:
        machine, group = max(free, key=lambda one: (len(one[1]), not one[0].simulated))
        reason = _wait_any(request, machine, group, left)
        for gpu in group:
            left.taken[gpu.uuid] = f"is reserved for job {request.job}, which is older"
        return Decision(job=request.job, reason=reason)
    machine, group = min(able, key=lambda one: _waste(one[0], one[1], request))
    group.sort(key=lambda gpu: (gpu.memory_free < request.roomy, gpu.index))
    chosen = tuple(gpu.uuid for gpu in sorted(group[: request.count], key=lambda one: one.index))
    left.taken.update(dict.fromkeys(chosen, f"is in use by job {request.job}"))
    return Decision(job=request.job, machine=machine, uuids=chosen)


def _groups(machine: Machine, request: Request) -> list[list[Device]]:
    """The machine's working GPUs that may serve the request, one list a model."""
    models: dict[str, list[Device]] = {}
    for gpu in machine.gpus:
        if not gpu.never and request.name.lower() in gpu.name.lower():
            models.setdefault(gpu.name, []).append(gpu)
    return list(models.values())


def _is_free(gpu: Device, request: Request, left: _Left) -> bool:
    return not gpu.why and gpu.uuid not in left.taken and gpu.memory_free >= request.min_free


def _waste(machine: Machine, group: list[Device], request: Request) -> tuple[object, ...]:
    roomy = sum(1 for gpu in group if gpu.memory_free >= request.roomy)
    return (roomy < request.count, machine.simulated, len(group), machine.name)


def _wait_any(request: Request, machine: Machine, free: list[Device], left: _Left) -> str:
    """How many are free on the machine that comes closest, and what the next one is doing."""
    model = f" {request.name}" if request.name else ""
    room = f" with {request.min_free / 2**30:.1f} GiB free" if request.min_free else ""
    have = (
        f"{len(free)} on {machine.name} {'is' if len(free) == 1 else 'are'} free, " if free else ""
    )
    others = [gpu for group in _groups(machine, request) for gpu in group if gpu not in free]
    why = [_why_not(machine, gpu, left) for gpu in others]
    first = next((one for one in why if one), f"too little memory is free on {machine.name}")
    return f"Waits for {_many(request.count, f'free{model} GPU')}{room}: {have}{first}."


def _never(request: Request, fleet: Sequence[Machine]) -> str:
    if not fleet:
        return "Waits for a machine: none is online."
    model = f" {request.name}" if request.name else ""
    return f"Waits: no machine that is online has {_many(request.count, f'working{model} GPU')}."


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _list(reasons: list[str]) -> str:
    unique = list(dict.fromkeys(reasons))
    return "; ".join(unique)

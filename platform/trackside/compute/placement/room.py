"""What is still to give: it shrinks as jobs are placed and as waiting jobs reserve.

GPUs are grouped by machine and model, and the groups by how many of theirs are free, so that the
best fit is found without a look at every machine.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from trackside.compute.placement.words import Device, Hold, Machine, Request

YIELD_WITHIN = 60.0  # seconds that a job takes to give way


@dataclass(frozen=True)
class Claim:
    """A waiting job's reservation of a device."""

    request: Request
    starts: float | None = None  # it needs the device no earlier; None: at any moment
    closed: bool = False  # nobody may use it until then


@dataclass(eq=False)
class Group:
    """The working GPUs of one model in one machine."""

    machine: Machine
    model: str
    devices: list[Device] = field(default_factory=list)
    free: list[Device] = field(default_factory=list)  # neither held nor reserved, by index
    back: list[Device] = field(default_factory=list)  # free, but reserved
    soft: list[Device] = field(default_factory=list)  # held by who can give way, or does already
    partly: list[Device] = field(default_factory=list)  # shared, with a share left


Bucket = dict[int, dict[Group, None]]  # number of free GPUs -> the groups


class Room:
    """The fleet of one pass."""

    def __init__(self, machines: Sequence[Machine], now: float) -> None:
        self.now = now
        self.machines = machines
        self.open = [one for one in machines if not one.why]
        self.cores = {one.id: list(one.free_cores) for one in machines}
        self.quick = {one.id: list(one.free_quick) for one in machines}
        self.taken: dict[str, str] = {}  # uuid -> why, from this pass
        self.shares: dict[str, list[Hold]] = {}  # given in this pass
        self.claims: dict[str, Claim] = {}
        self.reserved: set[str] = set()  # the models, and "cpu", that somebody waits for
        self.ends: dict[str, float | None] = {}  # of what was given in this pass
        self.where: dict[str, tuple[Machine, Device]] = {}
        self.groups: dict[str, list[Group]] = {}
        self._of: dict[str, Group] = {}
        self._buckets: dict[tuple[bool, str], Bucket] = {}
        for machine in machines:
            self._enter(machine)

    def _enter(self, machine: Machine) -> None:
        parents = {gpu.parent for gpu in machine.gpus if gpu.parent}
        found: dict[str, Group] = {}
        for gpu in machine.gpus:
            self.where[gpu.uuid] = (machine, gpu)
            if machine.why or gpu.never or gpu.uuid in parents:
                continue
            group = found.get(gpu.name)
            if group is None:
                group = found[gpu.name] = Group(machine, gpu.name)
            self._of[gpu.uuid] = group
            group.devices.append(gpu)
            self._sort(group, gpu)
        for group in found.values():
            self.groups.setdefault(group.model, []).append(group)
            self._file(group)

    def _sort(self, group: Group, gpu: Device) -> None:
        if not gpu.why and not gpu.holds:
            group.free.append(gpu)
            return
        if gpu.holds and all(one.preemptible or one.yielding for one in gpu.holds):
            group.soft.append(gpu)
        if gpu.slots > len(gpu.holds) > 0 and all(one.shared for one in gpu.holds):
            group.partly.append(gpu)

    # The index ----------------------------------------------------------------------------------

    def _bucket(self, group: Group) -> dict[Group, None]:
        key = (group.machine.simulated, group.model)
        return self._buckets.setdefault(key, {}).setdefault(len(group.free), {})

    def _file(self, group: Group) -> None:
        self._bucket(group)[group] = None

    def _leave(self, gpu: Device) -> Group:
        """The device is not free any more."""
        group = self._of[gpu.uuid]
        self._bucket(group).pop(group, None)
        group.free = [one for one in group.free if one is not gpu]
        group.back = [one for one in group.back if one is not gpu]
        self._file(group)
        return group

    def models(self, name: str) -> list[str]:
        part = name.lower()
        return [one for one in self.groups if part in one.lower()]

    def matching(self, name: str) -> Iterator[Group]:
        """Every group whose model has `name` in its own."""
        for model in self.models(name):
            yield from self.groups[model]

    def roomiest_last(self, name: str, count: int, simulated: bool) -> Iterator[Group]:
        """Groups with at least `count` free GPUs, those with the fewest first."""
        models = self.models(name)
        buckets = [self._buckets.get((simulated, model), {}) for model in models]
        for number in sorted({n for one in buckets for n in one if n >= count}):
            for bucket in buckets:
                yield from bucket.get(number, ())

    def group_of(self, gpu: Device) -> Group | None:
        """None on a machine that is closed, and for a device that will never be given."""
        return self._of.get(gpu.uuid)

    # Giving and reserving -----------------------------------------------------------------------

    def take(self, gpus: Iterable[Device], request: Request) -> None:
        for gpu in gpus:
            self.taken[gpu.uuid] = f"is in use by job {request.job}, which is older"
            self.ends[gpu.uuid] = None if request.seconds is None else self.now + request.seconds
            self._leave(gpu)

    def share(self, gpu: Device, request: Request) -> int:
        """Give a share; its number."""
        used = {one.share for one in self.holds(gpu)}
        number = next(n for n in range(gpu.slots) if n not in used)
        ends = None if request.seconds is None else self.now + request.seconds
        hold = Hold(job=request.job, ends=ends, shared=True, memory=request.memory, share=number)
        self.shares.setdefault(gpu.uuid, []).append(hold)
        group = self._leave(gpu)
        if gpu not in group.partly:
            group.partly.append(gpu)
        return number

    def holds(self, gpu: Device) -> list[Hold]:
        return [*gpu.holds, *self.shares.get(gpu.uuid, ())]

    def claim(self, gpus: Iterable[Device], claim: Claim) -> None:
        """Reserve them; who came first keeps its claim."""
        for gpu in gpus:
            if gpu.uuid in self.claims:
                continue
            self.claims[gpu.uuid] = claim
            group = self._of.get(gpu.uuid)
            if group is not None and gpu in group.free:
                self._leave(gpu)
                group.back.append(gpu)

    # Asking -------------------------------------------------------------------------------------

    def is_free(self, gpu: Device) -> bool:
        """Nobody has it, whoever has reserved it."""
        return not gpu.why and not self.holds(gpu) and gpu.uuid not in self.taken

    def free_at(self, gpu: Device) -> float | None:
        """When it is free at the latest, whoever has reserved it; None: nobody knows."""
        if gpu.uuid in self.taken:
            return self.ends[gpu.uuid]
        holds = self.holds(gpu)
        if not holds:
            return None if gpu.why else self.now
        ends = [self.now + YIELD_WITHIN if one.yielding else one.ends for one in holds]
        known = [one for one in ends if one is not None]
        return max(known) if len(known) == len(ends) else None

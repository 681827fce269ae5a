"""A cluster in simulated time, driven by the product's own placement, or by another policy."""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from bench.placement_trace import Work
from trackside.compute.placement import (
    Decision,
    Device,
    Hold,
    Machine,
    Pass,
    Place,
    Request,
    decide,
    ordered,
)

GIB = 2**30
GIVES_WAY = 30.0  # seconds from being asked to being gone
Policy = Callable[[Sequence[Machine], Sequence[Request], float], list[Decision]]


def ours(machines: Sequence[Machine], queue: Sequence[Request], now: float) -> list[Decision]:
    """The product's: a queue in the order of turns, reservations, back-fill, preemption."""
    places = [Place(one.job, one.priority, one.since) for one in queue]
    by_job = {one.job: one for one in queue}
    return decide(machines, [by_job[job] for job in ordered(places, now)], now=now)


def first_come(machines: Sequence[Machine], queue: Sequence[Request], now: float) -> list[Decision]:
    """The peer: strictly first come, first served. Who does not fit holds up all behind."""
    found = []
    for one in Pass(machines, now, {}).decisions(queue):
        if not one.parts:
            break
        found.append(one)
    return found


@dataclass
class Run:
    """A job on its GPUs."""

    work: Work
    uuids: tuple[str, ...]
    started: float
    left: float  # seconds of work when it started
    term: int
    yielding: bool = False


@dataclass
class Tally:
    """What came out."""

    waits: dict[int, float] = field(default_factory=dict)  # job -> until its first start
    promised: dict[int, float] = field(default_factory=dict)  # job -> its first reservation
    started: dict[int, float] = field(default_factory=dict)
    preempted: int = 0
    passes: int = 0
    decisions: int = 0
    busy: float = 0.0  # GPU-seconds
    idle: float = 0.0  # GPU-seconds free while somebody waited
    torn: float = 0.0  # of these: on machines that are in part in use
    until: float = 0.0  # the last arrival: what comes after is not counted


class World:
    """`step`: what happens within so many seconds is looked at in one pass."""

    def __init__(
        self,
        nodes: int,
        per_node: int,
        policy: Policy,
        *,
        step: float = 1.0,
        depth: int = 1000,
        beds: Sequence[int] = (),
    ) -> None:
        sizes = list(beds) or [per_node] * nodes
        self.policy, self.step, self.depth = policy, step, depth
        self.now, self.tally = 0.0, Tally()
        self.holds: dict[str, Hold] = {}
        self.running: dict[int, Run] = {}
        self.queue: dict[int, Request] = {}
        self._left: dict[int, float] = {}
        self._since: dict[int, float] = {}
        self._terms: dict[int, int] = {}
        self._events: list[tuple[float, int, int, str, int]] = []
        self._serial = 0
        self._machines = [self._fresh(n, size) for n, size in enumerate(sizes)]
        self._where = {gpu.uuid: n for n, one in enumerate(self._machines) for gpu in one.gpus}
        self._dirty: set[int] = set()

    def _fresh(self, number: int, size: int) -> Machine:
        gpus = tuple(
            Device(
                uuid=f"{number}/{n}",
                index=n,
                name="GPU",
                memory_total=80 * GIB,
                memory_free=80 * GIB,
                slots=4,
            )
            for n in range(size)
        )
        return Machine(id=number, name=f"n{number:04}", cores=64, gpus=gpus)

    # The clock ----------------------------------------------------------------------------------

    def run(self, works: Sequence[Work]) -> Tally:
        """Until all are done."""
        self.works = {one.job: one for one in works}
        for one in works:
            self._later(one.arrives, "arrives", one.job, 0)
        self.tally.until = max((one.arrives for one in works), default=0.0)
        while self._events:
            self._until(self._events[0][0] + self.step)
            self._pass()
        return self.tally

    def _later(self, when: float, what: str, job: int, term: int) -> None:
        self._serial += 1
        heapq.heappush(self._events, (when, self._serial, job, what, term))

    def _until(self, moment: float) -> None:
        """Everything that happens up to then."""
        while self._events and self._events[0][0] <= moment:
            when, _, job, what, term = heapq.heappop(self._events)
            self._count(when)
            if what == "arrives":
                self._since[job] = when
                self._enter(job, self.works[job].runs)
            elif self.running.get(job) is not None and self.running[job].term == term:
                self._leave(job, done=what == "ends")
        self._count(max(self.now, min(moment, self._events[0][0] if self._events else moment)))

    def _count(self, moment: float) -> None:
        spent, self.now = moment - self.now, moment
        used = len(self.holds)
        if moment > self.tally.until:
            return
        self.tally.busy += used * spent
        if self.queue and spent > 0:
            full = [sum(1 for gpu in m.gpus if gpu.uuid in self.holds) for m in self._machines]
            self.tally.idle += (len(self._where) - used) * spent
            parts = zip(full, self._machines, strict=True)
            self.tally.torn += sum(len(m.gpus) - n for n, m in parts if n) * spent

    def _enter(self, job: int, left: float) -> None:
        work = self.works[job]
        self._left[job] = left
        ran = work.runs - left
        self.queue[job] = Request(
            job=job,
            kind="any",
            count=work.gpus,
            nodes=work.nodes,
            priority=work.priority,
            since=self._since[job],
            turn=float(job),
            preemptible=work.preemptible,
            seconds=None if work.limit is None else work.limit - ran,
        )

    def _leave(self, job: int, *, done: bool) -> None:
        run = self.running.pop(job)
        for uuid in run.uuids:
            del self.holds[uuid]
            self._dirty.add(self._where[uuid])
        if not done:
            self._since[job] += self.now - run.started
            self._enter(job, run.left - (self.now - run.started))

    # The pass -----------------------------------------------------------------------------------

    def _pass(self) -> None:
        if not self.queue:
            return
        for number in self._dirty:
            machine = self._machines[number]
            gpus = tuple(self._seen(gpu) for gpu in machine.gpus)
            self._machines[number] = replace(machine, gpus=gpus)
        self._dirty = set()
        waiting = list(self.queue.values())[: self.depth]
        decisions = self.policy(self._machines, waiting, self.now)
        self.tally.passes += 1
        self.tally.decisions += len(decisions)
        for one in decisions:
            if one.parts:
                self._begin(one)
            else:
                self._wait(one)

    def _seen(self, gpu: Device) -> Device:
        hold = self.holds.get(gpu.uuid)
        if hold is None:
            return replace(gpu, holds=(), why="")
        return replace(gpu, holds=(hold,), why=f"is in use with job {hold.job}")

    def _begin(self, decision: Decision) -> None:
        job, work = decision.job, self.works[decision.job]
        del self.queue[job]
        left = self._left[job]
        self._terms[job] = term = self._terms.get(job, 0) + 1
        ends = None if work.limit is None else self.now + work.limit - (work.runs - left)
        hold = Hold(
            job=job,
            ends=ends,
            priority=work.priority,
            started=self.now,
            waited=self.now - self._since[job],
            preemptible=work.preemptible,
        )
        for uuid in decision.uuids:
            if uuid in self.holds:
                raise AssertionError(f"{uuid} was given to {job} and to {self.holds[uuid].job}")
            self.holds[uuid] = hold
            self._dirty.add(self._where[uuid])
        self.running[job] = Run(work, decision.uuids, self.now, left, term)
        self.tally.waits.setdefault(job, self.now - work.arrives)
        self.tally.started.setdefault(job, self.now)
        self._later(self.now + left, "ends", job, term)

    def _wait(self, decision: Decision) -> None:
        if decision.starts is not None:
            self.tally.promised.setdefault(decision.job, decision.starts)
        for victim in decision.preempt:
            run = self.running[victim]
            if run.yielding:
                continue
            run.yielding = True
            self.tally.preempted += 1
            self._later(self.now + GIVES_WAY, "gives way", victim, run.term)
            for uuid in run.uuids:
                self.holds[uuid] = replace(self.holds[uuid], yielding=True)
                self._dirty.add(self._where[uuid])

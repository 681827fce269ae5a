"""Placement in simulated time: how long jobs wait under our policy and under first come, first
served, on the same trace; and how many decisions a second a very large fleet and queue get.

No database here: `bench.placements` counts what goes through it.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import replace

from bench.placement_trace import Work, trace
from bench.placement_world import GIB, Policy, Tally, World, first_come, ours
from trackside.compute.placement import Device, Hold, Machine, Place, Request, decide, ordered

NODES, JOBS, LOAD = 64, 12_000, 1.0
CLASSES: dict[str, Callable[[Work], bool]] = {
    "1 GPU": lambda one: one.gpus == 1,
    "2 to 8 GPUs": lambda one: 2 <= one.gpus <= 8,
    "16 and more": lambda one: one.gpus > 8,
}
LARGE_NODES, LARGE_QUEUE = 1_250, 100_000
WANTED_RATE = 10_000  # decisions a second
BOUND = 24 * 3600.0  # seconds that nobody waits longer in this trace, under our policy


def main() -> int:
    works = trace(JOBS, NODES * 8, LOAD)
    told = [_told("ours", ours, works), _told("first come", first_come, works)]
    _told("ours, no limits told and nobody preemptible", ours, [_silent(one) for one in works])
    worst, peer = (max(tally.waits.values()) for tally in told)
    print(
        f"placement: longest wait {_time(worst)} ours, {_time(peer)} first come "
        f"(wanted: ours at most {_time(BOUND)})"
    )
    rates = _large()
    return 0 if worst <= BOUND and min(rates) >= WANTED_RATE else 1


def _silent(one: Work) -> Work:
    return replace(one, limit=None, preemptible=False)


def _told(name: str, policy: Policy, works: list[Work]) -> Tally:
    begin = time.perf_counter()
    world = World(NODES, 8, policy)
    tally = world.run(works)
    took = time.perf_counter() - begin
    known = {one.job: one for one in works}
    for label, belongs in CLASSES.items():
        waits = sorted(wait for job, wait in tally.waits.items() if belongs(known[job]))
        print(
            f"placement: {name}, {label} ({len(waits)} jobs): waits p50 {_time(_at(waits, 0.5))}, "
            f"p90 {_time(_at(waits, 0.9))}, p99 {_time(_at(waits, 0.99))}, "
            f"mean {_time(sum(waits) / len(waits))}"
        )
    whole = NODES * 8 * tally.until
    print(
        f"placement: {name}: {tally.busy / whole:.1%} of all GPU time in use; "
        f"{tally.idle / whole:.1%} free while somebody waited, {tally.torn / whole:.1%} on "
        f"machines in part in use; {tally.preempted} preempted; {tally.passes} passes, "
        f"{tally.decisions / took:.0f} decisions/s with the simulation"
    )
    return tally


def _at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))]


def _time(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


# A very large fleet -------------------------------------------------------------------------------


def _large() -> list[float]:
    """Decisions a second with 10,000 GPUs and 100,000 jobs: into an empty fleet, and a full one."""
    works = trace(LARGE_QUEUE, LARGE_NODES * 8, 1.0, seed=7)
    queue = [_request(one) for one in works]
    empty = [_machine(number, None) for number in range(LARGE_NODES)]
    full = [_machine(number, works[number]) for number in range(LARGE_NODES)]
    rates = []
    for name, machines in (("empty", empty), ("full", full)):
        begin = time.perf_counter()
        placed = sum(1 for one in decide(machines, queue, now=1e6) if one.parts)
        took = time.perf_counter() - begin
        rates.append(len(queue) / took)
        print(
            f"placement: {LARGE_NODES} nodes, {LARGE_NODES * 8} GPUs ({name}), {LARGE_QUEUE} jobs: "
            f"one pass {took:.2f} s, {placed} placed, {rates[-1]:.0f} decisions/s "
            f"(wanted: at least {WANTED_RATE})"
        )
    begin = time.perf_counter()
    ordered([Place(one.job, one.priority, one.since) for one in queue], 1e6)
    print(f"placement: order of {LARGE_QUEUE} jobs {time.perf_counter() - begin:.2f} s")
    begin = time.perf_counter()
    decide(full, queue[:1000], now=1e6)
    print(f"placement: a pass over the first 1000 {time.perf_counter() - begin:.3f} s")
    return rates


def _request(one: Work) -> Request:
    return Request(
        job=one.job,
        kind="any",
        count=one.gpus,
        nodes=one.nodes,
        since=one.arrives,
        seconds=one.limit,
        preemptible=one.preemptible,
        roomy=8 * GIB,
    )


def _machine(number: int, work: Work | None) -> Machine:
    """Empty, or held by one job but for one GPU in every eighth machine."""
    gpus = []
    for n in range(8):
        gpu = Device(
            uuid=f"{number}/{n}",
            index=n,
            name="H100" if number % 2 else "A100",
            memory_total=80 * GIB,
            memory_free=80 * GIB,
            slots=4,
        )
        if work is not None and (n or number % 8):
            hold = Hold(job=-work.job, ends=1e6 + work.runs, started=float(number))
            gpu = replace(gpu, holds=(hold,), why=f"is in use with job {work.job}")
        gpus.append(gpu)
    return Machine(id=number, name=f"n{number:04}", cores=64, gpus=tuple(gpus))


if __name__ == "__main__":
    sys.exit(main())

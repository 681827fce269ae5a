"""Who gets which devices. Pure: a fleet and a queue go in, one decision a job comes out.

Requests come in the order of their turn (`ordering`). The first that must wait reserves what it
will need; who comes later passes it on other devices, or on these if it will have left them in
time (`backfill`). A job that may be ended gives way to one that may not (`preemption`).
"""

from collections.abc import Callable, Iterable, Sequence

from trackside.compute.placement import on_cores, on_gpus
from trackside.compute.placement.backfill import may_pass
from trackside.compute.placement.limits import Ledger
from trackside.compute.placement.on_gpus import fair_cores
from trackside.compute.placement.ordering import Place, ordered
from trackside.compute.placement.room import Room
from trackside.compute.placement.words import (
    Allowance,
    Decision,
    Device,
    Hold,
    Limits,
    Machine,
    Part,
    Request,
)

Rule = Callable[[Request, Room], Decision]
RULES: dict[str, Rule] = {
    "cpu": on_cores.cpu,
    "quick": on_cores.quick,
    "gpus": on_gpus.exact,
    "any": on_gpus.any_gpus,
}
FOREVER = float("inf")


def decide(
    machines: Sequence[Machine],
    queue: Iterable[Request],
    *,
    now: float = 0.0,
    limits: Limits | None = None,
) -> list[Decision]:
    """One decision for each request, in their order."""
    return list(Pass(machines, now, limits or {}).decisions(queue))


class Pass:
    """One look at the queue. What cannot be had is not searched for twice: devices only get fewer,
    so that a wish like one that failed fails too."""

    def __init__(self, machines: Sequence[Machine], now: float, limits: Limits) -> None:
        self._room = Room(machines, now)
        self._ledger = Ledger(limits)
        self._failed: dict[tuple[object, ...], tuple[float, str]] = {}

    def decisions(self, queue: Iterable[Request]) -> Iterable[Decision]:
        for request in queue:
            reason = request.hold or self._ledger.sentence(request)
            yield Decision(job=request.job, reason=reason) if reason else self._one(request)

    def reserved_from(self, request: Request) -> dict[str, int]:
        """The GPUs that are kept for others and that `request` may not use meanwhile: for whom."""
        claims = self._room.claims.items()
        return {
            uuid: claim.request.job
            for uuid, claim in claims
            if claim.request.job != request.job and not may_pass(request, claim, self._room.now)
        }

    def _one(self, request: Request) -> Decision:
        like = _like(request)
        failed = self._failed.get(like)
        seconds = FOREVER if request.seconds is None else request.seconds
        if failed is not None and seconds >= failed[0]:
            return Decision(job=request.job, reason=failed[1])
        before = len(self._room.claims)
        decision = RULES[request.kind](request, self._room)
        if decision.parts:
            self._ledger.count(request)
        elif request.kind != "gpus" and len(self._room.claims) == before:
            self._failed[like] = (seconds, decision.reason)
        return decision


def _like(request: Request) -> tuple[object, ...]:
    """What decides whether it can be placed, but for how long it runs."""
    return (
        request.kind,
        request.ranks,
        request.count,
        request.nodes,
        request.min_free,
        request.name,
        request.shared,
        request.memory,
        request.priority,
        request.preemptible,
        request.blocked,
    )


__all__ = [
    "Allowance",
    "Decision",
    "Device",
    "Hold",
    "Limits",
    "Machine",
    "Part",
    "Pass",
    "Place",
    "Request",
    "decide",
    "fair_cores",
    "ordered",
]

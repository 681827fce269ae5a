"""Placement: waiting jobs are given their devices, or a sentence that says why they wait.

A click places itself, and so does the next job when devices come free, as long as queue and fleet
are small enough to look at in passing; beyond that, and for who has to give way, the scheduler.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from trackside.compute import clock, quotas
from trackside.compute.fleet import fleet
from trackside.compute.models import Gpu
from trackside.compute.placement import Decision, Request, decide
from trackside.jobs import bell, history
from trackside.jobs.assigning import assign
from trackside.jobs.backlog import WAITING, Backlog
from trackside.jobs.models import Attempt, Job
from trackside.jobs.states import JobState

ROUNDS = 3
SMALL_QUEUE, SMALL_FLEET = 256, 1024  # jobs and GPUs: looked at in passing
EXPLAINED = 200  # waiting jobs whose own sentence is kept up to date
UNPLACED = "Waits to be placed."
BEHIND = "Waits its turn: more urgent and older jobs come first."


@dataclass
class Outcome:
    """What a pass did, and what it would have: `preempt` holds (who gives way, to whom)."""

    placed: list[Attempt] = field(default_factory=list)
    preempt: list[tuple[int, int]] = field(default_factory=list)


def later() -> None:
    """A pass of its own once the transaction is committed: devices came free, or a job waits."""
    transaction.on_commit(_soon, robust=True)


def _soon() -> None:
    if not is_small() or run(clock.now()).preempt:
        bell.ring()


def is_small() -> bool:
    """Queue and fleet can be looked at while somebody waits for the answer."""
    deep = Job.objects.filter(WAITING)[SMALL_QUEUE : SMALL_QUEUE + 1].exists()
    return not deep and not Gpu.objects.all()[SMALL_FLEET : SMALL_FLEET + 1].exists()


def place(job: int, now: datetime) -> list[Attempt]:
    """Place this job if its devices are free and nobody whose turn is first waits for them."""
    if not is_small():
        bell.ring()
        return []
    return run(now, only=[job]).placed


def run(
    now: datetime,
    *,
    only: Collection[int] | None = None,
    most: int | None = None,
    backlog: Backlog | None = None,
) -> Outcome:
    """A pass over the first `most` waiting jobs; `only` these are given anything.

    Another process may take a device in the meantime: its lease wins, and we look again.
    """
    outcome, backlog = Outcome(), backlog or Backlog()
    for _ in range(ROUNDS):
        order = backlog.order(now, most)
        if not order or (only is not None and not set(only) & set(order)):
            break
        requests = backlog.requests(order, now)
        decisions = _decide(requests, now)
        mine = [one for one in decisions if only is None or one.job in only]
        beaten = _settle(mine, backlog, outcome, now)
        if not beaten:
            break
    return outcome


def _decide(requests: list[Request], now: datetime) -> list[Decision]:
    limits = quotas.limits({one.user for one in requests}, {one.project for one in requests})
    machines = fleet(now, _nodes(requests))
    return decide(machines, requests, now=now.timestamp(), limits=limits)


def _nodes(requests: list[Request]) -> list[int] | None:
    """The only machines that matter, where everybody has named their GPUs."""
    if any(one.kind != "gpus" for one in requests):
        return None
    uuids = {uuid for one in requests for uuid in one.uuids}
    if len(uuids) > SMALL_FLEET:
        return None
    return list(Gpu.objects.filter(uuid__in=uuids).values_list("node_id", flat=True).distinct())


def _settle(decisions: list[Decision], backlog: Backlog, outcome: Outcome, now: datetime) -> bool:
    """Whether somebody was faster."""
    beaten, outcome.preempt = False, []
    waiting: list[Decision] = []
    for decision in decisions:
        if not decision.parts:
            waiting.append(decision)
            continue
        attempt = assign(backlog.job(decision.job), decision, now)
        outcome.placed += [attempt] if attempt else []
        beaten = beaten or attempt is None
    for decision in waiting:
        outcome.preempt += [(victim, decision.job) for victim in decision.preempt]
    _explain(waiting, backlog, now)
    return beaten


def _explain(waiting: list[Decision], backlog: Backlog, now: datetime) -> None:
    """The first ones learn what they wait for, the others that they come after them."""
    for decision in waiting[:EXPLAINED]:
        if backlog.reason(decision.job) != decision.reason:
            with transaction.atomic():
                if _queued([decision.job]).update(reason=decision.reason):
                    history.tell_state(decision.job, now)
    behind = [one.job for one in waiting[EXPLAINED:] if backlog.reason(one.job) == UNPLACED]
    for first in range(0, len(behind), EXPLAINED):
        some = behind[first : first + EXPLAINED]
        _queued(some).filter(reason=UNPLACED).update(reason=BEHIND)
        backlog.forget(some)


def _queued(jobs: list[int]) -> QuerySet[Job]:
    return Job.objects.filter(pk__in=jobs, state=JobState.QUEUED)

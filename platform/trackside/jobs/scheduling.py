"""Placement: waiting jobs get leases and an attempt, or a sentence that says why they wait."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import Count, Max

from recipes import job as folder
from trackside.compute import clock
from trackside.compute.fleet import core, fleet, quick
from trackside.compute.models import Lease
from trackside.compute.placement import Decision, Machine, Request, decide
from trackside.jobs import doorbell, history
from trackside.jobs.kinds import takes_quick_slot
from trackside.jobs.models import Attempt, Job
from trackside.jobs.moves import move_job
from trackside.jobs.states import AttemptState, JobState, Move

ROUNDS = 3
WAIT_AFTER_LOSS, LONGEST_WAIT = settings.RETRY_SECONDS, 300
MOST_THREADS = 8
DEADLOCK = "40P01"


def schedule(now: datetime) -> list[Attempt]:
    """One placement pass over the queue; the doorbells ring when it is committed."""
    return place(None, now)


def later() -> None:
    """A pass of its own once the transaction is committed: devices came free, or a job waits."""
    transaction.on_commit(lambda: schedule(clock.now()), robust=True)


def place(only: Collection[int] | None, now: datetime) -> list[Attempt]:
    """Place the waiting jobs, or `only` these out of all that wait.

    Another process may take a device in the meantime: its lease wins, and we look again.
    """
    placed: list[Attempt] = []
    for _ in range(ROUNDS):
        jobs = list(Job.objects.filter(state=JobState.QUEUED).order_by("-priority", "id"))
        if not jobs:
            return placed
        mine, lost = [j for j in jobs if only is None or j.pk in only], False
        decisions = {one.job: one for one in decide(fleet(now), requests(jobs, now))}
        for job in mine:
            attempt = _settle(job, decisions[job.pk], now)
            placed += [attempt] if attempt else []
            lost = lost or (attempt is None and decisions[job.pk].machine is not None)
        if not lost:
            break
    return placed


def _settle(job: Job, decision: Decision, now: datetime) -> Attempt | None:
    if decision.machine is not None:
        return assign(job, decision, decision.machine, now)
    if job.reason != decision.reason:
        with transaction.atomic():
            rows = Job.objects.filter(pk=job.pk, state=JobState.QUEUED)
            if rows.update(reason=decision.reason):
                history.tell_state(job.pk, now)
    return None


def assign(job: Job, decision: Decision, machine: Machine, now: datetime) -> Attempt | None:
    """Leases, attempt and state, all or nothing; None when somebody else was faster."""
    try:
        with transaction.atomic():
            return _assign(job, decision, machine, now)
    except IntegrityError:
        return None  # the primary key of a lease is the referee
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") == DEADLOCK:
            return None
        raise


def _assign(job: Job, decision: Decision, machine: Machine, now: datetime) -> Attempt | None:
    compute = compute_of(job, decision, machine)
    where = ", ".join(history.devices(compute))
    if not move_job(job.pk, Move.ASSIGN, reason=f"Starts on {machine.name}: {where}."):
        return None
    attempt = Attempt.objects.create(
        job=job,
        number=Attempt.objects.filter(job=job).count() + 1,
        node_id=machine.id,
        compute=compute,
        assigned_at=now,
    )
    leases: list[tuple[str, str | None]] = [(core(machine.name, n), None) for n in decision.cores]
    leases += [(uuid, uuid) for uuid in decision.uuids]
    leases += [] if decision.quick is None else [(quick(machine.name, decision.quick), None)]
    for resource, gpu in sorted(leases, key=lambda one: one[0]):
        Lease.objects.create(
            resource=resource, attempt=attempt, node_id=machine.id, gpu_id=gpu, taken_at=now
        )
    history.tell_state(job.pk, now)
    transaction.on_commit(partial(doorbell.ring, machine.name, attempt.pk), robust=True)
    return attempt


def compute_of(job: Job, decision: Decision, machine: Machine) -> dict[str, Any]:
    """What `job.json` will say: devices, ranks and threads, already decided."""
    precision = job.compute.get("precision", "auto")
    if decision.uuids:
        share = max(1, machine.cores // max(1, len(machine.gpus)))
        one = folder.Compute(
            device="cpu" if machine.simulated else "cuda",
            ranks=len(decision.uuids),
            threads=1 if machine.simulated else min(share, MOST_THREADS),
            uuids=decision.uuids,
            precision=precision,
            simulated=machine.simulated,
        )
    else:
        ranks = 1 if decision.quick is not None else int(job.compute.get("ranks", 1))
        threads = max(1, len(decision.cores) // ranks)
        one = folder.Compute(
            ranks=ranks, threads=threads, cores=decision.cores, precision=precision
        )
    return {**asdict(one), "cores": list(one.cores), "uuids": list(one.uuids)}


def requests(jobs: list[Job], now: datetime) -> list[Request]:
    """The queue in placement's words, most urgent first."""
    holds = _holds(jobs, now)
    return [request_of(job, holds.get(job.pk, "")) for job in jobs]


def request_of(job: Job, hold: str) -> Request:
    compute = job.compute
    kind = compute.get("kind", "cpu")
    if kind == "cpu" and takes_quick_slot(job.kind):
        kind = "quick"
    return Request(
        job=job.pk,
        kind=kind,
        ranks=int(compute.get("ranks", 1)),
        uuids=tuple(compute.get("uuids", ())),
        count=int(compute.get("count", 1)),
        min_free=int(compute.get("min_free", 0)),
        name=compute.get("name", ""),
        roomy=int(job.needs.get("bytes") or 0),
        hold=hold,
    )


def _holds(jobs: list[Job], now: datetime) -> dict[int, str]:
    """Who must pause after being lost or not claimed: longer each time, the first time not."""
    ended = [AttemptState.LOST, AttemptState.EXPIRED]
    gone = Attempt.objects.filter(job__in=jobs, state__in=ended).exclude(exit=Attempt.RETURNED)
    holds = {}
    for row in gone.values("job").annotate(times=Count("id"), last=Max("finished_at")):
        if row["times"] < 2 or row["last"] is None:
            continue
        pause = min(WAIT_AFTER_LOSS * 2 ** (row["times"] - 2), LONGEST_WAIT)
        until = row["last"] + timedelta(seconds=pause)
        if until > now:
            holds[row["job"]] = (
                f"Was lost {row['times']} times; tries again at {until:%H:%M:%S} UTC."
            )
    return holds

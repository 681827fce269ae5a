"""A decision becomes an attempt with its leases, all or nothing; the database is the referee."""

from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import Sum

from recipes import crash
from recipes import job as folder
from trackside.compute import quotas
from trackside.compute.fleet import core, quick, share, shares
from trackside.compute.models import Gpu, Lease
from trackside.compute.placement import Decision, Machine, Part, fair_cores
from trackside.jobs import doorbell, history
from trackside.jobs.models import Attempt, Follower, Job
from trackside.jobs.moves import move_job
from trackside.jobs.states import Move

DEADLOCK = "40P01"
OF_SEVERAL = ("world", "first_rank", "nodes", "rendezvous", "interface")
OF_SHARED = ("share", "memory")
ALLOWED = "open"


class Beaten(Exception):
    """Somebody else was faster: what was free is not."""


def assign(job: Job, decision: Decision, now: datetime) -> Attempt | None:
    """Attempt, followers, leases and state; None when somebody else was faster."""
    try:
        with transaction.atomic():
            return _assign(job, decision, now)
    except (Beaten, IntegrityError):
        return None  # the primary key of a lease is the referee
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") == DEADLOCK:
            return None
        raise


def _assign(job: Job, decision: Decision, now: datetime) -> Attempt | None:
    """Lock order: the job, its quotas, its shared GPUs, the leases by name.

    `job` is as the decision has seen it: what is paused or wants something else by now is not
    given what it wanted before.
    """
    computes = computes_of(job, decision)
    nodes = [part.machine.name for part in decision.parts]
    where = history.where(zip(nodes, computes, strict=True))
    if not move_job(job.pk, Move.ASSIGN, reason=f"Starts on {where}."):
        return None
    wish, paused = Job.objects.values_list("compute", "paused").get(pk=job.pk)
    if paused or wish != job.compute:
        raise Beaten
    _within_quota(job, decision)
    attempt = Attempt.objects.create(
        job=job,
        number=Attempt.objects.filter(job=job).count() + 1,
        node_id=decision.parts[0].machine.id,
        compute=computes[0],
        assigned_at=now,
    )
    _follow(attempt, decision, computes)
    crash.point("assign.attempt")
    _lease(attempt, decision, computes[0], now)
    history.tell_state(job.pk, now)
    for part in decision.parts:
        ring = partial(doorbell.ring, part.machine.name, attempt.pk)
        transaction.on_commit(ring, robust=True)
    transaction.on_commit(partial(crash.point, "assign.committed"))
    return attempt


def _within_quota(job: Job, decision: Decision) -> None:
    """Again, with the quota's row held: two of a user's jobs may be placed at the same time."""
    if not decision.uuids or not quotas.lock(job.created_by_id, job.project_id):
        return
    limits = quotas.limits([job.created_by_id], [job.project_id])
    if any(one.held + len(decision.uuids) > one.most for one in limits.values()):
        raise Beaten


def _follow(attempt: Attempt, decision: Decision, computes: list[dict[str, Any]]) -> None:
    Follower.objects.bulk_create(
        Follower(
            attempt=attempt,
            node_id=part.machine.id,
            position=position,
            first_rank=compute["first_rank"],
            compute=compute,
        )
        for position, (part, compute) in enumerate(
            zip(decision.parts[1:], computes[1:], strict=True), start=1
        )
    )


def _lease(attempt: Attempt, decision: Decision, compute: dict[str, Any], now: datetime) -> None:
    """Shared: one share and its budget, which must fit beside the others'. Else every share."""
    budget = int(compute.get("memory") or 0) if compute.get("share") else None
    if budget is not None:
        _room_for(decision, budget)
    rows = [
        Lease(
            resource=resource,
            attempt=attempt,
            node_id=part.machine.id,
            gpu_id=gpu,
            taken_at=now,
            shared=gpu is not None and budget is not None,
            memory=budget if gpu is not None else None,
        )
        for part in decision.parts
        for resource, gpu in _resources(part, decision.quick)
    ]
    Lease.objects.bulk_create(sorted(rows, key=lambda one: one.resource))


def _room_for(decision: Decision, budget: int) -> None:
    """Hold the GPUs' rows, so that nobody adds a share meanwhile, and count.

    Not their keys: at its commit, another's lease looks at those.
    """
    gpus = Gpu.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=decision.uuids)
    sizes = dict(gpus.order_by("node_id", "index").values_list("pk", "memory_total"))
    given = Lease.objects.filter(gpu__in=sizes, shared=True)
    used = dict(given.values("gpu").annotate(sum=Sum("memory")).values_list("gpu", "sum"))
    if any((used.get(uuid) or 0) + budget > size for uuid, size in sizes.items()):
        raise Beaten


def _resources(part: Part, slot: int | None) -> list[tuple[str, str | None]]:
    name = part.machine.name
    found: list[tuple[str, str | None]] = [(core(name, n), None) for n in part.cores]
    if slot is not None:
        found.append((quick(name, slot), None))
    if part.shares:
        numbered = zip(part.uuids, part.shares, strict=True)
        return found + [(share(uuid, number), uuid) for uuid, number in numbered]
    slots = {gpu.uuid: gpu.slots for gpu in part.machine.gpus}
    return found + [(one, uuid) for uuid in part.uuids for one in shares(uuid, slots[uuid])]


# What `job.json` will say -------------------------------------------------------------------------


def computes_of(job: Job, decision: Decision) -> list[dict[str, Any]]:
    """Devices, ranks and threads of each part, already decided: the first part's first."""
    if not decision.uuids:
        return [_on_cpu(job, decision)]
    world, first, found = len(decision.uuids), 0, []
    for part in decision.parts:
        several = {"world": world, "first_rank": first, "nodes": len(decision.parts)}
        compute = _plain(_on_gpus(job, part))
        found.append(compute | several if len(decision.parts) > 1 else compute)
        first += len(part.uuids)
    return found


def _on_gpus(job: Job, part: Part) -> folder.Compute:
    machine, shared = part.machine, bool(part.shares)
    return folder.Compute(
        device="cpu" if machine.simulated else "cuda",
        ranks=len(part.uuids),
        threads=_threads(part, machine),
        cores=part.cores,
        uuids=part.uuids,
        precision=job.compute.get("precision", "auto"),
        simulated=machine.simulated,
        share=shared,
        memory=int(job.compute.get("memory") or 0) if shared else 0,
    )


def _threads(part: Part, machine: Machine) -> int:
    if part.cores:
        return len(part.cores) // len(part.uuids)
    return 1 if machine.simulated else fair_cores(machine)


def _on_cpu(job: Job, decision: Decision) -> dict[str, Any]:
    ranks = 1 if decision.quick is not None else int(job.compute.get("ranks", 1))
    precision = job.compute.get("precision", "auto")
    threads = max(1, len(decision.cores) // ranks)
    return _plain(
        folder.Compute(ranks=ranks, threads=threads, cores=decision.cores, precision=precision)
    )


def _plain(one: folder.Compute) -> dict[str, Any]:
    """As JSON, without what only jobs on several nodes or shared GPUs have, or are allowed."""
    left_out = (*OF_SEVERAL, ALLOWED) + (() if one.share else OF_SHARED)
    fields = {key: value for key, value in asdict(one).items() if key not in left_out}
    allowed = {ALLOWED: True} if settings.TRACKSIDE_XGBOOST_RANKS else {}
    return {**fields, "cores": list(one.cores), "uuids": list(one.uuids), **allowed}

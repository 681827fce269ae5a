"""When and where a training would start: placement itself is asked, and nothing is given."""

from dataclasses import replace
from datetime import datetime
from math import ceil
from typing import Any

from trackside.accounts.models import User
from trackside.compute import clock, outlook, quotas
from trackside.compute.fit import Need
from trackside.compute.fleet import fleet
from trackside.compute.placement import Machine, Request
from trackside.jobs.backlog import Backlog
from trackside.jobs.models import Job
from trackside.jobs.scheduling import is_small
from trackside.projects.models import Project

Json = dict[str, Any]
GAP_SECONDS = 3600.0  # the limit that is tried for a job whose duration nobody knows
TENTH = 360.0  # seconds of a tenth of an hour
MARGIN = 1.5  # between how long it takes and a limit that one would dare


def start(
    compute: Json,
    board: Json,
    *,
    user: User | None,
    project: Project,
    need: Need | None = None,
    takes: float | None = None,
) -> outlook.Answer:
    """`outlook.foresee` for this wish; from the board alone where the queue is very long."""
    if not is_small():
        return outlook.start(compute, board)
    now = clock.now()
    backlog = Backlog()
    queue = backlog.requests(backlog.order(now), now)
    mine = _request(compute, queue, now)
    mine = replace(mine, user=user.pk if user else None, project=project.pk, roomy=_bytes(need))
    machines = fleet(now)
    asking = [*queue, mine]
    return outlook.foresee(
        mine,
        machines,
        queue,
        now=now.timestamp(),
        limits=quotas.limits({one.user for one in asking}, {one.project for one in asking}),
        expected=_expected(machines, now),
        longest=_limit(takes),
    )


def _limit(takes: float | None) -> float:
    """In whole tenths of an hour, as it would be typed."""
    return ceil(takes * MARGIN / TENTH) * TENTH if takes else GAP_SECONDS


def _bytes(need: Need | None) -> int:
    return (need.bytes or 0) if need else 0


def _request(wish: Json, queue: list[Request], now: datetime) -> Request:
    """The wish as a job that would be the newest."""
    limit = wish.get("max_seconds")
    number = max((one.job for one in queue), default=0) + 1
    return Request(
        job=number,
        kind=wish.get("kind", "cpu"),
        ranks=int(wish.get("ranks") or 1),
        uuids=tuple(wish.get("uuids", ())),
        count=int(wish.get("count") or 1),
        nodes=int(wish.get("nodes") or 1),
        min_free=int(wish.get("min_free") or 0),
        name=wish.get("name") or "",
        shared=wish.get("share") == "shared",
        memory=int(wish.get("memory") or 0),
        priority=int(wish.get("priority") or 0),
        since=now.timestamp(),
        turn=float(number),
        preemptible=bool(wish.get("preemptible")),
        seconds=None if limit is None else float(limit),
    )


def _expected(machines: list[Machine], now: datetime) -> dict[int, float]:
    """When the jobs that hold GPUs think that they end, by what they told last."""
    held = {hold.job for one in machines for gpu in one.gpus for hold in gpu.holds}
    told = Job.objects.filter(pk__in=held).values_list("pk", "progress")
    etas = {pk: progress.get("eta") for pk, progress in told}
    return {pk: now.timestamp() + eta for pk, eta in etas.items() if eta is not None}

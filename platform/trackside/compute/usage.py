"""Who held how much: leases become rows of Usage, one a day, user and project.

A device counts for its share: an exclusive job's first lease counts for the whole GPU and its other
shares for none, a shared job's single lease for one of the GPU's `slots`. What was used is the
share times the utilisation that the heartbeats saw; energy likewise.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet

from recipes import crash
from trackside.compute.models import Gpu, Lease, Usage

LONGEST_BEAT = 15.0  # seconds: what lies further back was not seen by this sample
CHUNK = 500
COUNTED = (
    *("taken_at", "counted_at", "shared", "used_seconds", "energy_wh", "node__simulated"),
    *("gpu__slots", "attempt__fence", "attempt__node_id"),
    *("attempt__job__created_by_id", "attempt__job__project_id"),
)


@dataclass
class _Sum:
    """What goes into one row."""

    gpu_seconds: float = 0
    used_seconds: float = 0
    core_seconds: float = 0
    energy_wh: float = 0
    jobs: int = 0


_Key = tuple[date, int | None, int | None, bool]


def share_of(lease: Lease, gpu: Gpu) -> float:
    """The part of the device that a lease counts for."""
    if lease.shared:
        return 1 / max(gpu.slots, 1)
    return 1.0 if lease.resource == gpu.uuid else 0.0


def count(gpu: Gpu, utilization: float, power: float | None, now: datetime) -> None:
    """A heartbeat's sample, added to the leases of the device. `gpu` has its leases prefetched."""
    if gpu.sampled_at is None:
        return
    for lease in gpu.leases.all():
        share = share_of(lease, gpu)
        since = max(lease.taken_at, gpu.sampled_at)
        seconds = min((now - since).total_seconds(), LONGEST_BEAT)
        if share and seconds > 0 and not lease.quarantined:
            Lease.objects.filter(pk=lease.pk).update(
                used_seconds=F("used_seconds") + share * seconds * utilization / 100,
                energy_wh=F("energy_wh") + share * seconds * (power or 0) / 3600,
            )


def settle(lease: Lease, now: datetime) -> None:
    """Write what this lease held since it was last settled. Called again it adds nothing."""
    _settle(Lease.objects.filter(pk=lease.pk).select_for_update(of=("self",)), now)


def settle_all(now: datetime) -> int:
    """Every lease, in portions; how many. For the scheduler, once a minute."""
    done, last = 0, ""
    while True:
        names = list(
            Lease.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK]
        )
        if not names:
            return done
        done, last = done + len(names), names[-1]
        rows = Lease.objects.filter(pk__in=names)
        _settle(rows.select_for_update(of=("self",), skip_locked=True), now)


@transaction.atomic
def _settle(locking: QuerySet[Lease], now: datetime) -> None:
    """The lock makes each second count once, whoever else settles or releases."""
    rows = locking.filter(attempt__fence__gt=0)  # not claimed yet: nothing was held so far
    about = rows.select_related("attempt__job", "node", "gpu").only(*COUNTED)
    leases = list(about.order_by("pk"))
    sums: dict[_Key, _Sum] = defaultdict(_Sum)
    for lease in leases:
        _add(sums, lease, now)
    Lease.objects.filter(pk__in=[one.pk for one in leases]).update(
        counted_at=now, used_seconds=0, energy_wh=0
    )
    crash.point("usage.cleared")
    for key, total in sums.items():
        _write(key, total)


def _add(sums: dict[_Key, _Sum], lease: Lease, now: datetime) -> None:
    job = lease.attempt.job
    since = lease.counted_at or lease.taken_at
    whole = (now - since).total_seconds()
    if whole <= 0:
        return
    weight = 0.0 if lease.gpu is None else share_of(lease, lease.gpu)
    core = 1.0 if "/core/" in lease.resource else 0.0
    begins = _begins(lease)
    for day, seconds in _days(since, now):
        row = sums[day, job.created_by_id, job.project_id, lease.node.simulated]
        row.gpu_seconds += weight * seconds
        row.core_seconds += core * seconds
        row.used_seconds += lease.used_seconds * seconds / whole
        row.energy_wh += lease.energy_wh * seconds / whole
        row.jobs += begins
        begins = False


def _begins(lease: Lease) -> bool:
    """The first time that anything of this job is counted: told by one lease of its first claim."""
    attempt = lease.attempt
    if lease.counted_at or attempt.fence != 1 or lease.node_id != attempt.node_id:
        return False
    here = Lease.objects.filter(attempt=attempt, node=lease.node_id)
    return not here.filter(pk__lt=lease.pk).exists()


def _days(since: datetime, until: datetime) -> Iterator[tuple[date, float]]:
    """The seconds of each UTC day between two times."""
    start = since.astimezone(UTC)
    while start < until:
        midnight = datetime.combine(start.date() + timedelta(days=1), time(), UTC)
        end = min(midnight, until)
        yield start.date(), (end - start).total_seconds()
        start = end


def _write(key: _Key, total: _Sum) -> None:
    day, user, project, simulated = key
    whose: dict[str, Any] = {
        "day": day,
        "user_id": user,
        "project_id": project,
        "simulated": simulated,
    }
    row = Usage.objects.filter(**whose).first()  # of deleted users there may be several
    if row is None:
        row, _ = Usage.objects.get_or_create(**whose)
    amounts = {name: F(name) + value for name, value in vars(total).items()}
    Usage.objects.filter(pk=row.pk).update(**amounts)

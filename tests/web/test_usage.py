"""Usage: what leases held, by day, user and project, each second once."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.web import cast
from trackside.accounts.models import User
from trackside.compute import usage
from trackside.compute.models import Lease, Usage
from trackside.jobs.models import Job
from trackside.jobs.passes import look
from trackside.projects.models import Project

GPU0 = {"kind": "gpus", "uuids": ["GPU-gpu-01-0"]}
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def held(project: Project, user: User, since: datetime, **compute: object) -> Job:
    """A claimed job whose leases were taken at `since`."""
    job = cast.submit(project, user, compute=compute or GPU0)
    cast.claimed(job)
    Lease.objects.update(taken_at=since)
    return job


def test_what_a_lease_held_is_written_once_however_often_it_is_settled(
    project: Project, ada: User
) -> None:
    cast.node(gpus=1)
    held(project, ada, NOON)
    for minutes in (10, 10, 30):
        usage.settle_all(NOON + timedelta(minutes=minutes))
    row = Usage.objects.get()
    assert (row.day, row.user, row.project, row.jobs) == (date(2026, 5, 4), ada, project, 1)
    assert row.gpu_seconds == pytest.approx(1800)


def test_a_night_counts_for_two_days(project: Project, ada: User) -> None:
    cast.node(gpus=1)
    held(project, ada, NOON)
    Lease.objects.update(used_seconds=7 * 3600, energy_wh=1400)
    usage.settle(Lease.objects.get(resource="GPU-gpu-01-0"), NOON + timedelta(hours=14))
    first, second = Usage.objects.order_by("day")
    assert (first.gpu_seconds, second.gpu_seconds) == (12 * 3600, 2 * 3600)
    assert (first.used_seconds, second.used_seconds) == (6 * 3600, 3600)
    assert (first.energy_wh, second.energy_wh) == (1200, 200)
    assert (first.jobs, second.jobs) == (1, 0)


def test_a_heartbeat_adds_utilisation_and_energy_to_the_lease(project: Project, ada: User) -> None:
    node = cast.node(gpus=1)
    held(project, ada, NOON)
    cast.beat(node, now=NOON)
    cast.beat(node, now=NOON + timedelta(seconds=4), utilization=50.0, power=360.0)
    lease = Lease.objects.get(resource="GPU-gpu-01-0")
    assert lease.used_seconds == pytest.approx(2.0)
    assert lease.energy_wh == pytest.approx(0.4)


def test_a_gap_between_heartbeats_is_not_filled_in(project: Project, ada: User) -> None:
    node = cast.node(gpus=1)
    held(project, ada, NOON)
    cast.beat(node, now=NOON)
    cast.beat(node, now=NOON + timedelta(hours=1), utilization=100.0)
    used = Lease.objects.get(resource="GPU-gpu-01-0").used_seconds
    assert used == pytest.approx(usage.LONGEST_BEAT)


def test_cores_are_counted_apart_from_gpus(project: Project, ada: User) -> None:
    cast.node(cores=4)
    held(project, ada, NOON, kind="cpu", ranks=1)
    cores = Lease.objects.filter(resource__contains="/core/").count()
    usage.settle_all(NOON + timedelta(seconds=60))
    row = Usage.objects.get()
    assert (row.gpu_seconds, row.core_seconds) == (0, cores * 60)
    assert cores


def test_a_share_counts_for_its_part_and_an_exclusive_job_once(project: Project, ada: User) -> None:
    cast.node(gpus=1)
    held(project, ada, NOON)
    first = Lease.objects.get(resource="GPU-gpu-01-0")
    assert first.gpu is not None
    again = Lease(pk="GPU-gpu-01-0#1", gpu=first.gpu)
    shared = Lease(pk="GPU-gpu-01-0#1", gpu=first.gpu, shared=True)
    shares = [usage.share_of(one, first.gpu) for one in (first, again, shared)]
    assert shares == [1.0, 0.0, 0.25]


def test_a_job_that_was_tried_twice_is_one_job(project: Project, ada: User) -> None:
    cast.node(gpus=1)
    job = held(project, ada, NOON)
    usage.settle_all(NOON + timedelta(minutes=1))
    Lease.objects.update(counted_at=None)
    job.attempts.update(fence=2)
    usage.settle_all(NOON + timedelta(minutes=2))
    assert Usage.objects.get().jobs == 1


def test_what_is_not_claimed_is_not_counted_yet(project: Project, ada: User) -> None:
    cast.node(gpus=1)
    cast.submit(project, ada, compute=GPU0)
    usage.settle_all(NOON + timedelta(days=9999))
    assert not Usage.objects.exists()


def test_the_job_of_a_deleted_user_still_counts_for_its_project(
    project: Project, ada: User, ben: User
) -> None:
    cast.node(gpus=1)
    job = held(project, ben, NOON)
    Job.objects.filter(pk=job.pk).update(created_by=None)
    usage.settle_all(NOON + timedelta(minutes=1))
    usage.settle_all(NOON + timedelta(minutes=2))
    row = Usage.objects.get()
    assert (row.user, row.project, row.gpu_seconds) == (None, project, 120)
    assert look(NOON).placed == []

"""The scheduler: who leads, what a bell brings about, who gives way, how long a queue may be."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests import valkey
from tests.product import until
from tests.web import cast
from trackside.accounts.models import User
from trackside.jobs import bell, scheduling, services
from trackside.jobs.backlog import Backlog
from trackside.jobs.leading import TERM, lead, resign
from trackside.jobs.models import Job, Leader
from trackside.jobs.passes import look
from trackside.projects.models import Project
from workers.scheduler import Ear, Scheduler

NOW = timezone.now()


@pytest.mark.django_db
def test_one_leads_until_it_is_silent_for_a_term() -> None:
    assert lead("scheduler", "a", NOW)
    assert not lead("scheduler", "b", NOW)
    assert lead("scheduler", "a", NOW + TERM / 2)
    assert not lead("scheduler", "b", NOW + TERM)
    assert lead("scheduler", "b", NOW + TERM * 1.6)
    assert not lead("scheduler", "a", NOW + TERM * 1.6)
    assert Leader.objects.get().term == 2


@pytest.mark.django_db
def test_who_ends_in_order_is_replaced_at_once() -> None:
    lead("scheduler", "a", NOW)
    resign("scheduler", "b", NOW)
    assert not lead("scheduler", "b", NOW)
    resign("scheduler", "a", NOW)
    assert lead("scheduler", "b", NOW)


def full(project: Project, ada: User, **wish: object) -> Job:
    """One GPU, held by a claimed job."""
    cast.node(gpus=1)
    job = cast.submit(project, ada, compute={"kind": "any", **wish})
    cast.claimed(job)
    return job


def test_who_stands_by_changes_nothing(project: Project, ada: User) -> None:
    lead("scheduler", "somebody else", timezone.now())
    job = cast.submit(project, ada)
    cast.node()
    Scheduler().step()
    job.refresh_from_db()
    assert job.state == "queued"
    Leader.objects.all().delete()
    Scheduler().step()
    job.refresh_from_db()
    assert job.state == "starting"


def test_the_leader_asks_a_preemptible_job_to_give_way_and_who_asked_gets_its_gpu(
    project: Project, ada: User, ben: User
) -> None:
    soft = full(project, ada, preemptible=True)
    urgent = cast.submit(project, ben, compute={"kind": "any"})
    assert urgent.reason == (
        f"Waits for job {soft.pk} to give way: it keeps a checkpoint and ends."
    )
    scheduler = Scheduler()
    scheduler.step()
    soft.refresh_from_db()
    assert (soft.stop, soft.state) == ("preempt", "stopping")
    late = cast.submit(project, ada, compute={"kind": "any"})
    attempt = cast.live(soft)
    services.give_way(attempt, "It made room.", cause="preempt")
    services.release(attempt)
    scheduler.step(rung=True)
    states = [Job.objects.get(pk=one.pk).state for one in (urgent, soft, late)]
    assert states == ["starting", "queued", "queued"]


def test_a_preemptible_job_that_has_not_begun_leaves_at_once(
    project: Project, ada: User, ben: User
) -> None:
    cast.node(gpus=1)
    soft = cast.submit(project, ada, compute={"kind": "any", "preemptible": True})
    urgent = cast.submit(project, ben, compute={"kind": "any"})
    Scheduler().step()
    states = [Job.objects.get(pk=one.pk).state for one in (urgent, soft)]
    assert states == ["starting", "queued"]


def test_behind_a_long_queue_a_click_leaves_its_placing_to_the_scheduler(
    project: Project, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduling, "SMALL_QUEUE", 1)
    rings: list[int] = []
    monkeypatch.setattr(bell, "ring", lambda: rings.append(1))
    old = [cast.submit(project, ada, compute={"kind": "cpu", "ranks": 2}) for _ in range(2)]
    cast.node(cores=2)
    late = cast.submit(project, ada, compute={"kind": "cpu", "ranks": 1})
    assert (late.state, late.reason, bool(rings)) == ("queued", scheduling.UNPLACED, True)
    Scheduler().step()
    states = [Job.objects.get(pk=one.pk).state for one in (*old, late)]
    assert states == ["starting", "queued", "queued"]


def test_after_a_look_at_a_long_queue_a_bell_brings_a_short_one(
    project: Project, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[bool] = []
    monkeypatch.setattr(
        "workers.scheduler.look", lambda now, backlog, *, whole: looks.append(whole)
    )
    scheduler = Scheduler()
    scheduler.step()
    scheduler._whole_at = float("inf")
    scheduler.step()
    scheduler.step(rung=True)
    assert looks == [True, False]


def test_a_pass_reads_no_more_rows_twice_however_many_wait(project: Project, ada: User) -> None:
    """Each further pass over an unchanged queue asks the same few questions."""
    cast.node(cores=1)
    for _ in range(30):
        cast.submit(project, ada, compute={"kind": "cpu", "ranks": 1})
    backlog = Backlog()
    look(timezone.now(), backlog)
    with CaptureQueriesContext(connection) as few:
        look(timezone.now(), backlog)
    Job.objects.filter(pk__in=Job.objects.filter(state="queued").values("pk")[:20]).update(
        state="cancelled", finished_at=timezone.now()
    )
    with CaptureQueriesContext(connection) as fewer:
        look(timezone.now(), backlog)
    assert len(few) == len(fewer)
    assert not any('"jobs_job"."spec"' in one["sql"] for one in few.captured_queries)


def test_of_a_long_queue_the_first_learn_their_reasons_and_the_others_that_they_come_after(
    project: Project, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduling, "EXPLAINED", 1)
    cast.node(cores=1)
    jobs = [cast.submit(project, ada, compute={"kind": "cpu", "ranks": 1}) for _ in range(3)]
    Job.objects.filter(pk__in=[jobs[1].pk, jobs[2].pk]).update(reason=scheduling.UNPLACED)
    Scheduler().step()
    reasons = [Job.objects.get(pk=one.pk).reason for one in jobs[1:]]
    assert reasons == ["Waits for 1 CPU core: none of 1 on gpu-01 is free.", scheduling.BEHIND]


def test_a_job_that_nobody_claims_is_given_elsewhere(project: Project, ada: User) -> None:
    cast.node()
    job = cast.submit(project, ada)
    attempt = cast.live(job)
    attempt.assigned_at -= timedelta(minutes=1)
    attempt.save()
    Scheduler().step()
    assert cast.live(job).number == 2


@pytest.fixture
def broker() -> Iterator[valkey.Valkey]:
    with valkey.running() as one:
        yield one


@pytest.mark.process
def test_the_bell_is_heard_also_after_the_broker_was_away(
    broker: valkey.Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.conf import settings

    monkeypatch.setattr(settings, "BROKER_URL", broker.url)
    monkeypatch.setattr("workers.scheduler.EVERY", 0.05)
    ear = Ear(threading.Event())
    ear.start()

    def heard() -> bool:
        bell.fuse.reset()
        bell._publish()
        return ear.rung.wait(0.1)

    until(heard, "the bell")
    assert ear.take()
    assert not ear.take()
    broker.stop()
    broker.start()
    until(heard, "the bell after the broker came back")

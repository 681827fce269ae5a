"""Places in the queue are a person's own: nobody else loses by what they do."""

from contextlib import suppress
from datetime import timedelta
from secrets import token_hex
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.web import cast
from tests.web.test_queue import full, order, waiting
from trackside.accounts.models import User
from trackside.compute import board, clock
from trackside.jobs import services
from trackside.jobs.backlog import Backlog
from trackside.jobs.models import Job
from trackside.projects.models import Project

__all__ = ["full"]


@pytest.mark.usefixtures("full")
def test_ones_own_jobs_exchange_their_places_and_pass_nobody(
    project: Project, ada: User, ben: User
) -> None:
    a1, b1, a2, b2, a3 = (waiting(project, who) for who in (ada, ben, ada, ben, ada))
    services.move_before(a3, ada, a1)
    assert order() == [a3.pk, b1.pk, a1.pk, b2.pk, a2.pk]
    services.move_after(a3, ada, a2)
    assert order() == [a1.pk, b1.pk, a2.pk, b2.pk, a3.pk]
    services.move_after(a1, ada, b2)  # who lets others pass goes back alone
    assert order() == [b1.pk, a2.pk, b2.pk, a1.pk, a3.pk]


@pytest.mark.usefixtures("full")
def test_an_old_place_cannot_be_used_for_many_jobs(project: Project, ada: User, ben: User) -> None:
    old = waiting(project, ada)
    theirs = [waiting(project, ben) for _ in range(3)]
    for _ in range(3):
        services.move_before(waiting(project, ada), ada, Job.objects.get(pk=old.pk))
    assert [order().index(one.pk) for one in theirs] == [1, 2, 3]


@pytest.mark.usefixtures("full")
def test_waiting_is_not_gained_behind_a_more_urgent_job(
    project: Project, ada: User, ben: User, admin: User
) -> None:
    old, urgent = waiting(project, ada), waiting(project, ben)
    services.set_priority(urgent, admin, 50)
    Job.objects.filter(pk=old.pk).update(waits_since=clock.now() - timedelta(days=4))
    assert order() == [old.pk, urgent.pk]
    with pytest.raises(services.NotYours, match="Ben's"):
        services.move_after(old, ada, urgent)


def in_days(days: float) -> Any:
    return clock.now() + timedelta(days=days)


@pytest.mark.usefixtures("full")
def test_neither_a_pause_nor_a_run_counts_as_waiting(
    project: Project, ada: User, ben: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    hers = waiting(project, ada)
    services.pause(hers, ada)
    later = in_days(2)
    monkeypatch.setattr(clock, "now", lambda: later)
    his = waiting(project, ben)
    Job.objects.filter(pk=his.pk).update(created_at=later - timedelta(hours=1))
    services.resume(hers, ada)
    assert order() == [his.pk, hers.pk]
    assert Job.objects.get(pk=hers.pk).paused_at is None
    assert [one["id"] for one in board.board(ada)["queue"]] == order()


def test_a_job_that_is_moved_does_not_take_its_run_along_as_waiting(
    full: Job, project: Project, ada: User, ben: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = cast.live(full)
    services.claim(attempt.pk, node=attempt.node_id, now=clock.now())
    attempt.refresh_from_db()
    his = waiting(project, ben)
    later = in_days(2)
    monkeypatch.setattr(clock, "now", lambda: later)
    Job.objects.filter(pk=his.pk).update(created_at=later - timedelta(hours=1))
    services.move(full, ada, {"kind": "any", "count": 1})
    services.give_way(attempt, cause="move")
    assert order() == [his.pk, full.pk]


def test_a_paused_job_cannot_be_given_a_place(full: Job, project: Project, ada: User) -> None:
    one, two = waiting(project, ada), waiting(project, ada)
    services.pause(two, ada)
    with pytest.raises(services.NotNow, match="no turn until it is resumed"):
        services.move_before(two, ada, one)


@given(
    owners=st.lists(st.booleans(), min_size=2, max_size=7),
    ages=st.lists(st.integers(0, 20), min_size=7, max_size=7),
    priorities=st.lists(st.integers(-9, 9), min_size=7, max_size=7),
    moves=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.booleans()), max_size=4),
)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_a_user_moves_nobody_else_stands_further_back(
    project: Project,
    ada: User,
    ben: User,
    owners: list[bool],
    ages: list[int],
    priorities: list[int],
    moves: list[tuple[int, int, bool]],
) -> None:
    Job.objects.all().delete()
    cast.node(gpus=0)
    now = clock.now()
    jobs = []
    for mine, age, priority in zip(owners, ages, priorities, strict=False):
        job = Job.objects.create(
            project=project,
            created_by=ada if mine else ben,
            kind="train",
            title="x",
            spec={},
            compute={"kind": "gpus", "uuids": ["GPU-none"]},
            click_id=token_hex(8),
            priority=priority,
            waits_since=now - timedelta(hours=age * 10),
        )
        jobs.append(job)
    for first, second, behind in moves:
        job, other = jobs[first % len(jobs)], jobs[second % len(jobs)]
        act = services.move_after if behind else services.move_before
        for days in (0, 3, 30):  # now, and when all have waited
            before = Backlog().order(in_days(days))
            with suppress(services.NotNow, services.NotYours), transaction.atomic():
                act(job, ada, other)
                after = Backlog().order(in_days(days))
                for pk in (one.pk for one in jobs if one.created_by_id == ben.pk):
                    assert after.index(pk) <= before.index(pk)
                transaction.set_rollback(True)
        with suppress(services.NotNow, services.NotYours):
            act(job, ada, other)

"""Which ends are tried again, how often, where and after how long."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.web import cast
from trackside.accounts.models import User
from trackside.jobs import retries, services
from trackside.jobs.models import Attempt, Follower, Job
from trackside.jobs.passes import look
from trackside.jobs.retries import RULES, Past, back_off, ruling
from trackside.projects.models import Project

MACHINES_FAULT = [name for name, rule in RULES.items() if rule.again and rule.counts]
OWN_FAULT = [name for name, rule in RULES.items() if not rule.again]


@pytest.mark.parametrize("cause", MACHINES_FAULT)
def test_what_the_machine_did_is_tried_three_times_more(cause: str) -> None:
    before: list[Past] = []
    for time in (1, 2, 3):
        found = ruling(Past(cause=cause, step=time), before)
        assert found.again
        assert found.words == f"It will be tried again ({time} of 3)."
        before.append(Past(cause=cause, step=time))
    assert ruling(Past(cause=cause, step=9), before).words == "It was tried 4 times."
    assert not ruling(Past(cause=cause, step=9), before).again


@pytest.mark.parametrize("cause", OWN_FAULT)
def test_what_would_end_the_same_way_is_not_tried_again(cause: str) -> None:
    assert not ruling(Past(cause=cause), []).again


@pytest.mark.parametrize("cause", sorted(retries.ON_ORDER))
def test_what_ended_on_order_uses_no_retry_up(cause: str) -> None:
    ordered = [Past(cause=cause)] * 9
    assert ruling(Past(cause=cause), ordered).again
    found = ruling(Past(cause="node_lost"), ordered)
    assert found.words == "It will be tried again (1 of 3)."


def test_the_same_crash_twice_at_the_same_step_is_the_jobs_own_fault() -> None:
    crash = Past(cause="rank_crashed", step=42)
    assert ruling(crash, [Past(cause="rank_crashed", step=40)]).again
    found = ruling(crash, [Past(cause="rank_crashed", step=40), crash])
    assert not found.again
    assert "twice at step 42" in found.words
    killed = Past(cause="rank_killed", step=42)
    assert ruling(killed, [killed]).again  # whoever kills from outside does not look at steps


def test_every_pause_is_longer_up_to_five_minutes() -> None:
    assert [back_off(times) for times in (0, 1, 2, 3, 4, 9)] == [0, 0, 15, 30, 60, 300]


@pytest.fixture
def attempt(project: Project, ada: User) -> Attempt:
    cast.node("gpu-01", gpus=1)
    return cast.claimed(cast.submit(project, ada, compute={"kind": "any", "count": 1}))


def again(attempt: Attempt) -> Attempt:
    services.release(attempt)
    cast.beat(attempt.node)
    (one,) = look(timezone.now()).placed
    claimed = services.claim(one.pk, node=one.node_id, now=timezone.now())
    assert claimed is not None
    return claimed


def test_the_second_loss_holds_the_job_back(attempt: Attempt) -> None:
    job, now = attempt.job_id, timezone.now()
    services.lose(attempt, "gpu-01 is gone.")
    assert retries.holds([job], now) == {}
    services.lose(again(attempt), "gpu-01 is gone.")
    assert retries.holds([job], now)[job].startswith("Was lost 2 times; tries again at ")
    assert retries.holds([job], now + timedelta(minutes=1)) == {}


def test_a_node_on_which_a_rank_hung_is_left_out_where_there_is_another(attempt: Attempt) -> None:
    job = attempt.job_id
    services.lose(attempt, "Rank 0 stands still.", cause="hung", step=3)
    assert retries.blocked_nodes([job]) == {}
    cast.node("gpu-02", gpus=1)
    assert retries.blocked_nodes([job]) == {job: {attempt.node_id}}
    Job.objects.filter(pk=job).update(compute={"kind": "gpus", "uuids": ["GPU-gpu-01-0"]})
    assert retries.blocked_nodes([job]) == {}


def test_of_several_nodes_the_one_with_a_reason_is_left_out(attempt: Attempt) -> None:
    other = cast.node("gpu-02", gpus=1)
    Follower.objects.create(
        attempt=attempt, node=other, position=1, first_rank=1, compute={}, reason="No port."
    )
    services.lose(attempt, "gpu-02 was not ready.", cause="rendezvous")
    assert retries.blocked_nodes([attempt.job_id]) == {attempt.job_id: {other.pk}}


def test_a_rank_that_was_killed_fails_the_attempt_and_not_the_job(attempt: Attempt) -> None:
    services.fail(attempt, reason="Rank 0 was killed.", exit="signal 9", cause="rank_killed")
    attempt.refresh_from_db()
    job = Job.objects.get(pk=attempt.job_id)
    assert (attempt.state, attempt.cause) == ("failed", "rank_killed")
    assert (job.state, job.reason) == (
        "queued",
        "Rank 0 was killed. It will be tried again (1 of 3).",
    )


def test_a_poisonous_step_ends_the_job_at_its_second_time(attempt: Attempt) -> None:
    for one in (attempt, None):
        attempt = one or again(attempt)
        services.fail(
            attempt, reason="Rank 0 crashed.", exit="signal 11", cause="rank_crashed", step=7
        )
    job = Job.objects.get(pk=attempt.job_id)
    assert job.state == "failed"
    assert job.reason == (
        "Rank 0 crashed. It ended the same way twice at step 7, so that it is not tried again."
    )


def test_a_node_is_not_left_out_where_the_others_could_not_hold_the_job(attempt: Attempt) -> None:
    """Else two nodes' job that one of them kept waiting once would wait for an hour."""
    cast.node("gpu-02", gpus=1)
    services.lose(attempt, "gpu-01 was not ready.", cause="rendezvous")
    assert retries.blocked_nodes([attempt.job_id])
    both = {"kind": "any", "count": 2, "nodes": 2}
    Job.objects.filter(pk=attempt.job_id).update(compute=both)
    assert retries.blocked_nodes([attempt.job_id]) == {}

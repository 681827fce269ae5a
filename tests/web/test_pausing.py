"""A job gives way: paused, moved, preempted, drained; and goes on from where it was."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.web import cast
from trackside.accounts.models import User
from trackside.compute.models import Lease
from trackside.compute.requests import BadCompute
from trackside.jobs import services
from trackside.jobs.models import Attempt, Checkpoint, Job
from trackside.jobs.passes import look
from trackside.projects.models import Project

GPU = {"kind": "gpus", "uuids": ["GPU-gpu-01-1"]}


@pytest.fixture
def attempt(project: Project, ada: User) -> Attempt:
    cast.node(gpus=2)
    wish = {"kind": "gpus", "uuids": ["GPU-gpu-01-0"]}
    return cast.claimed(cast.submit(project, ada, compute=wish))


def job_of(attempt: Attempt) -> Job:
    return Job.objects.get(pk=attempt.job_id)


def stop_of(attempt: Attempt) -> dict[int, str]:
    return services.renew([attempt], timezone.now())


def checkpoint(attempt: Attempt, epoch: int, step: int = 0) -> None:
    Checkpoint.objects.create(
        job=attempt.job,
        fence=attempt.fence,
        epoch=epoch,
        step=step,
        path=f"{attempt.folder}/checkpoints/e{epoch}.{step}",
        sha256="0" * 64,
        at=timezone.now(),
    )


def test_a_pause_asks_the_gang_and_keeps_the_job_in_the_queue(attempt: Attempt, ben: User) -> None:
    job = services.pause(job_of(attempt), ben)
    assert (job.state, job.stop, job.paused) == ("stopping", "pause", True)
    assert job.reason == "Ben pauses it; waits for its checkpoint."
    assert stop_of(attempt) == {attempt.pk: "pause"}
    checkpoint(attempt, 2)
    checkpoint(attempt, 2, 40)
    services.give_way(attempt, cause="pause", step=41)
    attempt.refresh_from_db()
    job = job_of(attempt)
    assert (attempt.state, attempt.cause, attempt.reason, attempt.step) == (
        "yielded",
        "pause",
        "Paused by Ben.",
        41,
    )
    assert (job.state, job.stop, job.paused) == ("queued", "", True)
    assert job.reason == "Paused by Ben. It goes on in epoch 3, step 40."
    assert Lease.objects.filter(attempt=attempt, quarantined=True).exists()


def test_a_search_that_is_paused_says_that_its_trial_begins_anew(
    attempt: Attempt, ben: User
) -> None:
    services.pause(job_of(attempt), ben)
    checkpoint(attempt, 1)
    Checkpoint.objects.update(path=f"{attempt.folder}/checkpoints/t0001")
    services.give_way(attempt, cause="pause")
    said = "Paused by Ben. It goes on after trial 1; what ran after it begins anew."
    assert job_of(attempt).reason == said


def test_a_paused_job_goes_on_when_it_is_resumed(attempt: Attempt, ada: User) -> None:
    services.pause(job_of(attempt), ada)
    services.give_way(attempt, cause="pause")
    services.release(attempt)
    job = services.resume(job_of(attempt), ada)
    assert (job.paused, job.stop) == (False, "")
    look(timezone.now())
    assert cast.live(job).number == 2
    with pytest.raises(services.NotNow, match="is not paused"):
        services.resume(job, ada)


def test_who_resumes_while_it_still_stops_has_it_go_on_at_once(attempt: Attempt, ada: User) -> None:
    services.pause(job_of(attempt), ada)
    assert services.resume(job_of(attempt), ada).state == "stopping"
    services.give_way(attempt, cause="pause")
    assert not job_of(attempt).paused


def test_a_job_that_was_not_begun_yet_is_paused_at_once(project: Project, ada: User) -> None:
    cast.node(gpus=1)
    job = cast.submit(project, ada, compute={"kind": "any", "count": 1})
    one = cast.live(job)
    services.pause(job, ada)
    one.refresh_from_db()
    assert (one.state, job.state, job.paused) == ("yielded", "queued", True)
    assert not Lease.objects.exists()
    assert services.claim(one.pk, node=one.node_id, now=timezone.now()) is None
    with pytest.raises(services.NotNow, match="is paused already"):
        services.pause(job, ada)


def test_a_move_takes_the_new_devices_and_keeps_the_place(
    attempt: Attempt, ada: User, project: Project
) -> None:
    later = cast.submit(project, ada, compute=GPU)
    assert later.state == "starting"
    job = services.move(job_of(attempt), ada, GPU)
    assert (job.stop, job.compute["uuids"]) == ("move", ["GPU-gpu-01-1"])
    services.give_way(attempt, cause="move")
    services.release(attempt)
    one = cast.claimed(later)
    third = cast.submit(project, ada, compute=GPU)
    services.fail(one, reason="It broke.", exit="1")
    services.release(one)
    look(timezone.now())
    assert cast.live(job).compute["uuids"] == ["GPU-gpu-01-1"]
    assert Job.objects.get(pk=third.pk).state == "queued"


def test_a_move_onto_what_can_never_run_changes_nothing(attempt: Attempt, ada: User) -> None:
    with pytest.raises(BadCompute):
        services.move(job_of(attempt), ada, {"kind": "gpus", "uuids": ["GPU-nowhere"]})
    assert (job_of(attempt).stop, job_of(attempt).state) == ("", "starting")


def test_a_move_to_where_it_runs_is_refused(attempt: Attempt, ada: User) -> None:
    same = {"kind": "gpus", "uuids": ["GPU-gpu-01-0"]}
    with pytest.raises(services.NotNow, match="runs on just these GPUs already"):
        services.move(job_of(attempt), ada, same)
    assert job_of(attempt).stop == ""


def test_a_preempted_job_waits_and_uses_no_retry_up(attempt: Attempt) -> None:
    for _ in range(5):
        assert services.preempt(job_of(attempt), 77)
        assert not services.preempt(job_of(attempt), 78)
        assert job_of(attempt).reason == "Makes room for job 77; writes its checkpoint."
        services.give_way(attempt, cause="preempt")
        services.release(attempt)
        look(timezone.now())
        attempt = cast.claimed(job_of(attempt))
    services.lose(attempt, "gpu-01 is gone.")
    assert job_of(attempt).reason == "gpu-01 is gone. It will be tried again (1 of 3)."


def test_a_drained_node_asks_all_its_jobs_once(
    attempt: Attempt, project: Project, ada: User
) -> None:
    waiting = cast.submit(project, ada, compute=GPU)
    assert services.drain_node(attempt.node) == 2
    assert stop_of(attempt) == {attempt.pk: "drain"}
    waiting.refresh_from_db()
    assert waiting.state == "queued"
    assert services.drain_node(attempt.node) == 0


@pytest.mark.parametrize(
    ("how", "said"), [("cancel", "is being cancelled"), ("finish_early", "is being finished early")]
)
def test_what_is_being_stopped_is_not_paused(
    attempt: Attempt, ada: User, how: str, said: str
) -> None:
    services.stop(job_of(attempt), user=ada, how=how)
    for act in (services.pause, lambda job, user: services.move(job, user, GPU)):
        with pytest.raises(services.NotNow, match=said):
            act(job_of(attempt), ada)


@pytest.mark.parametrize("act", ["pause", "resume"])
def test_what_is_over_says_so(attempt: Attempt, ada: User, act: str) -> None:
    services.fail(attempt, reason="It broke.", exit="1")
    with pytest.raises(services.AlreadyOver, match="is already over: it failed"):
        getattr(services, act)(job_of(attempt), ada)


def test_a_cancel_overtakes_a_pause(attempt: Attempt, ada: User) -> None:
    services.pause(job_of(attempt), ada)
    services.stop(job_of(attempt), user=ada, how="cancel")
    services.give_way(attempt, cause="pause")
    assert job_of(attempt).state == "cancelled"


def test_a_paused_job_that_is_lost_meanwhile_stays_paused(attempt: Attempt, ada: User) -> None:
    services.pause(job_of(attempt), ada)
    services.lose(attempt, "gpu-01 is gone.")
    job = job_of(attempt)
    assert (job.state, job.paused, job.stop) == ("queued", True, "")


def limited(attempt: Attempt, **values: Any) -> Attempt:
    Job.objects.filter(pk=attempt.job_id).update(**values)
    return attempt


def test_the_time_limit_counts_all_attempts(attempt: Attempt) -> None:
    limited(attempt, max_seconds=100)
    began = timezone.now() - timedelta(seconds=70)
    Attempt.objects.filter(pk=attempt.pk).update(claimed_at=began)
    assert services.end_overdue(timezone.now()) == 0
    attempt.refresh_from_db()
    services.give_way(attempt, cause="preempt")
    services.release(attempt)
    look(timezone.now())
    second = cast.claimed(job_of(attempt))
    left = services.seconds_left(job_of(attempt), timezone.now())
    assert left is not None
    assert 0 < left <= 30
    assert services.end_overdue(timezone.now() + timedelta(seconds=31)) == 1
    assert stop_of(second) == {second.pk: "time_limit"}
    assert services.end_overdue(timezone.now() + timedelta(seconds=32)) == 0

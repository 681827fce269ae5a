"""Stops: who asked, what they end at once, and what waits for its processes."""

from typing import Any

import pytest
from django.utils import timezone

from tests.web import cast
from trackside.accounts.models import User
from trackside.compute.models import Lease
from trackside.jobs import doorbell, scheduling, services, submitting
from trackside.jobs.models import Attempt, Job
from trackside.projects.models import Project


@pytest.fixture
def attempt(project: Project, ada: User) -> Attempt:
    cast.node(gpus=1)
    return cast.claimed(cast.submit(project, ada, compute={"kind": "any", "count": 1}))


def job_of(attempt: Attempt) -> Job:
    return Job.objects.get(pk=attempt.job_id)


def test_a_waiting_job_is_cancelled_at_once(project: Project, ada: User) -> None:
    job = cast.submit(project, ada)
    assert services.stop(job, user=ada, how="cancel").state == "cancelled"
    assert job.reason == "Cancelled by Ada before it began."


def test_an_assigned_job_is_cancelled_at_once_and_gives_its_devices_back(
    project: Project, ada: User
) -> None:
    cast.node()
    job = cast.submit(project, ada)
    assert services.stop(job, user=ada, how="cancel").state == "cancelled"
    assert not Lease.objects.exists()
    assert (
        services.claim(cast.live(job).pk, node=cast.live(job).node_id, now=timezone.now()) is None
    )


def test_a_running_job_stops_when_its_gang_is_gone(attempt: Attempt, ben: User) -> None:
    job = services.stop(job_of(attempt), user=ben, how="finish_early")
    assert (job.state, job.reason) == (
        "stopping",
        "Ben asked it to finish early; waits for its processes to end.",
    )
    services.stop(job, user=ben, how="cancel")
    assert services.renew([attempt], timezone.now()) == {attempt.pk: "cancel"}
    services.cancel_done(attempt)
    assert (job_of(attempt).state, job_of(attempt).reason) == ("cancelled", "Cancelled by Ben.")


def test_a_job_that_finished_early_says_who_asked(attempt: Attempt, ben: User) -> None:
    services.stop(job_of(attempt), user=ben, how="finish_early")
    services.finish(attempt, {}, publish=None)
    assert job_of(attempt).reason == "Finished early by Ben; the best weights are kept."


def test_a_stop_of_what_is_over_says_how_it_ended(attempt: Attempt, ada: User) -> None:
    services.fail(attempt, reason="It broke.", exit="1")
    with pytest.raises(services.AlreadyOver, match="is already over: it failed"):
        services.stop(job_of(attempt), user=ada, how="cancel")


def test_a_lost_job_that_was_cancelled_is_cancelled(attempt: Attempt, ada: User) -> None:
    services.stop(job_of(attempt), user=ada, how="cancel")
    services.lose(attempt, "gpu-01 is gone.")
    assert job_of(attempt).state == "cancelled"


def test_a_stop_that_comes_as_the_job_is_placed_leaves_no_attempt_behind(
    project: Project, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits, stop_waiting = cast.submit(project, ada), submitting._stop_waiting

    def placed_first(job: Job, user: User) -> bool:
        if not Attempt.objects.exists():
            cast.node()
            scheduling.run(timezone.now())
        return stop_waiting(job, user)

    monkeypatch.setattr(submitting, "_stop_waiting", placed_first)
    assert services.stop(waits, user=ada, how="cancel").state == "cancelled"
    assert cast.live(waits).state == "cancelled"
    assert not Lease.objects.exists()


def test_every_node_of_a_job_is_told_of_a_stop_at_once(
    project: Project,
    ada: User,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    for name in ("gpu-01", "gpu-02"):
        cast.node(name, gpus=1)
    wish = {"kind": "any", "count": 2, "nodes": 2}
    attempt = cast.claimed(cast.submit(project, ada, compute=wish))
    told: set[str] = set()
    monkeypatch.setattr(doorbell, "poke", told.add)
    with django_capture_on_commit_callbacks(execute=True):
        services.stop(job_of(attempt), user=ada, how="cancel")
    assert told == {"gpu-01", "gpu-02"}

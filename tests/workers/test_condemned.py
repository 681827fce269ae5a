"""A device that dies under a job ends it, and the job goes on elsewhere; what will not die."""

import json
from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from tests.web import cast
from tests.workers import gangs
from tests.workers.conftest import Node
from trackside.accounts.models import User
from trackside.compute.models import Gpu, Lease
from trackside.jobs import services
from trackside.jobs.models import Attempt
from trackside.jobs.passes import look
from trackside.projects.models import Project
from workers import condemned, sweep
from workers.condemned import Condemned
from workers.verdict import Verdict

SAID = "GPU 0 of gpu-01 has failed: It needs a reset."
FAILED = Verdict(end="fail", cause="program", reason="CUDA error", exit="1", step=7)


def submit(node: Node, **compute: Any) -> Any:
    return services.submit(
        project=node.project,
        user=node.user,
        kind="preview",
        title="Simulated",
        spec={"do": "work"},
        compute=compute,
        click_id="simulated",
    )


@pytest.mark.process
def test_a_job_whose_gpu_dies_goes_on_on_another_one(node: Node) -> None:
    faults = node.home / "faults.json"
    node.start(TRACKSIDE_FAKE_GPUS="2xH100-80GB", TRACKSIDE_FAKE_FAULTS=str(faults))
    job = submit(node, kind="any", count=1)
    node.until(job, "running")
    first = node.attempt(job)
    (uuid,) = first.compute["uuids"]
    index = Gpu.objects.get(pk=uuid).index
    faults.write_text(json.dumps({"here": {str(index): {"xid": 79}}}))
    gangs.until(lambda: node.attempt(job).number == 2, "the second attempt")
    node.until(job, "running")
    first.refresh_from_db()
    assert (first.state, first.cause) == ("lost", "gpu_failed")
    assert f"GPU {index} of here has failed: The driver reported Xid 79" in first.reason
    assert node.attempt(job).compute["uuids"] != [uuid]
    assert Gpu.objects.get(pk=uuid).broken
    gangs.until(lambda: not Lease.objects.filter(gpu=uuid).exists(), "its lease to be gone")
    assert not sweep.living(first)
    services.stop(job, user=node.user, how="cancel")
    node.until(job, "cancelled")


@pytest.mark.process
def test_a_simulated_gpu_that_a_stranger_took_is_not_started_on(node: Node) -> None:
    faults = node.home / "faults.json"
    node.start(TRACKSIDE_FAKE_GPUS="1xH100-80GB", TRACKSIDE_FAKE_FAULTS=str(faults))
    faults.write_text(json.dumps({"here": {"0": {"process": {"user": "mara"}}}}))
    (uuid,) = Gpu.objects.values_list("pk", flat=True)
    with transaction.atomic():  # the agent may have seen it by now: placement has not
        Gpu.objects.update(health="ok")
        job = submit(node, kind="gpus", uuids=[uuid])

    def waits() -> bool:
        look(timezone.now())
        return "used by a process outside" in _said(job)

    gangs.until(waits, "the job to wait")
    first = Attempt.objects.get(job=job, number=1)
    assert (first.state, first.cause) == ("lost", "gpu_taken")
    assert "of mara uses it" in first.reason
    faults.write_text("{}")
    gangs.until(lambda: bool(look(timezone.now()).placed), "a pass to place it")
    node.until(job, "running")
    services.stop(job, user=node.user, how="cancel")
    node.until(job, "cancelled")


def _said(job: Any) -> str:
    job.refresh_from_db()
    return str(job.reason)


@pytest.fixture
def attempt(project: Project, ada: User) -> Attempt:
    cast.node(gpus=1)
    job = cast.submit(project, ada, compute={"kind": "gpus", "uuids": ["GPU-gpu-01-0"]})
    return cast.claimed(job)


@pytest.mark.parametrize("cause", ["program", "ranks_apart"])
def test_an_error_on_a_device_that_has_died_is_not_the_jobs_own(
    attempt: Attempt, cause: str
) -> None:
    known = Condemned(lambda uuids, *, fresh=False: SAID if fresh else "")
    found = known.verdict(attempt, replace(FAILED, cause=cause))
    assert (found.end, found.cause, found.reason, found.step) == ("lose", "gpu_failed", SAID, 7)


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict(end="finish"),
        Verdict(end="cancel"),
        Verdict(end="fail", cause="not_finite", reason="The loss is not a number."),
        Verdict(end="give_way", cause="drain"),
    ],
)
def test_an_end_of_another_cause_stays_what_it_is(verdict: Verdict, attempt: Attempt) -> None:
    known = Condemned(lambda uuids, *, fresh=False: SAID)
    assert known.verdict(attempt, verdict) is verdict


def test_a_sound_device_is_not_blamed(attempt: Attempt) -> None:
    assert Condemned(lambda uuids, *, fresh=False: "").verdict(attempt, FAILED) is FAILED


def test_processes_that_outlive_their_kill_take_the_gpu_out_of_service(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Condemned(lambda uuids, *, fresh=False: "")
    assert not known.held(attempt)
    assert Gpu.objects.get().broken == ""
    monkeypatch.setattr(condemned, "HELD", 0.0)
    assert known.held(attempt)
    said = Gpu.objects.get().broken
    assert said.startswith(f"Processes of job {attempt.job_id} are still on it")
    found = known.verdict(attempt, Verdict(end="lose", cause="leader_killed", reason="Killed."))
    assert found.cause == "gpu_failed"
    known.forget(attempt)
    assert known.look(attempt) == ""

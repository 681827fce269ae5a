"""The life of an attempt: fences, the journal, losses; and what becomes of the devices."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.web import cast
from trackside.accounts.models import User
from trackside.compute.models import Gpu, Lease, UsagePeak
from trackside.jobs import logs, queries, services
from trackside.jobs.models import Attempt, Event, Job
from trackside.jobs.passes import look
from trackside.projects.models import Project

LATER = timedelta(minutes=5)


def line(type_: str, **data: Any) -> dict[str, Any]:
    return {"seq": 1, "t": timezone.now().timestamp(), "type": type_, **data}


def record(attempt: Attempt, *events: dict[str, Any]) -> None:
    services.record(attempt, events, attempt.journal_offset + 100, timezone.now())


@pytest.fixture
def attempt(project: Project, ada: User) -> Attempt:
    cast.node(gpus=1)
    wish = {"kind": "any", "count": 1}
    return cast.claimed(cast.submit(project, ada, compute=wish, needs={"key": "net|224"}))


def job_of(attempt: Attempt) -> Job:
    return Job.objects.get(pk=attempt.job_id)


def test_a_claim_gives_a_fence_a_folder_and_a_lease(attempt: Attempt) -> None:
    assert (attempt.fence, attempt.state) == (1, "starting")
    assert attempt.folder == f"jobs/{attempt.job_id}/a1"
    assert attempt.lease_until is not None


def test_a_trial_of_a_search_is_worth_a_pause_as_a_step_is(attempt: Attempt) -> None:
    record(attempt, line("progress", done=0.5, of=9, unit="trial"))
    assert Attempt.objects.get(pk=attempt.pk).first_step_at is None
    record(attempt, line("trial", number=1, of=9, value=0.9))
    assert Attempt.objects.get(pk=attempt.pk).first_step_at is not None


def test_only_the_first_claim_and_only_of_its_node_counts(project: Project, ada: User) -> None:
    one = cast.live(cast.submit(project, ada)) if cast.node() else None
    assert one is not None
    other = cast.node("gpu-02")
    assert services.claim(one.pk, node=other.pk, now=timezone.now()) is None
    assert services.claim(one.pk, node=one.node_id, now=timezone.now()) is not None
    assert services.claim(one.pk, node=one.node_id, now=timezone.now()) is None


def test_the_first_step_makes_the_job_run(attempt: Attempt) -> None:
    record(attempt, line("started", device="cpu"), line("phase", name="read", text="Reading."))
    assert job_of(attempt).state == "starting"
    record(attempt, line("step", epoch=0.1, step=1, loss=0.7, lr=0.001, rate=80.0))
    job = job_of(attempt)
    assert (job.state, job.metrics["loss"]) == ("running", 0.7)
    assert Attempt.objects.get(pk=attempt.pk).first_step_at is not None


def test_progress_and_epochs_are_kept_on_the_job(attempt: Attempt) -> None:
    record(
        attempt,
        line("phase", name="train", text="Training."),
        line("progress", done=1.5, of=20, unit="epoch", eta=30.0, share=0.07),
        line("epoch", epoch=1, train_loss=0.6, val_loss=0.5, metrics={"accuracy": 0.9}, best=True),
    )
    shown = queries.snapshot(job_of(attempt))
    assert (shown["progress"]["done"], shown["progress"]["share"]) == (1.5, 0.07)
    assert shown["progress"]["phase"] == "train"
    assert shown["metrics"] == {"epoch": 1, "train_loss": 0.6, "val_loss": 0.5, "accuracy": 0.9}


def test_the_same_piece_of_the_journal_counts_once(attempt: Attempt) -> None:
    twin = Attempt.objects.get(pk=attempt.pk)
    piece = [line("log", text="hello")]
    services.record(attempt, piece, 40, timezone.now())
    services.record(twin, piece, 40, timezone.now())
    assert twin.journal_offset == 40
    assert Event.objects.filter(job=attempt.job_id, type="log").count() == 1


def test_load_lines_come_without_moving_the_journal(attempt: Attempt) -> None:
    for _ in range(2):
        services.record(attempt, [line("load", cpu=99)], attempt.journal_offset, timezone.now())
    assert Event.objects.filter(job=attempt.job_id, type="load").count() == 2


def test_finishing_publishes_and_keeps_the_devices_until_they_are_released(
    attempt: Attempt,
) -> None:
    def publish(job: Job, one: Attempt, result: dict[str, Any]) -> None:
        result["output"] = "scored"

    record(attempt, line("step", epoch=0.1, step=1, loss=0.7))
    facts = {"ranks": 1, "peak_memory": 10, "rate": 5.0, "seconds": 9.0, "images": {"train": 8}}
    result = {"metrics": {"accuracy": 0.95}, "facts": facts}
    services.finish(attempt, result, publish=publish)
    shown = queries.snapshot(job_of(attempt))
    assert (shown["state"], shown["output"]) == ("succeeded", "scored")
    assert shown["metrics"]["accuracy"] == 0.95
    assert Lease.objects.filter(attempt=attempt).exists()
    assert UsagePeak.objects.get().images == 8
    services.release(attempt)
    assert not Lease.objects.exists()


def test_what_a_job_came_to_is_of_the_round_that_is_kept(attempt: Attempt) -> None:
    for n, loss in enumerate((0.5, 0.3, 0.6), 1):
        record(attempt, line("epoch", epoch=n, train_loss=0.2, val_loss=loss, metrics={}))
    kept = {"epoch": 2, "train_loss": 0.2, "val_loss": 0.3}
    services.finish(attempt, {"metrics": {"log_loss": 0.3}, "kept": kept}, publish=None)
    assert queries.snapshot(job_of(attempt))["metrics"] == {**kept, "log_loss": 0.3}


def test_what_several_models_came_to_stands_beside_no_round(attempt: Attempt) -> None:
    record(attempt, line("epoch", epoch=9, train_loss=0.2, val_loss=0.6, metrics={}))
    services.finish(attempt, {"metrics": {"log_loss": 0.3}, "kept": None}, publish=None)
    assert queries.snapshot(job_of(attempt))["metrics"] == {"log_loss": 0.3}


def test_what_cannot_be_published_did_not_finish(attempt: Attempt) -> None:
    def publish(job: Job, one: Attempt, result: dict[str, Any]) -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        services.finish(attempt, {}, publish=publish)
    assert job_of(attempt).state == "starting"


def test_devices_of_a_living_attempt_are_not_released(attempt: Attempt) -> None:
    with pytest.raises(services.StillRunning):
        services.release(attempt)


def test_the_first_ending_wins(attempt: Attempt) -> None:
    twin = Attempt.objects.get(pk=attempt.pk)
    services.fail(attempt, reason="It broke.", exit="1")
    with pytest.raises(services.StaleAttempt):
        services.finish(twin, {}, publish=None)
    assert job_of(attempt).reason == "It broke."


def test_a_stale_writer_touches_nothing(attempt: Attempt) -> None:
    stale = Attempt.objects.get(pk=attempt.pk)
    services.lose(attempt, "gpu-01 is gone.")
    now = timezone.now()
    assert services.renew([stale], now) == {}
    for act in (
        lambda: services.record(stale, [line("step", loss=1)], 9, now),
        lambda: services.mark_launched(stale, 7, "warm"),
        lambda: services.cancel_done(stale),
        lambda: services.finish(stale, {}, publish=None),
    ):
        with pytest.raises(services.StaleAttempt):
            act()


def test_a_lost_attempt_is_tried_again_but_its_devices_stay_in_quarantine(
    attempt: Attempt, project: Project
) -> None:
    services.lose(attempt, "gpu-01 is gone.")
    job = job_of(attempt)
    assert job.state == "queued"
    assert job.reason == "gpu-01 is gone. It will be tried again (1 of 3)."
    assert look(timezone.now()).placed == []
    assert "is held back until job" in job_of(attempt).reason
    services.release(attempt)
    (again,) = look(timezone.now()).placed
    assert again.number == 2
    second = services.claim(again.pk, node=again.node_id, now=timezone.now())
    assert second is not None
    assert second.fence == 2


def test_after_three_losses_the_job_fails(attempt: Attempt) -> None:
    for _ in range(3):
        services.lose(attempt, "gpu-01 is gone.")
        services.release(attempt)
        cast.beat(attempt.node, now=timezone.now() + LATER)
        (again,) = look(timezone.now() + LATER).placed
        claimed = services.claim(again.pk, node=again.node_id, now=timezone.now())
        assert claimed is not None
        attempt = claimed
    services.lose(attempt, "gpu-01 is gone.")
    assert job_of(attempt).state == "failed"
    assert job_of(attempt).reason == "gpu-01 is gone. It was tried 4 times."


def test_what_was_ended_on_order_is_no_loss(attempt: Attempt) -> None:
    for _ in range(5):
        services.give_way(attempt, "Trackside was stopped.", cause="stopped")
        assert job_of(attempt).reason.startswith("Trackside was stopped. It has no checkpoint")
        services.release(attempt)
        cast.beat(attempt.node)
        (again,) = look(timezone.now()).placed
        claimed = services.claim(again.pk, node=again.node_id, now=timezone.now())
        assert claimed is not None
        attempt = claimed
    services.lose(attempt, "gpu-01 is gone.")
    assert job_of(attempt).reason == "gpu-01 is gone. It will be tried again (1 of 3)."


def test_the_story_tells_once_that_no_process_remains(attempt: Attempt) -> None:
    services.fail(attempt, reason="It broke.", exit="1")
    services.release(attempt)
    services.release(attempt)
    notes = Event.objects.filter(job=attempt.job_id, type="note")
    assert [one.data["text"] for one in notes] == [
        f"No process remains; GPU 0 ({cast.H100}) is free."
    ]


def test_a_gpu_that_has_failed_is_not_said_to_be_free(attempt: Attempt) -> None:
    Gpu.objects.update(broken="It fell off the bus.")
    services.fail(attempt, reason="It broke.", exit="1")
    services.release(attempt)
    note = Event.objects.filter(job=attempt.job_id, type="note").get()
    assert note.data["text"] == "No process remains."


def test_the_cores_that_came_free_are_named(project: Project, ada: User) -> None:
    cast.node(cores=2)
    for ranks, said in ((1, "CPU core 0 is"), (2, "CPU cores 0, 1 are")):
        wish = {"kind": "cpu", "ranks": ranks}
        attempt = cast.claimed(cast.submit(project, ada, compute=wish))
        services.fail(attempt, reason="It broke.", exit="1")
        services.release(attempt)
        note = Event.objects.filter(job=attempt.job_id, type="note").get()
        assert note.data["text"] == f"No process remains; {said} free."


def test_what_nobody_claims_goes_back_to_the_queue(project: Project, ada: User) -> None:
    cast.node()
    job = cast.submit(project, ada)
    assert services.expire(timezone.now()) == 0
    assert services.expire(timezone.now() + timedelta(seconds=31)) == 1
    job.refresh_from_db()
    assert job.state == "queued"
    assert "gpu-01 did not start it within 30 seconds" in job.reason
    assert not Lease.objects.exists()


def test_an_attempt_that_is_not_renewed_is_lost(attempt: Attempt) -> None:
    assert services.renew([attempt], timezone.now()) == {attempt.pk: ""}
    assert services.reap(timezone.now()) == 0
    assert services.reap(timezone.now() + LATER) == 1
    assert job_of(attempt).state == "queued"


def test_a_reboot_frees_what_the_machine_held(attempt: Attempt) -> None:
    node = cast.node(gpus=1, boot_id="boot-2")
    assert services.after_reboot(node) == 1
    assert not Lease.objects.exists()
    assert job_of(attempt).state == "queued"


def test_charts_get_columns_of_equal_length(attempt: Attempt) -> None:
    record(attempt, line("started", device="cpu"))
    for step in range(5):
        record(attempt, line("step", epoch=step / 5, step=step, loss=1 / (step + 1)))
    record(attempt, line("epoch", epoch=1, train_loss=0.4, val_loss=0.3, metrics={"f1": 0.8}))
    record(attempt, line("load", cpu=150, memory=9, gpus=[{"uuid": "GPU-a", "utilization": 40}]))
    shown = queries.series(job_of(attempt))
    assert shown["steps"]["loss"] == [1, 0.5, 1 / 3, 0.25, 0.2]
    assert shown["steps"]["lr"] == [None] * 5
    assert shown["epochs"]["metrics"] == {"f1": [0.8]}
    assert shown["load"]["gpus"] == {"GPU-a": [40]}


def test_a_log_that_is_not_there_yet_is_empty(attempt: Attempt) -> None:
    assert logs.end(logs.logs(job_of(attempt)), 100) == ""

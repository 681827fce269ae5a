"""The agent, with real processes: one click one run, each death its outcome, nobody left behind."""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from recipes import processes
from tests.workers import gangs
from tests.workers.conftest import Node
from trackside.compute.models import Lease
from trackside.compute.models import Node as NodeRow
from trackside.jobs import doorbell, services
from trackside.jobs.models import Attempt, Event, Job
from workers import sweep

pytestmark = pytest.mark.process


def running(node: Node, job: Job) -> Attempt:
    node.until(job, "running")
    return node.attempt(job)


def settled(node: Node, job: Job) -> None:
    """Nothing of the job is left: no process, no lease."""
    gangs.until(lambda: not Lease.objects.filter(attempt__job=job).exists(), "the leases to go")
    assert not sweep.living(node.attempt(job))


def test_a_job_runs_to_its_end_and_frees_what_it_held(node: Node) -> None:
    node.start()
    node.warm()
    job = node.submit("finish", kind="preview")
    node.until(job, "succeeded")
    attempt = node.attempt(job)
    assert (attempt.launch, attempt.exit) == ("warm", "0")
    assert job.result["rows"] == 1
    settled(node, job)


def test_a_job_starts_cold_where_the_zygote_is_not_ready_or_not_wanted(node: Node) -> None:
    node.start()
    job = node.submit("finish", kind="import")
    node.until(job, "succeeded")
    assert node.attempt(job).launch == "cold"
    settled(node, job)


def test_many_doorbells_are_one_start(node: Node) -> None:
    node.start()
    job = node.submit("work", kind="preview")
    attempt = running(node, job)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: doorbell.ring("here", attempt.pk), range(30)))
    other = node.submit("finish", kind="preview")
    node.until(other, "succeeded")
    assert len(sweep.living(attempt)) == 2  # one leader, one rank
    assert Job.objects.get(pk=job.pk).fence == 1
    services.stop(job, user=node.user, how="cancel")
    node.until(job, "cancelled")
    settled(node, job)


def test_finish_early_keeps_the_result_and_cancel_does_not(node: Node) -> None:
    node.start()
    kept, dropped = node.submit("work", kind="preview"), node.submit("work", kind="preview")
    running(node, kept), running(node, dropped)
    services.stop(kept, user=node.user, how="finish_early")
    services.stop(dropped, user=node.user, how="cancel")
    assert node.until(kept, "succeeded").result["rows"] > 0
    assert node.until(dropped, "cancelled").result == {}
    settled(node, kept)
    settled(node, dropped)


def test_a_cancel_right_after_the_click_leaves_nothing(node: Node) -> None:
    node.start()
    job = node.submit("deaf", kind="preview")
    services.stop(job, user=node.user, how="cancel")
    node.until(job, "cancelled")
    settled(node, job)


def test_a_killed_rank_ends_its_attempt_by_name_and_the_job_is_tried_again(node: Node) -> None:
    node.start()
    job = node.submit("work", ranks=2)
    first = running(node, job)
    os.kill(gangs.rank(node.folder(job), 1)["pid"], signal.SIGKILL)
    gangs.until(lambda: Attempt.objects.filter(job=job).count() == 2, "a second attempt")
    first.refresh_from_db()
    assert (first.state, first.cause, first.exit) == ("failed", "rank_killed", "signal 9")
    assert first.reason == "Rank 1 of 2 was killed by signal 9 (SIGKILL)."
    second = running(node, job)
    assert (second.fence, sweep.living(first)) == (2, [])
    services.stop(job, user=node.user, how="cancel")
    node.until(job, "cancelled")
    settled(node, job)


def test_a_rank_that_crashes_twice_the_same_way_is_not_tried_a_third_time(node: Node) -> None:
    node.start()
    job = node.submit("crash", ranks=2)
    node.until(job, "failed")
    assert job.reason.endswith(
        " of 2 crashed with signal 11 (SIGSEGV). "
        "It ended the same way twice before its first step, so that it is not tried again."
    )
    ends = Attempt.objects.filter(job=job).values_list("state", "cause", "exit")
    assert list(ends) == [("failed", "rank_crashed", "signal 11")] * 2
    settled(node, job)


def test_an_end_without_a_result_is_a_failure(node: Node) -> None:
    node.start()
    job = node.submit("silent", kind="preview")
    assert node.until(job, "failed").reason == "The job's processes ended without a result."
    settled(node, job)


def test_a_killed_leader_is_a_loss_and_the_job_is_tried_again(node: Node) -> None:
    node.start()
    job = node.submit("work", kind="preview")
    first = running(node, job)
    os.kill(first.pid or 0, signal.SIGKILL)
    gangs.until(lambda: Attempt.objects.filter(job=job).count() == 2, "a second attempt")
    second = running(node, job)
    assert (second.fence, sweep.living(first)) == (2, [])
    services.stop(job, user=node.user, how="cancel")
    node.until(job, "cancelled")
    settled(node, job)


def test_a_killed_agent_leaves_the_job_alone_and_the_next_one_adopts_it(node: Node) -> None:
    node.start()
    node.warm()
    job = node.submit("work", kind="preview")
    attempt = running(node, job)
    node.end(signal.SIGKILL)
    assert processes.look(attempt.pid or 0)
    before = Event.objects.filter(job=job).count()
    node.start()
    gangs.until(lambda: Event.objects.filter(job=job).count() > before + 5, "its events go on")
    services.stop(job, user=node.user, how="finish_early")
    node.until(job, "succeeded")
    assert Job.objects.get(pk=job.pk).fence == 1
    steps = list(Event.objects.filter(job=job, type="step").order_by("seq"))
    assert [one.data["step"] for one in steps] == list(range(1, len(steps) + 1))
    settled(node, job)


def test_a_job_that_ended_while_no_agent_was_there_is_closed_by_the_next(node: Node) -> None:
    node.start()
    job = node.submit("work", kind="preview")
    running(node, job)
    node.end(signal.SIGTERM)
    (node.folder(job) / "stop").write_text("finish_early")
    gangs.until(lambda: gangs.outcome(node.folder(job))["exit"] == 0, "the gang to end")
    node.start()
    node.until(job, "succeeded")
    settled(node, job)


def test_a_killed_zygote_takes_no_job_along_and_comes_back(node: Node) -> None:
    node.start()
    node.warm()
    job = node.submit("work", kind="preview")
    running(node, job)
    zygote = next(one for one in node.left() if b"recipes.zygote" in _command(one.pid))
    os.kill(zygote.pid, signal.SIGKILL)
    gangs.until(lambda: processes.look(zygote.pid) is None, "the zygote to be buried")
    assert sweep.living(node.attempt(job))
    gangs.until(
        lambda: any(b"recipes.zygote" in _command(one.pid) for one in node.left()), "a new one"
    )
    services.stop(job, user=node.user, how="finish_early")
    node.until(job, "succeeded")


def test_a_former_agents_zygote_ends_late_and_the_new_one_stays_reachable(node: Node) -> None:
    node.start()
    node.warm()
    old = next(one for one in node.left() if b"recipes.zygote" in _command(one.pid))
    os.kill(old.pid, signal.SIGSTOP)
    node.end(signal.SIGKILL)
    node.start()
    node.warm()
    os.kill(old.pid, signal.SIGCONT)
    gangs.until(lambda: processes.look(old.pid) is None, "the former zygote to end")
    assert _starts(node) == "warm"


def test_a_zygote_whose_socket_somebody_deleted_is_replaced(node: Node) -> None:
    node.start()
    node.warm()
    old = next(one for one in node.left() if b"recipes.zygote" in _command(one.pid))
    for path in (node.home / "run").glob("z-*.sock"):
        path.unlink()
    gangs.until(lambda: processes.look(old.pid) is None, "the unreachable zygote to end")
    gangs.until(lambda: _starts(node) == "warm", "the next one")


def _starts(node: Node) -> str:
    job = node.submit("finish", kind="preview")
    node.until(job, "succeeded")
    return node.attempt(job).launch


def test_ctrl_c_ends_the_jobs_and_queues_them_for_the_next_start(node: Node) -> None:
    node.start()
    job = node.submit("work", kind="preview")
    running(node, job)
    node.end(signal.SIGINT)
    assert not node.left()
    first = Attempt.objects.get(job=job, number=1)
    assert (first.state, first.reason) == ("yielded", "Trackside was stopped.")
    assert first.cause == "stopped"  # it was ordered, so it is none of the three losses
    notes = Event.objects.filter(job=job, type="note").values_list("data__text", flat=True)
    assert any(text.startswith("No process remains") for text in notes)
    node.start()
    running(node, job)
    services.stop(job, user=node.user, how="cancel")
    node.until(job, "cancelled")


def test_ranks_get_no_secret(node: Node) -> None:
    node.start()
    node.warm()
    for kind in ("preview", "import"):  # warm, cold
        job = node.submit("finish", kind=kind)
        node.until(job, "succeeded", "failed")
        environment = gangs.rank(node.folder(job), 0)["environment"]
        assert environment["TRACKSIDE_HOME"] == str(node.home)
        for name in ("DATABASE_URL", "SECRET_KEY", "BROKER_URL", "DJANGO_SETTINGS_MODULE"):
            assert name not in environment, name


def test_a_simulated_gpu_runs_the_job_on_the_cpu_and_shows_its_load(node: Node) -> None:
    node.start(TRACKSIDE_FAKE_GPUS="2xH100-80GB")
    row = NodeRow.objects.get(name="here")
    uuids = [gpu.uuid for gpu in row.gpus.all()]
    assert row.simulated
    job = services.submit(
        project=node.project,
        user=node.user,
        kind="preview",
        title="Simulated",
        spec={"do": "work"},
        compute={"kind": "gpus", "uuids": uuids},
        click_id="simulated",
    )
    attempt = running(node, job)
    written = json.loads((node.folder(job) / "job.json").read_text())["compute"]
    assert (written["device"], written["ranks"], written["simulated"]) == ("cpu", 2, True)
    bound = [gangs.rank(node.folder(job), number)["cores"] for number in (0, 1)]
    if len(os.sched_getaffinity(0)) >= 2:  # a core of its own for each, leased like any other
        assert bound[0] != bound[1]
        assert sorted(bound[0] + bound[1]) == written["cores"]
    load = gangs.until(
        lambda: Event.objects.filter(job=job, type="load").order_by("-seq").first(), "its load"
    )
    assert {one["uuid"] for one in load.data["gpus"]} == set(uuids)
    assert load.data["memory"] > 0
    services.stop(job, user=node.user, how="cancel")
    node.until(job, "cancelled")
    assert not sweep.living(attempt)


def test_without_a_broker_the_poll_finds_the_work(node: Node) -> None:
    node.environment["BROKER_URL"] = f"redis+socket://{node.home}/nobody.sock"
    node.start()
    job = node.submit("finish", kind="preview")
    node.until(job, "succeeded")


def _command(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as source:
            return source.read()
    except OSError:
        return b""

"""A job on two nodes, with two real agents: all parts begin and end together, with one reason."""

import json
import os
import signal

import pytest

from recipes import processes
from tests.workers import gangs
from tests.workers.conftest import Node
from trackside.compute.models import Lease
from trackside.jobs import followers, services
from trackside.jobs.models import Attempt, Event, Follower, Job
from workers import sweep

pytestmark = pytest.mark.process
FLEET = "2xH100-80GB"


@pytest.fixture
def both(node: Node, other: Node) -> tuple[Node, Node]:
    node.start(TRACKSIDE_FAKE_GPUS=FLEET)
    other.start(TRACKSIDE_FAKE_GPUS=FLEET)
    return node, other


def submit(node: Node, other: Node, do: str | list[str] = "work", kind: str = "preview") -> Job:
    """On all four GPUs; the ranks of the first node come first."""
    uuids = [gpu.uuid for one in (node, other) for gpu in one.row.gpus.all()]
    return node.submit(do, kind=kind, uuids=uuids)


def part(node: Node, job: Job) -> Follower:
    return Follower.objects.select_related("attempt", "node").get(attempt=node.attempt(job))


def running(node: Node, job: Job) -> tuple[Attempt, Follower]:
    node.until(job, "running")
    attempt, second = node.attempt(job), part(node, job)
    for number in range(4):
        gangs.rank(sweep.folder(attempt if number < 2 else second), number)
    return attempt, second


def leader(one: Attempt | Follower) -> int:
    return int(gangs.outcome(sweep.folder(one))["pid"])


def settled(node: Node, job: Job) -> None:
    gangs.until(lambda: not Lease.objects.filter(attempt__job=job).exists(), "the leases to go")
    for attempt in Attempt.objects.filter(job=job):
        assert not sweep.living(attempt)
        assert not [one for one in followers.of(attempt) if sweep.living(one)]


def test_both_parts_run_and_know_each_other(both: tuple[Node, Node]) -> None:
    job = submit(*both)
    attempt, second = running(both[0], job)
    told = json.loads((sweep.folder(attempt) / "attempt.json").read_text())
    assert attempt.address == told["address"]
    ranks = [gangs.rank(sweep.folder(attempt if n < 2 else second), n) for n in range(4)]
    assert {one["world"] for one in ranks} == {4}
    assert ranks[0]["rendezvous"].startswith(f"tcp://{attempt.address}?listening=")
    assert {one["rendezvous"] for one in ranks[1:]} == {f"tcp://{attempt.address}"}
    assert {one["environment"]["GLOO_SOCKET_IFNAME"] for one in ranks} == {"lo"}
    job.refresh_from_db()
    cards = "GPU 0 and 1 (H100 80 GB, simulated)"
    assert job.reason == f"Runs on here: {cards}; there: {cards}."
    load = gangs.until(lambda: Event.objects.filter(job=job, type="load").last(), "its load")
    assert len(load.data["gpus"]) == 4
    services.stop(job, user=both[0].user, how="finish_early")
    both[0].until(job, "succeeded")
    settled(both[0], job)
    second.refresh_from_db()
    assert (second.state, second.exit, second.reason) == ("over", "0", "")


def test_cancel_reaches_both_parts(both: tuple[Node, Node]) -> None:
    job = submit(*both, ["work", "work", "work", "deaf"])
    running(both[0], job)
    services.stop(job, user=both[0].user, how="cancel")
    both[0].until(job, "cancelled")
    settled(both[0], job)


def test_a_killed_rank_of_the_other_node_ends_all_and_is_named_once(
    both: tuple[Node, Node],
) -> None:
    job = submit(*both)
    attempt, second = running(both[0], job)
    os.kill(gangs.rank(sweep.folder(second), 3)["pid"], signal.SIGKILL)
    attempt = over(attempt)
    assert attempt.reason == "On there: Rank 3 of 4 was killed by signal 9 (SIGKILL)."
    assert attempt.cause == "rank_killed"
    end(both, job)


def over(attempt: Attempt) -> Attempt:
    def ended() -> bool:
        attempt.refresh_from_db()
        return attempt.finished_at is not None

    gangs.until(ended, "the attempt to end")
    return attempt


def end(both: tuple[Node, Node], job: Job) -> None:
    job.refresh_from_db()
    if job.state not in ("failed", "succeeded", "cancelled"):
        services.stop(job, user=both[0].user, how="cancel")
    both[0].until(job, "failed", "cancelled")
    settled(both[0], job)


def test_a_killed_leader_of_the_other_node_is_a_loss_and_the_job_is_tried_again(
    both: tuple[Node, Node],
) -> None:
    job = submit(*both)
    attempt, second = running(both[0], job)
    os.kill(leader(second), signal.SIGKILL)
    attempt = over(attempt)
    assert attempt.reason == "On there: the leader of the job's processes was killed."
    assert (attempt.state, attempt.cause) == ("lost", "leader_killed")
    gangs.until(lambda: Attempt.objects.filter(job=job).count() == 2, "a second attempt")
    running(both[0], job)
    end(both, job)


def test_a_killed_agent_of_either_node_leaves_both_parts_alone_and_the_next_adopts(
    both: tuple[Node, Node],
) -> None:
    job = submit(*both)
    attempt, second = running(both[0], job)
    for one in both:
        one.end(signal.SIGKILL)
    assert processes.look(leader(attempt))
    assert processes.look(leader(second))
    for one in both:
        one.start(TRACKSIDE_FAKE_GPUS=FLEET)
    before = second.seen_at
    gangs.until(lambda: part(both[0], job).seen_at != before, "the part to be renewed")
    services.stop(job, user=both[0].user, how="finish_early")
    both[0].until(job, "succeeded")
    assert Job.objects.get(pk=job.pk).fence == 1
    settled(both[0], job)


@pytest.mark.parametrize(("which", "where"), [(0, ""), (1, " on there")])
def test_ctrl_c_on_either_node_makes_the_whole_job_give_way(
    both: tuple[Node, Node], which: int, where: str
) -> None:
    job = submit(*both, kind="train")
    attempt, _ = running(both[0], job)
    both[which].end(signal.SIGINT)
    attempt = over(attempt)
    assert (attempt.state, attempt.cause) == ("yielded", "stopped")
    assert attempt.reason == f"Trackside was stopped{where}."
    assert not both[which].left()
    both[which].start(TRACKSIDE_FAKE_GPUS=FLEET)
    end(both, job)


def test_an_agent_that_died_while_the_parts_got_ready_is_followed_by_one_that_goes_on(
    both: tuple[Node, Node],
) -> None:
    both[1].end(signal.SIGTERM)
    job = submit(*both)
    gangs.until(lambda: both[0].attempt(job).launch == followers.GATHERS, "the first part")
    both[0].end(signal.SIGKILL)
    for one in both:
        one.start(TRACKSIDE_FAKE_GPUS=FLEET)
    running(both[0], job)
    assert Job.objects.get(pk=job.pk).fence == 1
    end(both, job)


def test_a_part_that_is_not_ready_in_time_gives_all_devices_back_and_is_blamed(
    both: tuple[Node, Node],
) -> None:
    both[1].end(signal.SIGTERM)
    both[0].end(signal.SIGTERM)
    both[0].start(TRACKSIDE_FAKE_GPUS=FLEET, TRACKSIDE_CLAIM_SECONDS="1")
    job = submit(*both)
    attempt = over(both[0].attempt(job))
    assert attempt.reason == "there was not ready within 1 seconds."
    assert (attempt.cause, part(both[0], job).reason) == ("rendezvous", attempt.reason)
    assert not (sweep.folder(attempt) / "attempt.json").exists()  # no rank began
    services.stop(job, user=both[0].user, how="cancel")
    both[0].until(job, "cancelled")
    both[1].start(TRACKSIDE_FAKE_GPUS=FLEET)
    settled(both[0], job)

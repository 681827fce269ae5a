"""What people and messages ask for in every state, twice, at once and too late."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests import valkey
from tests.faults.auditor import Auditor
from tests.faults.cluster import TIMES, Cluster
from tests.faults.test_processes import result, running, undisturbed
from tests.product import ROOT
from trackside.jobs import doorbell


@pytest.fixture
def ring(cluster: Cluster) -> Iterator[object]:
    with valkey.ringing(cluster.broker.url):
        yield doorbell.ring


def test_fifty_doorbells_are_one_start(cluster: Cluster, auditor: Auditor, ring: object) -> None:
    """While it starts, while it runs and after it is over, at both nodes."""
    with cluster.held():
        job = cluster.click()
        attempt = cluster.attempt(job)
        for number in range(50):
            doorbell.ring(("east", "west")[number % 2], attempt["id"])
        cluster.reach(job, "running")
        for _ in range(50):
            doorbell.ring(attempt["node"], attempt["id"])
    assert cluster.finish(job) == ["succeeded"]
    for _ in range(50):
        doorbell.ring(attempt["node"], attempt["id"])
    assert cluster.finish(cluster.click()) == ["succeeded"]
    assert cluster.one("SELECT fence FROM jobs_job WHERE id = %s", job) == 1
    assert result(cluster, job) == undisturbed(cluster, job)


def test_a_cancel_takes_effect_in_every_state(cluster: Cluster, auditor: Auditor) -> None:
    with cluster.held():
        runs = running(cluster, kind="any", count=2)
        other = running(cluster, kind="any", count=2)
        waits = cluster.click()
        assert cluster.state(waits) == "queued"
        assert cluster.stop(waits) == 200
        assert cluster.state(waits) == "cancelled"
        assert cluster.stop(runs) == 200
        assert cluster.stop(runs) in (200, 409)
        cluster.reach(runs, "cancelled")
        assert cluster.stop(other, "finish_early") == 200
        assert cluster.stop(other) in (200, 409)
        cluster.reach(other, "cancelled", "succeeded")
        assert cluster.stop(runs) == 409
        quick = [cluster.click() for _ in range(4)]
        for job in quick:  # assigned, claimed, starting: whatever it has come to
            assert cluster.stop(job) == 200
    assert cluster.finish(*quick) == ["cancelled"] * 4
    assert "Cancelled by ada" in cluster.reason(runs)


def test_what_is_assigned_to_a_node_that_is_away_can_be_cancelled_and_goes_elsewhere(
    cluster: Cluster, auditor: Auditor
) -> None:
    east = cluster.one("SELECT array_agg(g.uuid ORDER BY g.index) FROM compute_gpu g "
                       "JOIN compute_node n ON n.id = g.node_id WHERE n.name = 'east'")  # fmt: skip
    agent = cluster.parts["east"]
    agent.wanted = False
    os.kill(agent.pid, signal.SIGKILL)
    job = cluster.click(kind="gpus", uuids=[east[0]])
    other = cluster.click(kind="gpus", uuids=[east[1]])
    cluster.until(lambda: cluster.attempt(job) and cluster.attempt(other), "both to be assigned")
    assert cluster.stop(job) == 200
    assert cluster.state(job) == "cancelled"
    cluster.until(lambda: cluster.attempt(other)["state"] == "expired", "the claim to expire")
    assert cluster.state(other) == "queued", "its person chose that very GPU"
    agent.start()
    assert cluster.finish(other) == ["succeeded"]


def test_a_cancel_without_a_broker_and_without_an_agent(cluster: Cluster, auditor: Auditor) -> None:
    """The order is kept in the row: the next agent finds it."""
    with cluster.held():
        job = running(cluster)
        agent = cluster.parts[cluster.attempt(job)["node"]]
        agent.end(signal.SIGKILL)
        cluster.broker.stop()
        assert cluster.stop(job) == 200
        cluster.broker.start()
        agent.start()
        assert cluster.finish(job) == ["cancelled"]


def test_two_people_race_for_a_gpu_two_hundred_rounds(cluster: Cluster, auditor: Auditor) -> None:
    """On the services of this very Postgres, while the schedulers look at the same rows."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.race", "200"],
        cwd=ROOT, env=cluster.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split() == ["one", "200"], done.stdout


@pytest.mark.parametrize("hours", [1, -1])
def test_a_nodes_clock_may_be_wrong_by_an_hour(
    cluster: Cluster, auditor: Auditor, hours: int
) -> None:
    """No lease ends early or lives for ever, no time runs backwards."""
    agent = cluster.parts["east"]
    agent.restart({"LC_TRACKSIDE_CLOCK": str(3600 * hours)})
    cluster.until(cluster.ready, "the node with the wrong clock")
    east = cluster.one("SELECT min(g.uuid) FROM compute_gpu g JOIN compute_node n "
                       "ON n.id = g.node_id WHERE n.name = 'east'")  # fmt: skip
    with cluster.held():
        job = running(cluster, kind="gpus", uuids=[east])
        time.sleep(TIMES["LEASE"] * 1.3)
        assert cluster.attempt(job)["state"] == "running"
    assert cluster.finish(job) == ["succeeded"]
    assert cluster.attempt(job)["number"] == 1
    spans = cluster.ask(
        """SELECT extract(epoch FROM a.claimed_at - a.assigned_at),
             extract(epoch FROM a.finished_at - a.claimed_at),
             extract(epoch FROM max(e.at) - a.finished_at), extract(epoch FROM now() - min(e.at))
           FROM jobs_attempt a JOIN jobs_event e ON e.job_id = a.job_id WHERE a.job_id = %s
           GROUP BY a.id""",
        job,
    )
    assert all(-2 < float(one) < 120 for one in spans[0]), spans
    beat = cluster.one("SELECT extract(epoch FROM now() - heartbeat_at) FROM compute_node "
                       "WHERE name = 'east'")  # fmt: skip
    assert -2 < float(beat) < 20
    agent.restart({})


def test_a_node_that_stood_still_past_its_lease_gives_up_what_it_has_lost(
    cluster: Cluster, auditor: Auditor
) -> None:
    """SIGSTOP to the agent and its whole gang: the job goes on elsewhere; the stale ones end."""
    with cluster.held():
        job = running(cluster)
        before = cluster.attempt(job)
        agent = cluster.parts[before["node"]]
        gang = [one.pid for one in cluster.ranks(job)] + [before["pid"]]
        auditor.paused.add((job, before["fence"]))
        for pid in (agent.pid, *gang):
            os.kill(pid, signal.SIGSTOP)
        try:
            # Where it was stopped within a transaction, Postgres frees its rows after 75 s.
            number = before["number"] + 1
            cluster.until(lambda: cluster.attempt(job)["number"] == number, "the lease to end")
            cluster.reach(job, "running")
            assert cluster.attempt(job)["node"] != before["node"]
            held = "SELECT count(*) FROM compute_lease WHERE attempt_id = %s AND quarantined"
            assert cluster.one(held, before["id"]) > 0, "its GPU was given away unproved"
        finally:
            for pid in (*gang, agent.pid):
                os.kill(pid, signal.SIGCONT)
        stale = (job, before["fence"])
        cluster.until(lambda: stale not in auditor.at_work(), "the stale ranks to end")
        auditor.paused.clear()
        assert cluster.attempt(job)["number"] == number
    assert cluster.finish(job) == ["succeeded"]
    assert result(cluster, job) == undisturbed(cluster, job)

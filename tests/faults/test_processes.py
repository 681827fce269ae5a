"""Processes that are really killed: what was accepted ends once, with a reason, and nothing stays.

The fixture `auditor` looks at devices, attempts and processes meanwhile, and at all of it after.
"""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from tests.faults.auditor import Auditor
from tests.faults.cluster import Cluster
from tests.faults.ranks import score
from tests.faults.reader import Reader
from tests.faults.stage import EPOCHS


def result(cluster: Cluster, job: int) -> float:
    return float(cluster.one("SELECT result->>'score' FROM jobs_job WHERE id = %s", job))


def undisturbed(cluster: Cluster, job: int) -> float:
    """What the job's training gives when nothing happens."""
    return score(cluster.one("SELECT seed FROM jobs_job WHERE id = %s", job), EPOCHS)


def running(cluster: Cluster, **compute: object) -> int:
    """A job that works until it is let go."""
    job = cluster.click(**compute)
    cluster.reach(job, "running")
    return job


def test_a_killed_web_loses_no_click_and_no_event(cluster: Cluster, auditor: Auditor) -> None:
    with cluster.held():
        first = running(cluster)
        reader = Reader(cluster, first)
        cluster.until(lambda: len(reader.seen) > 3, "the stream to begin")
        with ThreadPoolExecutor(4) as people:
            clicks = [people.submit(cluster.click, who) for who in ("ada", "ben", "ada", "ben")]
            for _ in range(2):
                cluster.parts["web"].end(signal.SIGKILL, wanted=True)
            jobs = [one.result() for one in clicks]
    assert cluster.finish(first, *jobs) == ["succeeded"] * 5
    assert len(set(jobs)) == 4
    assert result(cluster, first) == undisturbed(cluster, first)
    reader.check()
    assert reader.breaks > 0


def test_a_killed_scheduler_is_replaced_by_the_other(cluster: Cluster, auditor: Auditor) -> None:
    with cluster.held():
        first = running(cluster)
        waiting = [cluster.click(kind="any", count=2) for _ in range(3)]
        for name in ("scheduler0", "scheduler1"):
            cluster.parts[name].end(signal.SIGKILL)
            late = cluster.click()
            cluster.parts[name].start()
    assert set(cluster.finish(first, late, *waiting)) == {"succeeded"}


def test_a_killed_agent_leaves_its_jobs_at_work_and_adopts_them(
    cluster: Cluster, auditor: Auditor
) -> None:
    with cluster.held():
        job = running(cluster)
        before = cluster.attempt(job)
        cluster.parts[before["node"]].end(signal.SIGKILL, wanted=True)
        epoch = "SELECT epoch FROM compute_node WHERE name = %s"
        old = cluster.one(epoch, before["node"])
        cluster.until(lambda: cluster.one(epoch, before["node"]) > old, "the next agent")
    assert cluster.finish(job) == ["succeeded"]
    after = cluster.attempt(job)
    assert (after["fence"], after["pid"]) == (before["fence"], before["pid"])
    assert result(cluster, job) == undisturbed(cluster, job)


def test_an_agent_is_upgraded_in_the_middle_of_a_job(cluster: Cluster, auditor: Auditor) -> None:
    """SIGTERM, as systemd and compose send it, ends the agent alone."""
    with cluster.held():
        job = running(cluster)
        before = cluster.attempt(job)
        cluster.parts[before["node"]].end(signal.SIGTERM)
        os.kill(before["pid"], 0)
        cluster.parts[before["node"]].start()
    assert cluster.finish(job) == ["succeeded"]
    assert cluster.attempt(job)["fence"] == before["fence"]


def test_a_killed_zygote_takes_no_job_along(cluster: Cluster, auditor: Auditor) -> None:
    with cluster.held():
        job = running(cluster)
        node = cluster.attempt(job)["node"]
        zygote = cluster.until(lambda: cluster.zygote(node), "the zygote")
        os.kill(zygote, signal.SIGKILL)
        others = [cluster.click() for _ in range(3)]
        cluster.until(lambda: cluster.zygote(node) not in (None, zygote), "another zygote")
    assert cluster.finish(job, *others) == ["succeeded"] * 4
    assert cluster.attempt(job)["number"] == 1


def test_a_killed_leader_is_tried_again_and_goes_on_from_its_checkpoint(
    cluster: Cluster, auditor: Auditor
) -> None:
    job = cluster.click()
    kept = "SELECT count(*) FROM jobs_event WHERE job_id = %s AND type = 'checkpoint'"
    cluster.until(lambda: cluster.one(kept, job), "a checkpoint")
    with cluster.held(job):
        os.kill(cluster.attempt(job)["pid"], signal.SIGKILL)
        cluster.until(lambda: cluster.attempt(job)["number"] == 2, "a second attempt")
    assert cluster.finish(job) == ["succeeded"]
    assert result(cluster, job) == undisturbed(cluster, job)
    resumed = "SELECT count(*) FROM jobs_event WHERE job_id = %s AND data->>'text' LIKE 'Goes on%%'"
    assert cluster.one(resumed, job) == 1


def test_a_killed_rank_is_named_and_the_job_tried_again(cluster: Cluster, auditor: Auditor) -> None:
    with cluster.held():
        job = running(cluster, kind="any", count=2)
        os.kill(cluster.ranks(job)[1].pid, signal.SIGKILL)
        cluster.until(lambda: cluster.attempt(job)["number"] == 2, "a second attempt")
    assert cluster.finish(job) == ["succeeded"]
    why = "SELECT reason FROM jobs_attempt WHERE job_id = %s AND number = 1"
    assert "Rank 1 of 2 was killed" in cluster.one(why, job)
    assert result(cluster, job) == undisturbed(cluster, job)


def test_a_job_that_is_killed_again_and_again_fails_with_a_reason(
    cluster: Cluster, auditor: Auditor
) -> None:
    lost = "SELECT count(*) FROM jobs_attempt WHERE job_id = %s AND state IN ('lost', 'failed')"

    def killed() -> bool:
        attempt = cluster.attempt(job)
        if attempt["pid"] and attempt["state"] in ("starting", "running"):
            with suppress(ProcessLookupError):
                os.kill(attempt["pid"], signal.SIGKILL)
        return bool(cluster.one(lost, job) == 4)

    with cluster.held():
        job = running(cluster)
        cluster.until(killed, "four losses")
        assert cluster.finish(job) == ["failed"]
    assert "tried 4 times" in cluster.reason(job)


def test_everything_of_a_node_is_killed_at_once(cluster: Cluster, auditor: Auditor) -> None:
    """As when a machine loses its power: agent, zygote, leader and ranks."""
    with cluster.held():
        job = running(cluster, kind="any", count=2)
        node = cluster.attempt(job)["node"]
        agent = cluster.parts[node]
        agent.wanted = False
        leader = cluster.attempt(job)["pid"]
        ranks = [one.pid for one in cluster.ranks(job)]
        for pid in (agent.pid, leader, *ranks):
            os.kill(pid, signal.SIGKILL)
        cluster.until(lambda: cluster.attempt(job)["number"] == 2, "a second attempt")
        assert cluster.attempt(job)["node"] != node
        agent.start()
    assert cluster.finish(job) == ["succeeded"]
    assert result(cluster, job) == undisturbed(cluster, job)

"""Processes that are really killed: what was accepted ends once, with a reason, and nothing stays.

The fixture `auditor` looks at devices, attempts and processes meanwhile, and at all of it after.
"""

import signal
from concurrent.futures import ThreadPoolExecutor

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

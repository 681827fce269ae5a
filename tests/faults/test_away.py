"""Valkey and Postgres gone for a while: jobs go on, nothing accepted is lost, all come back."""

import time

from tests.faults.auditor import Auditor
from tests.faults.cluster import TIMES, Cluster
from tests.faults.reader import Reader
from tests.faults.test_processes import result, running, undisturbed


def test_valkey_is_restarted_and_has_lost_everything(cluster: Cluster, auditor: Auditor) -> None:
    """With jobs that run, wait and are being cancelled; clicks go on while it is away."""
    with cluster.held():
        first, doomed = running(cluster), running(cluster)
        reader = Reader(cluster, first)
        whole = [cluster.click(kind="any", count=2) for _ in range(2)]
        cluster.until(lambda: len(reader.seen) > 3, "the stream to begin")
        cluster.broker.stop()
        assert cluster.stop(doomed) == 200
        before = time.monotonic()
        late = cluster.click("ben")
        assert time.monotonic() - before < 10, "the click waited for a broker that is away"
        cluster.reach(doomed, "cancelled")
        cluster.broker.start()
        later = cluster.click("ben")
    assert cluster.finish(first, late, later, *whole) == ["succeeded"] * 5
    reader.check()


def test_valkey_forgets_every_doorbell(cluster: Cluster, auditor: Auditor) -> None:
    import redis

    with cluster.held():
        jobs = [running(cluster), *(cluster.click() for _ in range(6))]
        with redis.Redis(unix_socket_path=str(cluster.broker.socket)) as line:
            for _ in range(5):
                line.flushall()
                jobs.append(cluster.click())
    assert set(cluster.finish(*jobs)) == {"succeeded"}


def test_postgres_is_away_for_longer_than_a_lease(cluster: Cluster, auditor: Auditor) -> None:
    with cluster.held():
        job = running(cluster)
        reader = Reader(cluster, job)
        before = cluster.attempt(job)
        cluster.database.stop("fast")
        with cluster.api() as line:
            assert line.get("/jobs").status_code in (500, 503)
        time.sleep(TIMES["LEASE"] * 1.5)
        cluster.database.start()
        cluster.until(lambda: cluster.state(job) == "running", "the rows to be back")
        late = cluster.click()
        cluster.reach(late, "running")
    assert cluster.finish(job, late) == ["succeeded"] * 2
    assert cluster.attempt(job)["fence"] == before["fence"], "it was lost by the outage"
    assert result(cluster, job) == undisturbed(cluster, job)
    reader.check()


def test_postgres_is_killed_while_jobs_end(cluster: Cluster, auditor: Auditor) -> None:
    """A result is there whole or is recorded after the recovery; nothing is half."""
    with cluster.held():
        jobs = [cluster.click() for _ in range(6)]
        cluster.reach(jobs[0], "running")
    for _ in range(3):
        time.sleep(0.4)
        cluster.database.kill()
        cluster.database.start()
    assert set(cluster.finish(*jobs)) == {"succeeded"}
    for job in jobs:
        assert result(cluster, job) == undisturbed(cluster, job)

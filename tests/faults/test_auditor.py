"""The auditor is no rubber stamp: what must not be is found, each by its own eyes."""

import os
import subprocess
import sys

import psycopg
import pytest

from recipes import processes
from tests.faults.auditor import Auditor
from tests.faults.cluster import Cluster


@pytest.fixture(scope="module")
def job(light: Cluster) -> int:
    light.until(light.ready, "every node to be online")
    one = light.click()
    assert light.finish(one) == ["succeeded"]
    auditor = Auditor(light)
    light.until(lambda: not auditor.wrong(), "all to be settled")
    return one


PLANTED = {
    "is still running": "UPDATE jobs_job SET state = 'running' WHERE id = %(job)s",
    "without a reason": "UPDATE jobs_job SET state = 'failed' WHERE id = %(job)s; "
    "UPDATE jobs_event SET data = jsonb_set(data, '{state}', '\"failed\"') "
    "WHERE job_id = %(job)s AND data->>'state' = 'succeeded'",
    "was accepted and is lost": "UPDATE jobs_job SET id = -id WHERE id = %(job)s",
    "told 2 times": "UPDATE jobs_event SET data = jsonb_set(data, '{state}', '\"failed\"') "
    "WHERE job_id = %(job)s AND seq = 1",
    "its attempts": "UPDATE jobs_attempt SET state = 'lost' WHERE job_id = %(job)s",
    "counts": "DELETE FROM jobs_event WHERE job_id = %(job)s AND seq = 2",
    "is still leased": "INSERT INTO compute_lease (resource, attempt_id, node_id, quarantined, "
    "taken_at, shared, used_seconds, energy_wh) SELECT 'east/core/9', id, node_id, false, now(), "
    "false, 0, 0 FROM jobs_attempt WHERE job_id = %(job)s",
    "without its trained model": "UPDATE lab_trainedmodel SET score = 0.5 WHERE job_id = %(job)s",
}


@pytest.mark.parametrize("said", PLANTED)
def test_a_row_that_must_not_be_is_found(
    cluster: Cluster, job: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked at from inside of the transaction that plants it, which is never committed."""
    with psycopg.connect(cluster.database.url) as line:
        line.execute("SET session_replication_role = replica")  # no foreign key minds
        for statement in PLANTED[said].split("; "):
            line.execute(statement % {"job": job})
        monkeypatch.setattr(
            cluster, "ask", lambda query, *values: line.execute(query, values).fetchall()
        )
        assert any(said in one for one in Auditor(cluster).wrong())
        line.rollback()


def test_a_damaged_model_and_a_draft_are_found(cluster: Cluster, job: int) -> None:
    weights = cluster.storage / f"models/job-{job}" / "weights.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    draft = cluster.storage / "models" / ".draft"
    draft.touch()
    wrong = Auditor(cluster).wrong()
    weights.write_bytes(whole)
    draft.unlink()
    assert any("is not what was written" in one for one in wrong)
    assert any("models/.draft is left" in one for one in wrong)


def test_two_attempts_at_work_and_two_owners_of_a_gpu_are_found(cluster: Cluster, job: int) -> None:
    """Impostors with the tags of two attempts, one of a job that is over and one of another."""
    folder = cluster.storage / "jobs" / str(job)
    (folder / "a2").mkdir()
    (folder / "a2" / "job.json").write_text((folder / "a1" / "job.json").read_text())
    impostors = []
    for fence in (1, 2):
        tag = processes.tag(job, fence, folder / f"a{fence}")
        environment = {"TRACKSIDE_HOME": str(cluster.home), processes.TAG: tag}
        command = [sys.executable, "-c", "import time; time.sleep(600)"]
        impostors.append(subprocess.Popen(command, env={**os.environ, **environment}))
    with Auditor(cluster) as auditor:
        cluster.until(lambda: len(auditor.found) >= 2, "the auditor to see it")
        wrong = auditor.wrong()
    for one in impostors:
        one.kill()
        one.wait()
    for name in ("job.json", ""):
        path = folder / "a2" / name
        path.unlink() if name else path.rmdir()
    assert any(one.startswith("I3: GPU-") for one in auditor.found)
    assert any(one.startswith("I6: attempts [1, 2]") for one in auditor.found)
    assert sum("remain" in one for one in wrong) == 2

"""Real trainings of a tiny net under faults: what they compute stays the same to the last digit."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from recipes import pulse
from tests.faults import cluster as clusters
from tests.faults.auditor import Auditor
from tests.faults.cluster import Cluster
from tests.faults.stage import REAL

ENVIRONMENT = {"TRACKSIDE_HUNG_SECONDS": "4", "TRACKSIDE_CHECKPOINT_SECONDS": "0"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    nodes = dict.fromkeys(clusters.NODES, "2xH100-80GB")
    with clusters.running(nodes, light=False, stage=("--real",), **ENVIRONMENT) as one:
        yield one


def train(cluster: Cluster, analysis: str = "sort") -> int:
    return cluster.click(kind="any", count=2, analysis=analysis)


def epochs(cluster: Cluster, job: int) -> dict[int, list[Any]]:
    """The figures of every epoch; those of an epoch that was done again must be the same."""
    rows = cluster.ask("SELECT data FROM jobs_event WHERE job_id = %s AND type = 'epoch' "
                       "ORDER BY seq", job)  # fmt: skip
    names = ("train_loss", "val_loss", "metrics", "best")
    found: dict[int, list[Any]] = {}
    for (data,) in rows:
        figures = [data[name] for name in names]
        assert found.setdefault(data["epoch"], figures) == figures
    return found


def steps(cluster: Cluster, job: int) -> int:
    return int(cluster.one("SELECT count(*) FROM jobs_event WHERE job_id = %s AND type = 'step'",
                           job) or 0)  # fmt: skip


def cause(cluster: Cluster, job: int) -> str:
    return str(cluster.one("SELECT cause FROM jobs_attempt WHERE job_id = %s AND number = 1", job))


def test_killed_hung_or_gone_astray_a_training_ends_as_it_should(
    cluster: Cluster, auditor: Auditor
) -> None:
    calm = train(cluster)
    assert cluster.finish(calm, seconds=600) == ["succeeded"]
    undisturbed = epochs(cluster, calm)
    assert len(undisturbed) == REAL["epochs"]

    killed = train(cluster)
    cluster.until(lambda: steps(cluster, killed) >= 5, "some steps")
    os.kill(cluster.attempt(killed)["pid"], signal.SIGKILL)
    assert cluster.finish(killed, seconds=600) == ["succeeded"]
    assert cluster.attempt(killed)["number"] == 2
    assert epochs(cluster, killed) == undisturbed

    hung = train(cluster)
    cluster.until(lambda: steps(cluster, hung) >= 5, "some steps")
    folder = cluster.storage / cluster.attempt(hung)["folder"]
    os.kill(pulse.read(folder)[1].pid, signal.SIGSTOP)
    assert cluster.finish(hung, seconds=600) == ["succeeded"]
    assert cause(cluster, hung) == "hung"
    assert epochs(cluster, hung) == undisturbed

    steep = train(cluster, "astray")
    assert cluster.finish(steep, seconds=600) == ["failed"]
    assert (cause(cluster, steep), cluster.attempt(steep)["number"]) == ("not_finite", 1)

"""Each process is really killed at the places where its death hurts most, and comes back."""

import os
import signal
from contextlib import suppress

import pytest

from tests.faults.auditor import Auditor
from tests.faults.cluster import Cluster
from tests.faults.test_processes import result, undisturbed
from tests.web.test_state_machine import points

# The three riskiest of each: between two writes, between a row and a process, between file and row.
RISKIEST = {
    "web": ("submit.kept", "assign.committed", "stop.asked"),
    "scheduler": ("scheduler.noticed", "assign.attempt", "assign.committed"),
    "agent": ("agent.claimed", "agent.forked", "publish.moved"),
    "leader": ("gang.leader_told", "gang.ranks_forked", "gang.ranks_gone"),
    "rank": ("rank.step", "rank.checkpoint.renamed", "rank.bundle.written"),
}


def test_the_riskiest_points_are_there() -> None:
    own = set(RISKIEST["rank"])  # of the light ranks
    named = {one for names in RISKIEST.values() for one in names} - own
    assert named <= set(points("platform/trackside", "workers", "recipes"))


@pytest.mark.parametrize("process", RISKIEST)
def test_a_process_is_killed_at_its_riskiest_points(
    cluster: Cluster, auditor: Auditor, process: str
) -> None:
    """Each point kills the first process that comes by it, once; what dies is started again."""
    fell = kill_at(cluster, process, *RISKIEST[process])
    assert fell == set(RISKIEST[process]), f"no {process} came by {set(RISKIEST[process]) - fell}"


def kill_at(
    cluster: Cluster, process: str, *names: str, passes: int = 1, held: float = 0
) -> set[str]:
    """The points at which a process was killed while the cluster worked.

    `held`: for so many seconds jobs stay at work, for what a process does now and then only.
    """
    once = cluster.home / "once" / f"{process}-{os.urandom(4).hex()}"
    once.mkdir()
    at = ",".join(f"{name}:{passes}" for name in names)
    parts = of(cluster, process)
    restart(cluster, parts, {"TRACKSIDE_CRASH_AT": at, "TRACKSIDE_CRASH_ONCE": str(once)})
    try:
        if held:
            job = cluster.click("ada")
            with cluster.held(job), suppress(AssertionError):
                cluster.until(lambda: any(once.iterdir()), "the crash", seconds=held)
            assert cluster.finish(job) == ["succeeded"]
        else:
            (placed_later if process == "scheduler" else work)(cluster)
    finally:
        restart(cluster, parts, {})
    return {one.name for one in once.iterdir()}


def work(cluster: Cluster) -> None:
    """Jobs that succeed, one that waits for others, one that is cancelled."""
    jobs = [cluster.click("ada"), cluster.click("ben", kind="any", count=2), cluster.click("ada")]
    doomed = cluster.click("ben", kind="any", count=2)
    cluster.until(lambda: cluster.stop(doomed) in (200, 409), "the cancel to be taken")
    assert cluster.finish(*jobs) == ["succeeded"] * 3
    assert set(cluster.finish(doomed)) <= {"cancelled", "succeeded"}  # who was first has won
    for job in jobs:
        assert result(cluster, job) == undisturbed(cluster, job)


def placed_later(cluster: Cluster) -> None:
    """No node is there when the jobs are clicked: then nobody but the scheduler places them."""
    nodes = of(cluster, "agent")
    for name in nodes:
        cluster.parts[name].end(signal.SIGTERM)
    gone = "SELECT bool_and(state <> 'online') FROM compute_node WHERE name = ANY(%s)"
    cluster.until(lambda: cluster.one(gone, nodes), "the nodes to be missed")
    jobs = [cluster.click("ada"), cluster.click("ben", kind="any", count=2)]
    for name in nodes:
        cluster.parts[name].start()
    assert cluster.finish(*jobs) == ["succeeded"] * 2


def of(cluster: Cluster, process: str) -> list[str]:
    """The parts of the cluster that carry the crash point. Leaders and ranks have their agent's."""
    nodes = [name for name, one in cluster.parts.items() if "workers.agent" in one.command]
    schedulers = [name for name in cluster.parts if name.startswith("scheduler")]
    return {"web": ["web"], "scheduler": schedulers}.get(process, nodes)


def restart(cluster: Cluster, parts: list[str], extra: dict[str, str]) -> None:
    for name in parts:
        cluster.parts[name].restart(extra)
    cluster.until(cluster.ready, "the parts to be back")

"""How long until a fault is recorded, beside the time that is promised for it.

A small cluster in real processes (Postgres, Valkey, web, two schedulers, two agents with simulated
GPUs, light ranks as in the fault tests), with the times that an installation has by default. Each
fault is a real one: a process is killed or stopped, and the clock runs until the row, the page or
the stream says so. The longest wait is that for a lost node, so that all of it takes ten minutes.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, contextmanager
from dataclasses import dataclass
from subprocess import DEVNULL
from typing import Any

import httpx

from bench.click_to_first_step import design, first_step, photos
from recipes import processes
from recipes.job import Compute, Job, write
from tests.faults import cluster as clusters
from tests.faults.cluster import Cluster
from tests.product import ROOT

NODES = {"east": "2xH100-80GB", "west": "2xH100-80GB"}
DEFAULTS = {"LEASE": 90, "CLAIM": 30, "SUSPECT": 20, "LOST": 90, "RETRY": 1}
ENDED = "SELECT state FROM jobs_attempt WHERE id = %s"


@dataclass
class Fault:
    """`promised` is the most seconds until it is recorded."""

    what: str
    promised: float
    measure: Callable[[Cluster], float]


def main(names: list[str]) -> int:
    chosen = [one for one in FAULTS if not names or any(name in one.what for name in names)]
    missed = 0
    quick = {f"TRACKSIDE_{name}_SECONDS": str(value) for name, value in DEFAULTS.items()}
    with clusters.running(NODES, light=True, **quick) as cluster:
        collect_static(cluster)
        for fault in chosen:
            cluster.until(cluster.ready, "every node to be online", seconds=200)
            seconds = fault.measure(cluster)
            missed += seconds > fault.promised
            words = f"{seconds:.1f} s (wanted: at most {fault.promised:g} s)"
            print(f"detection: {fault.what}: {words}", flush=True)
            for order in (cluster.home / "orders").iterdir():
                order.unlink()
    print(f"detection: load average {os.getloadavg()[0]:.1f}")
    return 1 if missed else 0


def collect_static(cluster: Cluster) -> None:
    """The pages' files: somebody signs in."""
    command = [sys.executable, "manage.py", "collectstatic", "--noinput", "-v0"]
    subprocess.run(command, cwd=ROOT, env=cluster.environment, check=True)


# --- what is waited for ---------------------------------------------------------------------------


def since(cluster: Cluster, act: Callable[[], object], true: Callable[[], Any], what: str) -> float:
    """Seconds from the fault to the moment at which `true` answers something."""
    begin = time.monotonic()
    act()
    cluster.until(true, what, seconds=240)
    return time.monotonic() - begin


@contextmanager
def at_work(cluster: Cluster, **compute: Any) -> Any:
    """A job that works, held there; cancelled afterwards."""
    with cluster.held():
        job = cluster.click(**compute)
        cluster.reach(job, "running", seconds=120)
        yield job, cluster.attempt(job)
        cluster.stop(job)
        cluster.finish(job, seconds=240)


def attempt_over(cluster: Cluster, attempt: dict[str, Any]) -> Callable[[], bool]:
    live = ("assigned", "starting", "running", "stopping")
    return lambda: cluster.one(ENDED, attempt["id"]) not in (*live, None)


def rank_killed(cluster: Cluster) -> float:
    with at_work(cluster, kind="any", count=2) as (job, attempt):
        rank = cluster.ranks(job)[-1].pid
        kill = lambda: os.kill(rank, signal.SIGKILL)  # noqa: E731
        return since(cluster, kill, attempt_over(cluster, attempt), "the attempt to end")


def rank_hangs(cluster: Cluster) -> float:
    """A real training of two ranks, by itself: until its leader has ended it."""
    environ = {**cluster.environment, "TRACKSIDE_HOME": str(cluster.home / "hung")}
    environ["PYTHONPATH"] = f"{ROOT}{os.pathsep}{ROOT}/platform"
    spec = design(photos(cluster.home))
    spec["training"] |= {"epochs": 1000}
    folder = cluster.home / "hung" / "job"
    write(folder, Job(job=1, kind="train", spec=spec, compute=Compute(ranks=2)))
    command = [sys.executable, "-P", "-m", "recipes.gang", str(folder)]
    leader = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=DEVNULL, stderr=DEVNULL)
    try:
        cluster.until(lambda: first_step(folder), "the first step", seconds=120)
        time.sleep(5.0)  # so that the usual length of a step is known
        rank = processes.children(leader.pid)[-1].pid
        hang = lambda: os.kill(rank, signal.SIGSTOP)  # noqa: E731
        return since(cluster, hang, lambda: leader.poll() is not None, "the gang to end")
    finally:
        leader.terminate()
        leader.wait()


def leader_killed(cluster: Cluster) -> float:
    with at_work(cluster, kind="any", count=2) as (_, attempt):
        kill = lambda: os.kill(attempt["pid"], signal.SIGKILL)  # noqa: E731
        return since(cluster, kill, attempt_over(cluster, attempt), "the attempt to end")


def agent_killed(cluster: Cluster) -> float:
    """The supervisor starts it again: until its node's heartbeat is that of the new agent."""
    epoch = "SELECT epoch FROM compute_node WHERE name = 'east'"
    old = cluster.one(epoch)
    kill = lambda: cluster.parts["east"].end(signal.SIGKILL, wanted=True)  # noqa: E731
    return since(cluster, kill, lambda: cluster.one(epoch) > old, "the next agent")


def agent_silent(state: str) -> Callable[[Cluster], float]:
    """Until the node is recorded as suspect, or lost."""

    def measure(cluster: Cluster) -> float:
        query = "SELECT state FROM compute_node WHERE name = 'west'"
        agent = cluster.parts["west"].pid
        stop = lambda: os.kill(agent, signal.SIGSTOP)  # noqa: E731
        try:
            return since(cluster, stop, lambda: cluster.one(query) == state, f"west to be {state}")
        finally:
            os.kill(agent, signal.SIGCONT)

    return measure


def node_lost(cluster: Cluster) -> float:
    """Agent, leader and ranks at once, as when a machine loses its power: until the job is told."""
    with at_work(cluster, kind="any", count=2) as (job, attempt):
        part = cluster.parts[attempt["node"]]

        def dies() -> None:
            part.end(signal.SIGKILL)
            for one in [attempt["pid"], *(one.pid for one in cluster.ranks(job))]:
                os.kill(one, signal.SIGKILL)

        try:
            return since(cluster, dies, attempt_over(cluster, attempt), "the attempt to be lost")
        finally:
            part.start()


def zygote_killed(cluster: Cluster) -> float:
    """Until the next one is warm."""
    old = cluster.zygote("east")
    assert old is not None
    kill = lambda: os.kill(old, signal.SIGKILL)  # noqa: E731
    return since(
        cluster, kill, lambda: cluster.zygote("east") not in (old, None), "the next zygote"
    )


def scheduler_killed(number: signal.Signals) -> Callable[[Cluster], float]:
    """Until the other one leads; the one that was killed is not started again meanwhile."""

    def measure(cluster: Cluster) -> float:
        query = "SELECT holder FROM jobs_leader WHERE name = 'scheduler'"
        pid = int(str(cluster.one(query)).rpartition("/")[2])
        part = next(one for one in cluster.parts.values() if one.alive and one.pid == pid)
        part.wanted = False

        def other() -> bool:
            holder = cluster.one(query)
            return bool(holder) and not str(holder).endswith(f"/{pid}")

        try:
            return since(cluster, lambda: os.kill(pid, number), other, "the other to lead")
        finally:
            if number == signal.SIGSTOP:
                os.kill(pid, signal.SIGCONT)
                part.wanted = True
            else:
                part.end(signal.SIGKILL)
                part.start()

    return measure


def broker_gone(number: signal.Signals) -> Callable[[Cluster], float]:
    """Until an open stream says that news come from the database now."""

    def measure(cluster: Cluster) -> float:
        process = cluster.broker.process
        assert process is not None
        try:
            return told(cluster, lambda: process.send_signal(number), b'"why":"broker"')
        finally:
            if number == signal.SIGSTOP:
                process.send_signal(signal.SIGCONT)
            else:
                cluster.broker.stop()
                cluster.broker.start()

    return measure


def told(cluster: Cluster, act: Callable[[], object], words: bytes) -> float:
    """Seconds from the fault to the stream of a browser."""
    with closing(browser(cluster)) as line, line.stream("GET", "/live/?t=gpus") as answer:
        chunks = answer.iter_raw()
        next(chunks)
        time.sleep(1.0)  # the hub hears the broker
        begin = time.monotonic()
        act()
        seen = b""
        while words not in seen:
            seen += next(chunks)
        return time.monotonic() - begin


def browser(cluster: Cluster) -> httpx.Client:
    """Signed in as Ada."""
    line = httpx.Client(base_url=cluster.url, timeout=60)
    line.get("/login/")
    form = {"username": "ada", "password": "correct horse"}
    form["csrfmiddlewaretoken"] = line.cookies["csrftoken"]
    answer = line.post("/login/", data=form, headers={"Referer": cluster.url})
    assert answer.status_code == 302, answer.status_code
    return line


def web_killed(cluster: Cluster) -> float:
    """Until the next one answers on the same port."""

    def answers() -> bool:
        try:
            return httpx.get(f"{cluster.url}/healthz", timeout=1).status_code == 200
        except httpx.HTTPError:
            return False

    kill = lambda: cluster.parts["web"].end(signal.SIGKILL, wanted=True)  # noqa: E731
    return since(cluster, kill, answers, "the next web")


FAULTS = (
    Fault("a rank is killed, its attempt ends", 10, rank_killed),
    Fault("a rank hangs, its gang is ended", 100, rank_hangs),
    Fault("the gang leader is killed, its attempt ends", 10, leader_killed),
    Fault("an agent is killed, the next one has its node", 30, agent_killed),
    Fault("the zygote is killed, there is a next one", 10, zygote_killed),
    Fault("the leading scheduler is killed, the other leads", 15, scheduler_killed(signal.SIGKILL)),
    Fault("the leading scheduler hangs, the other leads", 15, scheduler_killed(signal.SIGSTOP)),
    Fault("Valkey is killed, the pages say so", 5, broker_gone(signal.SIGKILL)),
    Fault("Valkey hangs, the pages say so", 10, broker_gone(signal.SIGSTOP)),
    Fault("the web is killed, the next one answers", 10, web_killed),
    Fault("an agent hangs, its node is suspect", 30, agent_silent("suspect")),
    Fault("an agent hangs, its node is lost", 100, agent_silent("lost")),
    Fault("a machine is lost, its job's attempt is", 120, node_lost),
)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

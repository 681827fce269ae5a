"""Fifty people click Train at once: how soon their jobs start, and how soon they make a step.

A small cluster in real processes (Postgres, Valkey, web, two schedulers, one agent with fifty
simulated GPUs), and fifty POSTs through REST. The ranks are the light ones of the fault tests: they
hash instead of training, so that two cores measure the way from the click to the first step and not
the training itself; fork, gang, journal and database are the product's.
"""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tests.faults import cluster as clusters
from tests.faults.cluster import Cluster

CLICKS, ROUNDS = 50, 3
WANTED_STARTING, WANTED_STEP = 10.0, 20.0  # seconds, p99
TIMES = """SELECT extract(epoch FROM min(claimed_at)), extract(epoch FROM min(first_step_at))
           FROM jobs_attempt WHERE job_id = %s"""
QUIET = {f"TRACKSIDE_{name}_SECONDS": "90" for name in ("LEASE", "LOST", "CLAIM")}


def main() -> int:
    nodes = {"burst": f"{CLICKS}xH100-80GB"}
    starting: list[float] = []
    step: list[float] = []
    with clusters.running(nodes, light=True, **QUIET) as cluster:
        cluster.finish(cluster.click())  # a first one, not counted
        for _ in range(ROUNDS):
            for click, claimed, first in burst(cluster):
                starting.append(claimed - click)
                step.append(first - click)
    print(f"burst: {ROUNDS} times {CLICKS} clicks at once, load {os.getloadavg()[0]:.1f}")
    print(f"burst: click to STARTING {say(starting)} (wanted: p99 at most {WANTED_STARTING:g} s)")
    print(f"burst: click to the first step {say(step)} (wanted: p99 at most {WANTED_STEP:g} s)")
    return 0 if share(starting, 99) <= WANTED_STARTING and share(step, 99) <= WANTED_STEP else 1


def burst(cluster: Cluster) -> list[tuple[float, float, float]]:
    """Of each click its time, and when its job was claimed and made its first step."""

    def click(_: int) -> tuple[float, int]:
        at = time.time()
        return at, cluster.click()

    with ThreadPoolExecutor(CLICKS) as people:
        clicks = list(people.map(click, range(CLICKS)))
    states = cluster.finish(*(job for _, job in clicks), seconds=300)
    if set(states) != {"succeeded"}:
        raise SystemExit(f"Not every job succeeded: {states}\n{cluster.said()}")
    rows = [cluster.ask(TIMES, job)[0] for _, job in clicks]
    return [
        (at, float(claimed), float(first))
        for (at, _), (claimed, first) in zip(clicks, rows, strict=True)
    ]


def share(values: list[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def say(values: list[float]) -> str:
    return f"p50 {share(values, 50):.2f} s, p99 {share(values, 99):.2f} s, most {max(values):.2f} s"


if __name__ == "__main__":
    sys.exit(main())

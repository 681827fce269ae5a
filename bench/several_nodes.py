"""From the click to the first training step: two ranks on two nodes against two ranks on one.

The nodes are network namespaces of this machine with agents of their own, Postgres and Valkey in a
third (tests/machines.py; needs root). What the second node costs is what is between the two: both
must be ready, and the second one starts when the first listens.
"""

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.train_rate import spread
from tests import machines, wires
from tests.recipes.making import dataset, job
from tests.workers.test_several_nodes import NET, spec_of

ROUNDS = 5
SHORT = {"epochs": 1, "batch_size": 1, "early_stopping": False}


def main() -> int:
    if why := wires.possible():
        print(f"several_nodes: skipped. {why}")
        return 0
    with (
        tempfile.TemporaryDirectory() as place,
        machines.running(("east", "west"), TRACKSIDE_FAKE_GPUS="2xH100-80GB") as fleet,
    ):
        data = dataset(Path(place) / "data", {"red": 9, "blue": 8})
        spec = spec_of(job(Path(place), data, params=NET, training=SHORT))
        (first, second), (third, _) = (node["uuids"] for node in fleet.ask("nodes"))
        for uuids in ([first, second], [first, third]):
            seconds(fleet, spec, uuids)  # fills the cache, warms the files up
        one, two = [], []
        for _ in range(ROUNDS):
            one.append(seconds(fleet, spec, [first, second]))
            two.append(seconds(fleet, spec, [first, third]))
    extra = [b - a for a, b in zip(one, two, strict=True)]
    print(f"several_nodes: one node {spread(one)} s, two nodes {spread(two)} s to the first step")
    print(f"several_nodes: the second node costs {spread(extra)} s (wanted: at most 1)")
    return 0 if statistics.median(extra) <= 1 else 1


def seconds(fleet: machines.Fleet, spec: dict[str, Any], uuids: list[str]) -> float:
    """From the assignment, in the click's transaction, to the first step in the database."""
    number = fleet.ask("submit", spec=spec, compute={"kind": "gpus", "uuids": uuids})
    done = fleet.until(number, "succeeded", "failed")
    assert done["state"] == "succeeded", done["reason"]
    return float(done["attempts"][0]["first_step"])


if __name__ == "__main__":
    sys.exit(main())

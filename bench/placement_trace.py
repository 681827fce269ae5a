"""A made-up trace with the shape of a published one; seeded, so that it is always the same.

The shape is that of SenseTime's Helios (Hu et al., "Characterization and Prediction of Deep
Learning Workloads in Large-Scale GPU Datacenters", SC '21, arXiv 2109.01313; data: CC-BY-4.0,
github.com/S-Lab-System-Group/HeliosData: 4 clusters, 1,580,464 GPU jobs in six months of 2020), as
the paper tells it beside Microsoft's Philly (Jeon et al., USENIX ATC '19): more than half of the
jobs want one GPU, a GPU job wants 3.7 GPUs on average and runs 6,652 s on average but 206 s in the
median, and the few large jobs have most of the GPU time. Nothing is replayed: sizes are drawn from
SIZES, durations from a log-normal law through that median and that mean, cut at MOST. What the
paper does not tell is assumed: arrivals are a Poisson process, HONEST of the users say how long
their job runs at most, PREEMPTIBLE of the jobs may be ended for others.
"""

import math
import random
from dataclasses import dataclass

SIZES = {1: 0.55, 2: 0.12, 4: 0.12, 8: 0.15, 16: 0.04, 32: 0.015, 64: 0.005}
MEDIAN, MEAN, LEAST, MOST = 206.0, 6652.0, 5.0, 7 * 86400.0
HONEST, PREEMPTIBLE = 0.5, 0.2
PER_NODE = 8


@dataclass(frozen=True)
class Work:
    """A job of the trace: it arrives, wants GPUs and runs for so long."""

    job: int
    arrives: float
    gpus: int
    runs: float
    limit: float | None = None  # what its user declares: never less than it runs
    preemptible: bool = False
    priority: int = 0

    @property
    def nodes(self) -> int:
        return -(-self.gpus // PER_NODE)


def trace(jobs: int, gpus: int, load: float, seed: int = 1337) -> list[Work]:
    """`jobs` jobs that together ask for `load` of what `gpus` GPUs can do, on average."""
    chance = random.Random(seed)
    wide = math.sqrt(2 * math.log(MEAN / MEDIAN))
    drawn = [(_size(chance), _runs(chance, wide)) for _ in range(jobs)]
    drawn = [(min(size, gpus), runs) for size, runs in drawn]
    every = sum(size * runs for size, runs in drawn) / jobs / (gpus * load)
    now, found = 0.0, []
    for number, (size, runs) in enumerate(drawn, start=1):
        now += chance.expovariate(1 / every)
        limit = max(60.0, runs * chance.uniform(1.2, 4.0)) if chance.random() < HONEST else None
        soft = chance.random() < PREEMPTIBLE
        found.append(Work(number, now, size, runs, limit, soft))
    return found


def _size(chance: random.Random) -> int:
    return chance.choices(list(SIZES), weights=list(SIZES.values()))[0]


def _runs(chance: random.Random, wide: float) -> float:
    return min(max(chance.lognormvariate(math.log(MEDIAN), wide), LEAST), MOST)

"""Memory and time of a training on a table: only what like trainings have measured. Pure.

What a formula foresees before any was measured is in `lab/foreseen.py`: of some learners the memory
on a CPU. What the others take, and all times, depend on more than rows and columns.
"""

import json
from collections.abc import Iterable
from hashlib import sha256
from statistics import median
from typing import Any

from trackside.compute.fit import Need, Peak, from_runs

SPREAD = 0.15


def key(algorithm: str, design: dict[str, Any], facts: dict[str, Any], device: str) -> str:
    """Trainings with the same settings on tables of the same size, on the same kind of device.

    `design` is what else decides the time: `params` and `split`. `device`: cpu, the GPUs' model, or
    cuda where it is not chosen yet.
    """
    told = json.dumps(design, sort_keys=True, default=str)
    settings = sha256(told.encode()).hexdigest()[:10]
    size = f"{facts.get('rows', 0)}x{facts.get('columns', 0)}"
    return f"{algorithm}|{settings}|{size}|{device[:60]}"


def need(own: str, peaks: Iterable[Peak]) -> Need:
    """What trainings with this `key` took."""
    found = [one.peak for one in peaks if one.key == own and one.peak > 0]
    if not found:
        said = "Not estimated for tables: no training like this one has been measured."
        return Need(bytes=None, key=own, basis=said)
    size = int(median(found))
    spread = max(SPREAD, (max(found) - min(found)) / 2 / size)
    return Need(bytes=size, spread=spread, key=own, basis=from_runs(len(found), spread))


def duration(own: str, peaks: Iterable[Peak]) -> dict[str, Any]:
    """`{"seconds","basis"}`: the median of the last trainings with this `key`."""
    found = [one.seconds for one in peaks if one.key == own and one.seconds > 0][:5]
    if not found:
        said = "Not known: no training with these settings on a table of this size has finished."
        return {"seconds": None, "basis": said}
    return {"seconds": round(median(found), 1), "basis": from_runs(len(found), SPREAD)}

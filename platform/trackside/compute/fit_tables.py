"""Memory and time of a training on a table: only what like trainings have measured. Pure.

There is no formula: what a learner takes depends on how the columns are encoded and on the library.
"""

from collections.abc import Iterable
from statistics import median
from typing import Any

from trackside.compute.fit import Need, Peak, from_runs

SPREAD = 0.15


def key(algorithm: str, facts: dict[str, Any], compute: dict[str, Any]) -> str:
    """Trainings of one algorithm on tables of the same size, on the same kind of device."""
    device = "cpu" if compute.get("kind", "cpu") == "cpu" else "cuda"
    return f"{algorithm}|{facts.get('rows', 0)}x{facts.get('columns', 0)}|{device}"


def need(
    algorithm: str, facts: dict[str, Any], compute: dict[str, Any], peaks: Iterable[Peak]
) -> Need:
    """`facts` are the table's (docs/jobs.md)."""
    own = key(algorithm, facts, compute)
    found = [one.peak for one in peaks if one.key == own and one.peak > 0]
    if not found:
        said = "Not estimated for tables: no training like this one has been measured."
        return Need(bytes=None, key=own, basis=said)
    size = int(median(found))
    spread = max(SPREAD, (max(found) - min(found)) / 2 / size)
    return Need(bytes=size, spread=spread, key=own, basis=from_runs(len(found), spread))


def duration(
    algorithm: str, facts: dict[str, Any], compute: dict[str, Any], peaks: Iterable[Peak]
) -> dict[str, Any]:
    """`{"seconds","basis"}`."""
    own = key(algorithm, facts, compute)
    found = [one.seconds for one in peaks if one.key == own and one.seconds > 0][:5]
    if not found:
        said = "Not known: no training of this algorithm on a table of this size has finished yet."
        return {"seconds": None, "basis": said}
    return {"seconds": round(median(found), 1), "basis": from_runs(len(found), SPREAD)}

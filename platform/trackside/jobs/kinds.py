"""What the cards say about a kind of job."""

from typing import Any

from recipes.algorithms import ALGORITHMS
from recipes.kinds import KINDS
from recipes.tasks import data_of
from trackside.compute.requests import BadCompute


def known(kind: str) -> bool:
    return kind in KINDS


def takes_quick_slot(kind: str) -> bool:
    """Short jobs that a page waits for, and those without torch, never wait for CPU cores."""
    card = KINDS[kind]
    return card.quick or not card.torch


def placed(spec: dict[str, Any], compute: dict[str, Any]) -> dict[str, Any]:
    """The wish with what a table decides: one process, on what the spec's algorithm can use.

    Raises BadCompute.
    """
    if data_of(spec.get("task")) != "table":
        return compute
    if compute.get("kind", "cpu") == "cpu":
        if compute.get("ranks") not in (None, 1):
            said = "A table has one process with all the job's cores: 'ranks' is 1."
            raise BadCompute("compute.ranks", said, "ranks_too_many")
        return {**compute, "kind": "cpu", "ranks": 1}
    uuids = compute.get("uuids")
    if (isinstance(uuids, list) and len(uuids) > 1) or compute.get("count") not in (None, 1):
        said = "A table's job runs on one GPU, or on the CPU: choose one."
        raise BadCompute("compute", said, "gpu_count")
    card = ALGORITHMS.get(spec.get("algorithm", ""))
    if card is not None and not card.on_gpu:
        said = f"{card.label} learns on the CPU alone: choose the CPU, or leave it out."
        if "bundle" in spec:
            said = f"{card.label} scores on the CPU alone: choose the CPU."
        raise BadCompute("compute.kind", said, "cpu_only")
    return compute

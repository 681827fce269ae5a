"""The small compute picker: Automatic, chosen GPUs, or CPU ranks."""

from typing import Any

from django.http import HttpRequest, QueryDict

from trackside.compute.board import board
from trackside.compute.fit import Need, verdicts

Compute = dict[str, Any]
ALWAYS = ("precision", "priority", "preemptible", "max_seconds")
OF_GPUS, OF_ANY = ("share", "memory"), ("nodes", "min_free", "name")


def picker(
    request: HttpRequest,
    compute: Compute,
    needs: dict[str, Any] | None = None,
    *,
    cpu_only: str = "",
) -> dict[str, Any]:
    """What the picker shows: the fleet, and `compute` as it stands.

    `needs`, an estimate as jobs keep it, adds a verdict to each GPU. `cpu_only`, a sentence,
    offers none of them.
    """
    now = board(request.user)
    any_gpu = not cpu_only and any(node["gpus"] for node in now["nodes"])
    kind = compute.get("kind") or ("any" if any_gpu else "cpu")
    several = int(compute.get("nodes") or 1)
    return {
        "nodes": now["nodes"],
        "any_gpu": any_gpu,
        "cpu_only": cpu_only,
        "where": "cpu" if cpu_only else kind,
        "chosen": compute.get("uuids", []),
        "count": compute.get("count", 1),
        "ranks": compute.get("ranks") or min(2, _cores(now)),
        "cores": _cores(now),
        "most": _most(now, several),
        "several": several,
        "gone": _gone(compute, now),
        "verdicts": _verdicts(compute, needs or {}, now),
    }


def _verdicts(compute: Compute, needs: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    if not needs.get("bytes"):
        return {}
    need = Need(
        bytes=int(needs["bytes"]),
        spread=float(needs.get("spread") or 0),
        paged=int(needs.get("paged") or 0),
    )
    return verdicts(need, now, compute)


def _most(now: dict[str, Any], nodes: int) -> int:
    sizes = sorted((len(node["gpus"]) for node in now["nodes"]), reverse=True)
    return max(1, sum(sizes[:nodes]))


def _cores(now: dict[str, Any]) -> int:
    return max((int(node["cores"]) for node in now["nodes"]), default=1)


def _gone(compute: Compute, now: dict[str, Any]) -> int:
    """How many of the remembered GPUs no machine has any more."""
    there = {gpu["uuid"] for node in now["nodes"] for gpu in node["gpus"]}
    return len(set(compute.get("uuids", [])) - there)


def picked(form: QueryDict) -> Compute:
    """The compute of a sent picker, not checked yet: `compute.requests.clean` does that."""
    where = form.get("where", "cpu")
    if where == "gpus":
        return {"kind": "gpus", "uuids": form.getlist("gpu")}
    if where == "any":
        return {"kind": "any", "count": _whole(form.get("count", "1"))}
    return {"kind": "cpu", "ranks": _whole(form.get("ranks", "1"))}


def keeping(kept: Compute, picked: Compute) -> Compute:
    """What was picked, with what the picker does not ask for as it was: sharing, order, limits."""
    names = [*ALWAYS, *(OF_GPUS if picked["kind"] != "cpu" else ())]
    if picked["kind"] == kept.get("kind") == "any":
        names += OF_ANY
    return {name: kept[name] for name in names if kept.get(name) is not None} | picked


def _whole(text: str) -> Any:
    """A number where it is one; else the text, so that the check can name it."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text

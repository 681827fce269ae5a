"""What a person may ask to run on: `compute` of the REST interface, checked against the fleet."""

from collections.abc import Callable
from typing import Any

from trackside.compute.models import Gpu, Node

Compute = dict[str, Any]
PRECISIONS = ("auto", "bf16", "fp16", "fp32")
COMMON = {"kind", "share", "precision", "priority"}
OWN = {"cpu": {"ranks"}, "gpus": {"uuids"}, "any": {"count", "min_free", "name"}}
PRIORITY = 100
DEFAULT_RANKS = 2


class BadCompute(Exception):
    """The wish cannot be met as it stands. `field` is where to show the sentence."""

    def __init__(self, field: str, sentence: str, code: str) -> None:
        super().__init__(sentence)
        self.field, self.sentence, self.code = field, sentence, code


def clean(compute: object) -> Compute:
    """The same wish with its defaults filled in; cleaning twice changes nothing.

    Raises BadCompute for what can never run; what is merely busy passes.
    """
    if not isinstance(compute, dict):
        raise BadCompute("compute", "'compute' must be an object such as {'kind': 'cpu'}.", "shape")
    kind = compute.get("kind", "cpu")
    if not isinstance(kind, str) or kind not in OWN:
        raise BadCompute(
            "compute.kind", f"'kind' must be cpu, gpus or any, not {kind!r}.", "kind_unknown"
        )
    _known(compute, kind)
    own: dict[str, Callable[[Compute], Compute]] = {"cpu": _cpu, "gpus": _gpus, "any": _any}
    return {"kind": kind, **own[kind](compute), **_common(compute)}


def _known(compute: Compute, kind: str) -> None:
    allowed = COMMON | OWN[kind]
    for name in compute:
        if name not in allowed:
            raise BadCompute(
                f"compute.{name}",
                f"{name!r} does not belong to compute of the kind {kind!r}; "
                f"it takes {', '.join(sorted(allowed))}.",
                "field_unknown",
            )


def _common(compute: Compute) -> Compute:
    share = compute.get("share", "exclusive")
    if share != "exclusive":
        raise BadCompute(
            "compute.share",
            f"'share' must be exclusive, not {share!r}: this Trackside gives a GPU to one job.",
            "share_unavailable",
        )
    precision = compute.get("precision", "auto")
    if precision not in PRECISIONS:
        raise BadCompute(
            "compute.precision",
            f"'precision' must be one of {', '.join(PRECISIONS)}, not {precision!r}.",
            "precision_unknown",
        )
    priority = _whole(compute.get("priority", 0), "priority", -PRIORITY, PRIORITY)
    return {"share": share, "precision": precision, "priority": priority}


def _whole(value: object, name: str, minimum: int, maximum: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
        raise BadCompute(
            f"compute.{name}",
            f"{name!r} must be a whole number from {minimum} to {maximum}, not {value!r}.",
            f"{name}_wrong",
        )
    return value


def _cpu(compute: Compute) -> Compute:
    largest = max(Node.objects.values_list("cores", "name"), default=None)
    default = DEFAULT_RANKS if largest is None else min(DEFAULT_RANKS, largest[0])
    given = compute.get("ranks")
    ranks = _whole(default if given is None else given, "ranks", 1, 1024)
    if largest is not None and ranks > largest[0]:
        raise BadCompute(
            "compute.ranks",
            f"{ranks} ranks need as many CPU cores; the largest machine, {largest[1]}, has "
            f"{largest[0]}.",
            "ranks_too_many",
        )
    return {"ranks": ranks}


def _gpus(compute: Compute) -> Compute:
    uuids = compute.get("uuids")
    if not isinstance(uuids, list | tuple) or not uuids:
        raise BadCompute(
            "compute.uuids", "Choose at least one GPU: 'uuids' must list them.", "gpu_missing"
        )
    for uuid in uuids:
        if not isinstance(uuid, str):
            raise BadCompute(
                "compute.uuids", f"A GPU's UUID is a text, not {uuid!r}.", "gpu_unknown"
            )
        if uuids.count(uuid) > 1:
            raise BadCompute("compute.uuids", f"GPU {uuid} is named twice.", "gpu_duplicate")
    found = {gpu.uuid: gpu for gpu in Gpu.objects.filter(uuid__in=uuids).select_related("node")}
    for uuid in uuids:
        _present(uuid, found.get(uuid))
    nodes = sorted({gpu.node.name for gpu in found.values()})
    if len(nodes) > 1:
        raise BadCompute(
            "compute.uuids",
            f"The GPUs of one job must be in one machine; these are in {' and '.join(nodes)}.",
            "gpus_on_several_nodes",
        )
    return {"uuids": sorted(uuids, key=lambda uuid: found[uuid].index)}


def _present(uuid: str, gpu: Gpu | None) -> None:
    if gpu is None:
        raise BadCompute(
            "compute.uuids",
            f"There is no GPU {uuid[:80]}; GET /api/v1/gpus lists them.",
            "gpu_unknown",
        )
    where = f"GPU {gpu.index} ({gpu.name}) on {gpu.node.name}"
    if not gpu.present:
        raise BadCompute("compute.uuids", f"{where} is not there any more.", "gpu_absent")
    if gpu.health == "failed":
        note = f": {gpu.health_note}" if gpu.health_note else ""
        raise BadCompute("compute.uuids", f"{where} has failed{note}.", "gpu_failed")


def _any(compute: Compute) -> Compute:
    count = _whole(compute.get("count", 1), "count", 1, 1024)
    min_free = compute.get("min_free") or 0
    if isinstance(min_free, bool) or not isinstance(min_free, int | float) or min_free < 0:
        raise BadCompute(
            "compute.min_free",
            f"'min_free' must be a number of bytes, not {min_free!r}.",
            "min_free_wrong",
        )
    name = compute.get("name") or ""
    if not isinstance(name, str):
        raise BadCompute("compute.name", f"'name' must be a text, not {name!r}.", "name_wrong")
    _enough(count, int(min_free), name)
    return {"count": count, "min_free": int(min_free), "name": name}


def _enough(count: int, min_free: int, name: str) -> None:
    """Some machine has that many GPUs of one model, free or not."""
    groups: dict[tuple[str, str], int] = {}
    rows = Gpu.objects.filter(present=True, memory_total__gte=min_free).exclude(health="failed")
    for model, node in rows.values_list("name", "node__name"):
        if name.lower() in model.lower():
            groups[node, model] = groups.get((node, model), 0) + 1
    if not groups:
        kind = f" called {name}" if name else ""
        room = f" with {min_free / 2**30:.1f} GiB" if min_free else ""
        raise BadCompute(
            "compute.name" if name else "compute.kind",
            f"No machine has a GPU{kind}{room}; choose the CPU or another GPU.",
            "gpu_none",
        )
    (node, model), most = max(groups.items(), key=lambda one: one[1])
    if most < count:
        raise BadCompute(
            "compute.count",
            f"No machine has {count} such GPUs of one model; {node} has {most} ({model}).",
            "gpu_count",
        )

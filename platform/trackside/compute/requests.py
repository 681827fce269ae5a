"""What a person may ask to run on: `compute` of the REST interface, checked against the fleet."""

from collections.abc import Callable
from typing import Any

from django.db.models import Count

from trackside.compute import fit
from trackside.compute.models import Gpu, Node

Compute = dict[str, Any]
PRECISIONS = ("auto", "bf16", "fp16", "fp32")
COMMON = {"kind", "share", "precision", "priority", "preemptible", "max_seconds"}
OWN = {
    "cpu": {"ranks"},
    "gpus": {"uuids", "memory"},
    "any": {"count", "nodes", "min_free", "name", "memory"},
}
PRIORITY = 100
DEFAULT_RANKS = 2
SHARES = ("exclusive", "shared")
LEAST_BUDGET = 2**30
MOST_NODES = 1024
MOST_GPUS = 8 * MOST_NODES
MOST_BYTES = 2**50
LONGEST_NAME = 100
SHORTEST, LONGEST = 60, 366 * 24 * 3600  # seconds that a job may be limited to


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
    asked = {"kind": kind, **own[kind](compute), **_common(compute, kind)}
    _can_be_shared(asked)
    return asked


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


def _common(compute: Compute, kind: str) -> Compute:
    share = compute.get("share", "exclusive")
    if share not in SHARES or (share == "shared" and kind == "cpu"):
        what = "CPU cores belong to one job" if share == "shared" else f"not {share!r}"
        allowed = "exclusive" if kind == "cpu" else "exclusive or shared"
        raise BadCompute("compute.share", f"'share' must be {allowed}: {what}.", "share_wrong")
    precision = compute.get("precision", "auto")
    if precision not in PRECISIONS:
        raise BadCompute(
            "compute.precision",
            f"'precision' must be one of {', '.join(PRECISIONS)}, not {precision!r}.",
            "precision_unknown",
        )
    preemptible = compute.get("preemptible", False)
    if not isinstance(preemptible, bool):
        raise BadCompute(
            "compute.preemptible",
            f"'preemptible' must be true or false, not {preemptible!r}.",
            "preemptible_wrong",
        )
    longest = compute.get("max_seconds")
    if longest is not None:
        longest = _whole(longest, "max_seconds", SHORTEST, LONGEST)
    return {
        "share": share,
        "precision": precision,
        "priority": _whole(compute.get("priority", 0), "priority", -PRIORITY, PRIORITY),
        "preemptible": preemptible,
        "max_seconds": longest,
        **_budget(compute, share),
    }


def _budget(compute: Compute, share: str) -> Compute:
    """Bytes on each shared GPU; None until `submit` has put the estimate there."""
    memory = compute.get("memory")
    if share != "shared":
        if memory is not None:
            raise BadCompute(
                "compute.memory",
                "'memory' is the budget of a job that shares its GPUs: leave it out, or choose "
                "share: shared.",
                "memory_alone",
            )
        return {}
    if memory is not None:
        memory = _whole(memory, "memory", LEAST_BUDGET, MOST_BYTES)
    return {"memory": memory}


def budgeted(asked: Compute, needs: dict[str, Any]) -> Compute:
    """The cleaned wish; a shared one that names no budget gets the estimate's. Raises BadCompute.

    `needs` is what `fit.estimate` said.
    """
    if asked["share"] != "shared" or asked["memory"] is not None:
        return asked
    need = fit.Need(bytes=needs.get("bytes"), spread=float(needs.get("spread") or 0))
    memory = fit.budget(need)
    if memory is None:
        raise BadCompute(
            "compute.memory",
            "Nobody knows yet how much memory this needs: say in 'memory' how many bytes of each "
            "shared GPU it may use.",
            "memory_missing",
        )
    return {**asked, "memory": memory}


def _can_be_shared(asked: Compute) -> None:
    """Some GPU that is meant can be shared and is as large as the budget."""
    if asked.get("share") != "shared":
        return
    rows = Gpu.objects.filter(slots__gt=1, memory_total__gte=asked["memory"] or LEAST_BUDGET)
    if asked["kind"] == "gpus":
        able = set(rows.filter(uuid__in=asked["uuids"]).values_list("uuid", flat=True))
        if len(able) == len(asked["uuids"]):
            return
    elif rows.filter(name__icontains=asked["name"]).exists():
        return
    raise BadCompute(
        "compute.share",
        "A GPU that you choose is never shared here, or is smaller than the memory asked for: "
        "take it alone, or choose another.",
        "share_unavailable",
    )


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
    if len(uuids) > MOST_GPUS:
        raise BadCompute(
            "compute.uuids", f"A job has {MOST_GPUS} GPUs at most, not {len(uuids)}.", "gpu_count"
        )
    seen = set()
    for uuid in uuids:
        if not isinstance(uuid, str):
            raise BadCompute(
                "compute.uuids", f"A GPU's UUID is a text, not {uuid!r}.", "gpu_unknown"
            )
        if uuid in seen:
            raise BadCompute("compute.uuids", f"GPU {uuid[:80]} is named twice.", "gpu_duplicate")
        seen.add(uuid)
    found = {gpu.uuid: gpu for gpu in Gpu.objects.filter(uuid__in=uuids).select_related("node")}
    for uuid in uuids:
        _present(uuid, found.get(uuid))
    slices = [found[uuid] for uuid in uuids if found[uuid].parent]
    if slices and len(uuids) > 1:
        one = f"{slices[0].name}, a slice of GPU {slices[0].index} of {slices[0].node}"
        raise BadCompute(
            "compute.uuids", f"{one}: slices cannot work together, choose it alone.", "gpu_slice"
        )
    return {"uuids": sorted(uuids, key=lambda one: (found[one].node.name, found[one].index))}


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
    if gpu.broken:
        note = gpu.broken.rstrip(".")
        raise BadCompute("compute.uuids", f"{where} is out of service: {note}.", "gpu_failed")
    if gpu.health == "failed":
        note = f": {gpu.health_note}" if gpu.health_note else ""
        raise BadCompute("compute.uuids", f"{where} has failed{note}.", "gpu_failed")
    if not gpu.parent and Gpu.objects.filter(parent=gpu.uuid, present=True).exists():
        raise BadCompute(
            "compute.uuids", f"{where} is divided into slices: choose one of them.", "gpu_divided"
        )


def _any(compute: Compute) -> Compute:
    count = _whole(compute.get("count", 1), "count", 1, MOST_GPUS)
    nodes = _whole(compute.get("nodes", 1), "nodes", 1, MOST_NODES)
    min_free = compute.get("min_free") or 0
    number = isinstance(min_free, int | float) and not isinstance(min_free, bool)
    if not number or not 0 <= min_free <= MOST_BYTES:
        raise BadCompute(
            "compute.min_free",
            f"'min_free' must be a number of bytes, up to {MOST_BYTES}, not {min_free!r}.",
            "min_free_wrong",
        )
    name = compute.get("name") or ""
    if not isinstance(name, str) or len(name) > LONGEST_NAME:
        sentence = f"'name' must be a text of {LONGEST_NAME} characters at most, not {name!r}."
        raise BadCompute("compute.name", sentence[:200], "name_wrong")
    _enough(count, nodes, int(min_free), name)
    return {"count": count, "nodes": nodes, "min_free": int(min_free), "name": name}


def _enough(count: int, nodes: int, min_free: int, name: str) -> None:
    """So many machines have that many GPUs of one model, free or not."""
    groups: dict[tuple[str, str], int] = {}
    rows = Gpu.objects.filter(present=True, broken="", memory_total__gte=min_free)
    rows = rows.filter(name__icontains=name).exclude(health="failed")
    if count > 1:
        rows = rows.filter(parent="")  # slices cannot work together
    for node, model, number in rows.values_list("node__name", "name").annotate(Count("uuid")):
        groups[node, model] = number
    if not groups:
        kind = f" called {name}" if name else ""
        room = f" with {min_free / 2**30:.1f} GiB" if min_free else ""
        raise BadCompute(
            "compute.name" if name else "compute.kind",
            f"No machine has a GPU{kind}{room}; choose the CPU or another GPU.",
            "gpu_none",
        )
    (node, model), most = max(groups.items(), key=lambda one: one[1])
    if nodes == 1 and most < count:
        raise BadCompute(
            "compute.count",
            f"No machine has {count} such GPUs of one model; {node} has {most}, {model}.",
            "gpu_count",
        )
    if nodes > 1:
        _together(groups, count, nodes)


def _together(groups: dict[tuple[str, str], int], count: int, nodes: int) -> None:
    models: dict[str, list[int]] = {}
    for (_, model), number in groups.items():
        models.setdefault(model, []).append(number)
    most = {name: sum(sorted(found)[-nodes:]) for name, found in models.items()}
    model = max(most, key=lambda name: most[name])
    if most[model] < count:
        raise BadCompute(
            "compute.count",
            f"No {nodes} machines have {count} such GPUs of one model together; at most "
            f"{most[model]}, {model}.",
            "gpu_count",
        )

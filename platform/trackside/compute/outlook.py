"""When a job would start, how long it would take, and with which batch. Pure.

Every answer carries the sentence that it rests on; what is not known is None.
"""

from collections.abc import Iterable
from statistics import median
from typing import Any

from trackside.compute.fit import Design, Peak, Shape, shapes

Answer = dict[str, Any]
LIKE_ENOUGH = 5  # the newest like trainings that count


def effective_batch(design: Design, compute: dict[str, Any]) -> Answer:
    """`{"per_device","devices","total","text"}`: each device sees its own batch in each step."""
    devices = device_count(compute)
    training = design.get("training") or {}
    batch = int(training.get("batch_size", 32))
    what = "rank" if compute.get("kind", "cpu") == "cpu" else "GPU"
    text = f"{batch} per {what} x {devices} = {batch * devices} pictures in each step"
    return {"per_device": batch, "devices": devices, "total": batch * devices, "text": text}


def device_count(compute: dict[str, Any]) -> int:
    kind = compute.get("kind", "cpu")
    if kind == "gpus":
        return max(1, len(compute.get("uuids", ())))
    return max(1, int(compute.get("count" if kind == "any" else "ranks", 1)))


def duration(
    design: Design,
    catalogue: dict[str, Any],
    *,
    images: dict[str, Any],
    compute: dict[str, Any],
    peaks: Iterable[Peak],
) -> Answer:
    """`{"seconds","basis"}` for all chosen models one after the other, at most."""
    known, total, runs = list(peaks), 0.0, 0
    for shape in shapes(design, images, compute, catalogue):
        like = [one for one in known if one.key == shape.key and one.seconds > 0 and one.images > 0]
        if not like:
            return {
                "seconds": None,
                "basis": f"Not known: no training like this ({shape.backbone}) has finished yet.",
            }
        newest = like[:LIKE_ENOUGH]
        total += median(_seconds(one, shape, images, device_count(compute)) for one in newest)
        runs += len(newest)
    if not runs:
        return {"seconds": None, "basis": "Not known: no model is chosen."}
    number = f"{runs} like {'training' if runs == 1 else 'trainings'}"
    return {"seconds": round(total, 1), "basis": f"From {number}; early stopping may end sooner."}


def _seconds(one: Peak, shape: Shape, images: dict[str, Any], devices: int) -> float:
    """Time goes with the pictures and the epochs; features are computed once, whatever follows."""
    pictures = (int(images.get("images") or one.images)) / one.images
    epochs = 1.0 if shape.features or not one.epochs else shape.epochs / one.epochs
    return one.seconds * pictures * epochs * max(1, one.ranks) / devices


def start(compute: dict[str, Any], board: dict[str, Any]) -> Answer:
    """`{"seconds","text"}` until the wish can be met: 0 now, None when nobody can know."""
    nodes = [node for node in board["nodes"] if node["state"] == "online"]
    if not nodes:
        return {"seconds": None, "text": "No machine is online."}
    kind = compute.get("kind", "cpu")
    if kind == "cpu":
        return _cpu(int(compute.get("ranks", 1)), nodes)
    if kind == "gpus":
        chosen = set(compute.get("uuids", ()))
        gpus = [gpu for node in nodes for gpu in node["gpus"] if gpu["uuid"] in chosen]
        if len(gpus) < len(chosen):
            return {"seconds": None, "text": "A chosen GPU's machine is not online."}
        return _gpus(gpus, len(chosen))
    return _any(compute, nodes)


def _cpu(ranks: int, nodes: list[dict[str, Any]]) -> Answer:
    if any(node["cores_free"] >= ranks for node in nodes):
        return {"seconds": 0, "text": "Now."}
    cores = f"{ranks} CPU core{'' if ranks == 1 else 's'}"
    return {"seconds": None, "text": f"When {cores} of one machine are free."}


def _any(compute: dict[str, Any], nodes: list[dict[str, Any]]) -> Answer:
    """The machine and model that could begin first."""
    count, name = int(compute.get("count", 1)), compute.get("name", "").lower()
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for node in nodes:
        for gpu in node["gpus"]:
            if name in gpu["name"].lower() and gpu["state"] != "failed":
                groups.setdefault((node["name"], gpu["name"]), []).append(gpu)
    answers = [_gpus(group, count) for group in groups.values() if len(group) >= count]
    if not answers:
        return {"seconds": None, "text": f"No machine that is online has {count} such GPUs."}
    return min(answers, key=lambda one: float("inf") if one["seconds"] is None else one["seconds"])


def _gpus(gpus: list[dict[str, Any]], count: int) -> Answer:
    """When `count` of them are free, by what their holders expect and who waits already."""
    free = sum(1 for gpu in gpus if gpu["state"] == "free" and not gpu["queue"])
    if free >= count:
        return {"seconds": 0, "text": "Now."}
    waits = sorted(_wait(gpu) for gpu in gpus)
    longest = waits[count - 1]
    if longest == float("inf"):
        return {"seconds": None, "text": "When the jobs before it have ended; nobody knows when."}
    return {"seconds": longest, "text": "When the job that holds the GPU has ended."}


def _wait(gpu: dict[str, Any]) -> float:
    if gpu["queue"]:
        return float("inf")
    if gpu["state"] == "free":
        return 0.0
    eta = (gpu["holder"] or {}).get("eta")
    return float("inf") if eta is None else float(eta)

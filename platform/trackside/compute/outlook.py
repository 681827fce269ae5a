"""When a job would start, how long it would take, and with which batch. Pure.

Every answer carries the sentence that it rests on; what is not known is None.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from trackside.compute.fit import Design, Peak, Shape, shapes
from trackside.compute.placement import (
    Decision,
    Device,
    Hold,
    Limits,
    Machine,
    Pass,
    Place,
    Request,
    decide,
    ordered,
)
from trackside.compute.placement.limits import Ledger
from trackside.ui.words import plural

Answer = dict[str, Any]
Ask = Callable[..., list[Decision]]  # a wish, and a fleet other than the real one
NOW = "Now."
RESERVED = "is reserved for"  # compute/placement/reasons.py
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
    basis = f"From {plural(runs, 'like training')}; early stopping may end sooner."
    return {"seconds": round(total, 1), "basis": basis}


def _seconds(one: Peak, shape: Shape, images: dict[str, Any], devices: int) -> float:
    """Time goes with the pictures and the epochs; features are computed once, whatever follows."""
    pictures = (int(images.get("images") or one.images)) / one.images
    epochs = 1.0 if shape.features or not one.epochs else shape.epochs / one.epochs
    return one.seconds * pictures * epochs * max(1, one.ranks) / devices


def foresee(  # noqa: PLR0913 - what placement is asked with
    mine: Request,
    machines: Sequence[Machine],
    queue: Sequence[Request],
    *,
    now: float,
    limits: Limits,
    expected: Mapping[int, float],
    longest: float | None = None,
) -> Answer:
    """What placement would do with `mine` if it were asked for now, behind all that wait.

    `expected`: when jobs that run think that they end. `longest`: a limit that one could set on it.
    `{"seconds","text","parts","reason","ahead","passes","gives_way","reserved","gap","kept"}`;
    `kept`: the GPUs that are reserved for other jobs.
    """

    def ask(wish: Request, fleet: Sequence[Machine] = machines) -> list[Decision]:
        return decide(fleet, _in_turn(queue, wish, now), now=now, limits=limits)

    look = Pass(machines, now, limits)
    decisions = list(look.decisions(_in_turn(queue, mine, now)))
    own, kept = _own(mine, decisions), look.reserved_from(mine)
    if own.parts:
        passes = _passes(mine, ask, own)
        return {"seconds": 0, "text": NOW, **_where(own), "passes": passes, "kept": kept}
    before = decisions[: decisions.index(own)]
    quota = Ledger(limits).sentence(mine)
    seconds, text = _until(own, mine, ask, _guessed(machines, expected), now)
    return {
        "seconds": seconds,
        "text": text,
        "parts": [],
        "reason": own.reason,
        "ahead": sum(1 for one in before if not one.parts),
        "gives_way": list(own.preempt),
        "reserved": _is_reserved(mine, own) and not quota,
        "gap": {} if quota else _gap(mine, ask, longest),
        "kept": kept,
    }


def _in_turn(queue: Sequence[Request], mine: Request, now: float) -> list[Request]:
    by_job = {one.job: one for one in (*queue, mine)}
    places = (
        Place(one.job, one.priority, one.since, None if one.turn == one.job else one.turn)
        for one in by_job.values()
    )
    return [by_job[job] for job in ordered(places, now)]


def _where(own: Decision) -> Answer:
    """The nodes that it would get, each with its GPUs and ranks."""
    parts = []
    for part in own.parts:
        index = {gpu.uuid: gpu.index for gpu in part.machine.gpus}
        gpus = [index[uuid] for uuid in part.uuids]
        uuids = list(part.uuids)
        parts.append({"node": part.machine.name, "gpus": gpus, "uuids": uuids, "ranks": len(uuids)})
    return {"parts": parts}


def _passes(mine: Request, ask: Ask, own: Decision) -> str:
    """Whom it passes thanks to its known end or because it gives way: what it would wait for."""
    if mine.seconds is None and not mine.preemptible:
        return ""
    plain = _own(mine, ask(replace(mine, seconds=None, preemptible=False)))
    return "" if plain.parts or not own.uuids else plain.reason


def _own(mine: Request, decisions: list[Decision]) -> Decision:
    return next(one for one in decisions if one.job == mine.job)


def _until(
    own: Decision, mine: Request, ask: Ask, guessed: Sequence[Machine], now: float
) -> tuple[float | None, str]:
    """Seconds, and how sure that is: a reservation knows the latest, a job only expects its end."""
    if own.starts is not None:
        return max(0.0, own.starts - now), "At the latest, if nothing more urgent comes."
    hoped = _own(mine, ask(mine, guessed)).starts
    if hoped is not None:
        return max(0.0, hoped - now), "If those before it end when they expect to."
    return None, "When those before it have ended; nobody knows when."


def _guessed(machines: Sequence[Machine], expected: Mapping[int, float]) -> list[Machine]:
    """The fleet as if every job kept to what it expects."""
    return [
        replace(one, gpus=tuple(_device(gpu, expected) for gpu in one.gpus)) for one in machines
    ]


def _device(gpu: Device, expected: Mapping[int, float]) -> Device:
    return replace(gpu, holds=tuple(_hold(one, expected) for one in gpu.holds))


def _hold(one: Hold, expected: Mapping[int, float]) -> Hold:
    ends = [when for when in (one.ends, expected.get(one.job)) if when is not None]
    return replace(one, ends=min(ends, default=None))


def _is_reserved(mine: Request, own: Decision) -> bool:
    """Whether what it waits for is kept for it: the first in line, whoever gives way to it not."""
    if own.preempt:
        return False
    return own.starts is not None or (mine.kind == "gpus" and RESERVED not in own.reason)


def _gap(mine: Request, ask: Ask, longest: float | None) -> Answer:
    """What would let it start now: a limit, or leave to end it for others."""
    found: Answer = {}
    shorter = longest is not None and (mine.seconds is None or longest < mine.seconds)
    if shorter and _own(mine, ask(replace(mine, seconds=longest))).parts:
        found["seconds"] = longest
    if not mine.preemptible and _own(mine, ask(replace(mine, preemptible=True))).parts:
        found["preemptible"] = True
    return found


def start(compute: dict[str, Any], board: dict[str, Any]) -> Answer:
    """The same from the board alone, where the queue is too long to ask placement in passing.

    `{"seconds","text"}` until the wish can be met: 0 now, None when nobody can know.
    """
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
    return {"seconds": None, "text": f"When {plural(ranks, 'CPU core')} of one machine are free."}


def _any(compute: dict[str, Any], nodes: list[dict[str, Any]]) -> Answer:
    """The machine and model that could begin first; over several nodes only the model counts."""
    count, name = int(compute.get("count", 1)), compute.get("name", "").lower()
    several = int(compute.get("nodes") or 1) > 1
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for node in nodes:
        for gpu in node["gpus"]:
            if name in gpu["name"].lower() and gpu["state"] != "failed":
                where = "" if several else node["name"]
                groups.setdefault((where, gpu["name"]), []).append(gpu)
    answers = [_gpus(group, count) for group in groups.values() if len(group) >= count]
    if not answers:
        have = "machines that are online have" if several else "machine that is online has"
        return {"seconds": None, "text": f"No {have} {count} such GPUs."}
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

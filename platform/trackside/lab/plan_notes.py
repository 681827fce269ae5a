"""Sentences and offers of the run plan."""

from typing import Any

from recipes.algorithms import ALGORITHMS
from recipes.boosted_room import SPARE
from trackside.lab import foreseen
from trackside.lab.models import Analysis
from trackside.ui.words import listed, plural

Json = dict[str, Any]
GIB = 2**30
IN_PAGES = "It learns in pages from the machine's memory, which takes longer."
TOO_MUCH = (
    "The run would most likely stop for want of it. Choose a larger GPU, fewer bins, or fewer rows "
    "in Train / Test set."
)
ALONE = (
    "On one GPU, with histograms and without DART, it would learn in pages from the machine's "
    "memory."
)
NO_GPU = "There is no GPU to choose. Training works on the CPU."
# Measured on two ranks of one thread each, 244 photos, efficientnet_lite0, bf16: seconds an epoch.
MEASURED_BACKBONE, MEASURED_IMAGES, MEASURED_SECONDS = "efficientnet_lite0", 244, (8, 17)


def cpu_cost(depths: list[tuple[str, str]], asked: Analysis) -> list[str]:
    """What training more than the head costs on a CPU; nothing when only heads are trained."""
    deep = [backbone for backbone, depth in depths if depth != "head"]
    if not deep:
        return []
    text = (
        "Full fine-tuning on a CPU is 20 to 50 times slower than training the head on features "
        "computed once."
    )
    if MEASURED_BACKBONE in deep:
        low, high = (n * _images(asked) / MEASURED_IMAGES for n in MEASURED_SECONDS)
        text += (
            f" With the default backbone expect about {_range(low, high)} for each epoch on two "
            "cores, from a measurement on 244 photos."
        )
    return [text + " 'Retrained layers' in the design switches back to the head."]


def of_table(plan: Any, asked: Analysis) -> dict[str, str]:
    """By sentence its level: what takes long here, and what has no use for all that is chosen."""
    rows = [plan.models[n] for n in plan.wish.models]
    notes: dict[str, str] = {}
    if plan.device == "cpu":
        models = [asked.design["models"][n] for n in plan.wish.models]
        notes |= dict.fromkeys(foreseen.slow(asked, models), "wn")
    elif not plan.stop:
        notes |= _pages(plan, asked)
    if plan.several and plan.wish.devices > 1 and not plan.stop:
        alone = [one["label"] for one in rows if not one["spreads"]]
        notes |= dict.fromkeys(lone(alone, plan.wish.devices, plan.compute["kind"]), "info")
    return notes


def _pages(plan: Any, asked: Analysis) -> dict[str, str]:
    """What XGBoost's numbers take of a GPU by formula, where its memory is too small for all."""
    gpus = [one["gpu"] for one in plan.chosen]
    name = plan.wish.gpu_name.lower()
    meant = gpus or [gpu for gpu in plan.gpus if name in gpu["name"].lower()]
    sizes = [gpu["memory_total"] for gpu in meant]
    room = plan.compute.get("memory") or (min if gpus else max)(sizes, default=0)
    notes: dict[str, str] = {}
    if not room or (plan.compute.get("memory") and plan.need.bytes):
        return notes  # the story tells of such a budget
    for n in plan.wish.models:
        model = asked.design["models"][n]
        need = foreseen.on_gpu(asked, model, plan.wish.devices)
        if need is None or need.fits(room):
            continue
        whose = "the GPU's" if plan.wish.devices == 1 else "each GPU's"
        said = (
            f"{plan.models[n]['label']}: all encoded rows would take about {need.whole / GIB:.1f} "
            f"GiB of {whose} memory, of which they may take {SPARE * room / GIB:.1f}."
        )
        in_pages = foreseen.learns_in_pages(model, plan.wish.devices)
        if in_pages and need.paged(room):
            notes[f"{said} {IN_PAGES}"] = "info"
        elif need.least > room:
            would = not in_pages and _would_in_pages(asked, model, room)
            notes[f"{said} {TOO_MUCH}{f' {ALONE}' if would else ''}"] = "wn"
    return notes


def _would_in_pages(asked: Analysis, model: Json, room: int) -> bool:
    """Whether one such GPU would do for it with the params that learn in pages."""
    card = ALGORITHMS[model["algorithm"]]
    paged = dict(one for one in (card.from_disk, card.gpu_pages) if one)
    need = foreseen.on_gpu(asked, {**model, "params": {**model["params"], **paged}}, 1)
    return need is not None and need.paged(room)


def lone(labels: list[str], devices: int, kind: str) -> list[str]:
    """What those take of several ranks or GPUs that learn in one process."""
    if not labels:
        return []
    labels = list(dict.fromkeys(labels))
    who = f"{listed(labels)} {'learns' if len(labels) == 1 else 'learn'}"
    if kind == "cpu":
        return [
            f"{who} in one process with up to half of a machine's cores, not in {devices} ranks."
        ]
    first = "the first that is chosen, " if kind == "gpus" else ""
    return [f"{who} on one GPU, {first}not on {devices}."]


def _images(asked: Analysis) -> int:
    splits = asked.dataset.facts.get("splits") or {}
    if asked.design["split"].get("policy") == "folders" and splits.get("train"):
        return int(splits["train"])
    return round(asked.dataset.rows * float(asked.design["split"].get("train_share", 0.8)))


def _range(low: float, high: float) -> str:
    if high < 120:
        return f"{low:.0f} to {high:.0f} s"
    return f"{low / 60:.0f} to {high / 60:.0f} min"


def free_gpu(board: Json, verdicts: Json) -> Json | None:
    """The first GPU that is free and fits."""
    for node in board["nodes"]:
        for gpu in node["gpus"]:
            said = verdicts.get(gpu["uuid"], {}).get("verdict")
            if gpu["state"] == "free" and said in ("fits", "tight", None):
                return {"node": node, "gpu": gpu}
    return None


def others(board: Json, verdicts: Json, uuids: tuple[str, ...], mode: str) -> list[Json]:
    """Other choices that are free now."""
    rows = []
    for node in board["nodes"]:
        for gpu in node["gpus"]:
            said = verdicts[gpu["uuid"]]["verdict"]
            if gpu["state"] == "free" and said in ("fits", "tight") and gpu["uuid"] not in uuids:
                name = f"{node['name']}, GPU {gpu['index']}"
                rows.append({"name": name, "what": gpu["name"], "use": gpu["uuid"]})
    rows = rows[:3]
    if mode != "cpu":
        rows.append({"name": "CPU", "what": _cores(board), "use": "cpu"})
    return rows


def _cores(board: Json) -> str:
    free = max((node["cores_free"] for node in board["nodes"]), default=0)
    return f"{plural(free, 'core')} free"


def taken(plan: Any) -> str:
    """Who was faster: a chosen GPU that was free when the dialog was drawn and is not any more."""
    for one in plan.chosen:
        gpu = one["gpu"]
        if gpu["uuid"] not in plan.wish.seen_free or gpu["state"] == "free":
            continue
        holder = gpu.get("holder") or {}
        who = holder.get("user") or "Another job"
        offer = free_gpu(plan.board, plan.verdicts)
        other = f" GPU {offer['gpu']['index']} on {offer['node']['name']} is free." if offer else ""
        return (
            f"{who} took GPU {gpu['index']} on {one['node']['name']} a moment ago.{other} "
            "You can queue behind it, or choose again."
        )
    return ""

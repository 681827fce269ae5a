"""What the Train dialog sends, read once: which models, on what, how."""

import re
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

from django.http import QueryDict

from recipes.algorithms import ALGORITHMS
from recipes.tasks import data_of
from trackside.compute import fit
from trackside.compute.requests import PRIORITY
from trackside.jobs.kinds import spreads
from trackside.lab.models import Analysis

BATCHES = (1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 256, 512)
MODES = ("auto", "pick", "cpu")
PRECISIONS = ("auto", "bf16", "fp16", "fp32")
GIB, HOUR = 2**30, 3600
DECIMAL, SIGNED = re.compile(r"\d{1,6}([.,]\d{1,6})?"), re.compile(r"[+-]?\d{1,4}")


@dataclass(frozen=True)
class Wish:
    mode: str = "pick"
    uuids: tuple[str, ...] = ()
    count: int = 1
    ranks: int = 2
    precision: str = "auto"
    scale: bool = False
    fit_only: bool = False
    models: tuple[int, ...] = ()
    batches: Mapping[int, int] = field(default_factory=dict)
    name: str = ""
    click_id: str = ""
    seen_free: tuple[str, ...] = ()
    min_free: int = 0  # bytes on each GPU; 0: what the estimate asks for
    gpu_name: str = ""
    several: bool = False  # nodes
    shared: bool = False
    memory: int = 0  # bytes on each shared GPU; 0: the estimate's upper end
    priority: int = 0
    preemptible: bool = False
    max_seconds: int = 0  # 0: no limit

    @property
    def devices(self) -> int:
        if self.mode == "pick":
            return max(1, len(self.uuids))
        return self.count if self.mode == "auto" else self.ranks


def read(data: QueryDict, analysis: Analysis) -> Wish:
    """Leaves the checks to compute/requests.py and the cards; here nonsense becomes a default."""
    listed = range(len(analysis.design["models"]))
    models = tuple(n for n in listed if str(n) in data.getlist("model"))
    batches = {n: _whole(data.get(f"batch-{n}"), 0, 4096) for n in listed}
    return Wish(
        mode=data.get("mode", "") if data.get("mode") in MODES else "pick",
        uuids=tuple(dict.fromkeys(data.getlist("gpu"))),
        count=_whole(data.get("count"), 1, 1024) or 1,
        ranks=(several(analysis, models) and _whole(data.get("ranks"), 1, 1024)) or 1,
        precision=data.get("precision", "") if data.get("precision") in PRECISIONS else "auto",
        scale="scale" in data,
        fit_only="fit_only" in data,
        models=models,
        batches={n: size for n, size in batches.items() if size},
        name=data.get("session_name", "")[:80],
        click_id=data.get("click_id", "")[:64],
        seen_free=tuple(data.getlist("seen_free")),
        min_free=_scaled(data.get("min_free"), GIB),
        gpu_name=data.get("gpu_name", "")[:80],
        several="several" in data,
        shared=data.get("share") == "shared",
        memory=_budget(data),
        priority=_signed(data.get("priority")),
        preemptible="preemptible" in data,
        max_seconds=_scaled(data.get("hours"), HOUR),
    )


def several(analysis: Analysis, models: tuple[int, ...]) -> bool:
    """Whether several ranks may train one of these models."""
    listed = [analysis.design["models"][n] for n in models]
    table = data_of(analysis.task) == "table"
    return not table or any(spreads(one["algorithm"], one["params"]) for one in listed)


def _budget(data: QueryDict) -> int:
    """What the dialog itself filled in follows the estimate; what a person typed stays."""
    typed = data.get("memory")
    return 0 if typed == data.get("memory_filled") else _scaled(typed, GIB)


def _scaled(raw: str | None, unit: int) -> int:
    """A number with decimals in units of `unit`."""
    found = DECIMAL.fullmatch((raw or "").strip())
    return round(float(found[0].replace(",", ".")) * unit) if found else 0


def _signed(raw: str | None) -> int:
    found = SIGNED.fullmatch((raw or "").strip())
    return max(-PRIORITY, min(PRIORITY, int(found[0]))) if found else 0


def _whole(raw: str | None, least: int, most: int) -> int:
    number = int(raw) if raw and raw.isdecimal() and len(raw) < 6 else 0
    return number if least <= number <= most else 0


def first(analysis: Analysis, board: dict[str, Any], fits: list[str]) -> Wish:
    """What the dialog shows when it opens: the first GPU that fits, else the CPU.

    A table opens with the CPU, on which every algorithm learns.
    """
    table = data_of(analysis.task) == "table"
    listed = analysis.design["models"]
    kept = analysis.design.get("compute") or {}
    usable = [gpu for node in board["nodes"] for gpu in node["gpus"] if gpu["state"] != "failed"]
    cores = max((node["cores"] for node in board["nodes"]), default=2)
    wish = Wish(
        mode="pick" if usable and not table else "cpu",
        uuids=tuple(fits[:1]),
        ranks=1 if table else min(2, cores),
        precision=analysis.design["runtime"].get("precision", "auto"),
        models=tuple(n for n, one in enumerate(listed) if one.get("on", True)),
    )
    wish = replace(
        wish,
        shared=kept.get("share") == "shared" and bool(usable),
        memory=int(kept.get("memory") or 0),
        priority=int(kept.get("priority") or 0),
        preemptible=bool(kept.get("preemptible")),
        max_seconds=int(kept.get("max_seconds") or 0),
    )
    if kept.get("kind") == "cpu":
        ranks = int(kept.get("ranks") or wish.ranks) if several(analysis, wish.models) else 1
        return replace(wish, mode="cpu", uuids=(), ranks=ranks)
    if kept.get("kind") == "any" and usable:
        return replace(
            wish,
            mode="auto",
            uuids=(),
            count=int(kept.get("count") or 1),
            min_free=int(kept.get("min_free") or 0),
            gpu_name=str(kept.get("name") or ""),
            several=int(kept.get("nodes") or 1) > 1,
        )
    return wish


def compute(wish: Wish, need: fit.Need | None, machines: int) -> dict[str, Any]:
    """The wish as `compute` of the REST interface; `machines` of the fleet have GPUs."""
    common: dict[str, Any] = {"precision": wish.precision, "priority": wish.priority}
    if wish.preemptible:
        common["preemptible"] = True
    if wish.max_seconds:
        common["max_seconds"] = wish.max_seconds
    if wish.mode == "cpu" or (wish.mode == "auto" and not machines):
        return {"kind": "cpu", "ranks": wish.ranks, **common}
    if wish.shared:
        memory = wish.memory or fit.budget(need)
        common |= {"share": "shared", **({"memory": memory} if memory else {})}
    if wish.mode == "pick":
        return {"kind": "gpus", "uuids": list(wish.uuids), **common}
    least = need and (need.paged or need.bytes)  # placement prefers where all of it fits
    room = {"min_free": wish.min_free or least or 0, "name": wish.gpu_name}
    nodes = {"nodes": machines} if wish.several and machines > 1 else {}
    return {"kind": "any", "count": wish.count, **room, **nodes, **common}


def design(analysis: Analysis, wish: Wish) -> dict[str, Any]:
    """The analysis' design with what the dialog changed for this session.

    What all models share goes to `training`; what differs stays with each model.
    """
    own = analysis.design
    chooses = "precision" in own["runtime"]
    models = [
        {**one, "training": _changes(own, one, wish, n)} for n, one in enumerate(own["models"])
    ]
    picked = [models[n]["training"] for n in wish.models]
    shared = picked[0] if picked and all(one == picked[0] for one in picked) else {}
    if shared or not any(picked):
        models = [{k: v for k, v in one.items() if k != "training"} for one in models]
    return {
        **own,
        "models": models,
        "training": {**own["training"], **shared},
        "runtime": own["runtime"] | ({"precision": wish.precision} if chooses else {}),
    }


def _changes(own: dict[str, Any], one: dict[str, Any], wish: Wish, n: int) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    training = {**ALGORITHMS[one["algorithm"]].training.defaults(), **own["training"]}
    if "batch_size" not in training:
        return changes
    if wish.batches.get(n, training["batch_size"]) != training["batch_size"]:
        changes["batch_size"] = wish.batches[n]
    if wish.scale and wish.devices > 1:
        changes["learning_rate"] = round(training["learning_rate"] * wish.devices, 10)
    return changes


def asked(analysis: Analysis, wish: Wish, compute_: dict[str, Any]) -> Analysis:
    """A copy of the analysis as this wish would train it."""
    made = copy(analysis)
    made.design = {**design(analysis, wish), "compute": compute_}
    return made

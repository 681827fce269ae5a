"""The run plan of the Train dialog: verdicts, start, end, memory, what stands in the way.

All of it is computed here, at each change; the browser only shows it.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from recipes.algorithms import ALGORITHMS
from recipes.tasks import data_of
from trackside.accounts.models import User
from trackside.compute import fit
from trackside.compute.able import learns_on_gpu
from trackside.compute.services import libraries
from trackside.compute.urgency import most_urgent
from trackside.jobs.kinds import spreads
from trackside.lab import (
    estimates,
    forecast,
    handling,
    plan_limits,
    plan_notes,
    plan_story,
    searching,
    wishes,
)
from trackside.lab.estimates import Known
from trackside.lab.freezing import device_for, own, resolved
from trackside.lab.labels import label_of
from trackside.lab.models import Analysis
from trackside.lab.plan_limits import OVER
from trackside.lab.wishes import BATCHES, Wish
from trackside.ui.words import plural

Json = dict[str, Any]


@dataclass
class Plan:
    wish: Wish
    compute: Json
    board: Json
    models: list[Json]
    need: fit.Need
    verdicts: Json
    device: str
    known: Known
    data: str  # what is learned from: images or table
    chosen: list[Json] = field(default_factory=list)  # {"node","gpu"} of each chosen GPU
    asked: Json | None = None  # the compute as `clean` has it; None: it was refused
    start: Json = field(default_factory=dict)  # lab/forecast.py's answer
    seconds: float | None = None
    basis: str = ""
    ends: datetime | None = None
    notes: list[Json] = field(default_factory=list)
    stop: str = ""  # what the main button says instead of starting
    why: str = ""
    problem: Json | None = None
    memory: Json | None = None
    batch: Json | None = None
    story: list[Json] = field(default_factory=list)

    @property
    def gpus(self) -> list[Json]:
        return [gpu for node in self.board["nodes"] for gpu in node["gpus"]]

    @property
    def unlisted(self) -> int:
        """Models that are switched off in the design: a click trains none of them."""
        return sum(not one["listed"] for one in self.models)

    @property
    def several(self) -> bool:
        """Whether one of the chosen models may be trained by several ranks."""
        return self.data == "images" or any(self.models[n]["spreads"] for n in self.wish.models)

    @property
    def measuring(self) -> bool:
        """No machine has counted this backbone's activations yet: soon after a first start."""
        on_gpus = self.compute["kind"] != "cpu"
        counted = self.data == "images" and self.need.bytes is None
        return bool(self.wish.models) and on_gpus and counted

    @property
    def queued(self) -> bool:
        return self.start.get("seconds") != 0

    @property
    def action(self) -> str:
        if self.stop:
            return self.stop
        number = len(self.wish.models)
        verb = "Queue" if self.queued else "Train"
        return f"{verb} {plural(number, 'model')} {self._where()}"

    def _where(self) -> str:
        kind, number = self.compute["kind"], self.wish.devices
        if kind == "cpu":
            return "on the CPU"
        gpus = plural(number, "GPU")
        if kind == "gpus":
            return f"on {gpus}"
        return f"on the first {gpus if number > 1 else 'GPU'} free"


def make(analysis: Analysis, wish: Wish | None, board: Json, user: User) -> Plan:
    """The plan for a wish; without one, for what the dialog opens with."""
    known = estimates.know()
    machines = sum(1 for node in board["nodes"] if node["gpus"])
    if wish is None:
        wish = _opening(analysis, board, known)
        wish = replace(wish, priority=min(wish.priority, most_urgent(user)))
    asked = wishes.asked(analysis, wish, wishes.compute(wish, None, machines))
    models = [_row(asked, wish, n, known) for n in range(len(asked.design["models"]))]
    reported = libraries()
    for row, one in zip(models, asked.design["models"], strict=True):
        row["lacking"] = bool(handling.lacking([one], reported))
    need = estimates.largest([models[n]["need"] for n in wish.models])
    compute = wishes.compute(wish, need, machines)
    plan = Plan(
        wish=wish,
        compute=compute,
        board=board,
        models=models,
        need=need,
        verdicts=fit.verdicts(need, board, compute),
        device=device_for(compute),
        known=known,
        data=data_of(analysis.task),
    )
    _fill(plan, analysis, asked, user)
    return plan


def _opening(analysis: Analysis, board: Json, known: Known) -> Wish:
    """The first GPU that fits the switched-on models is ticked."""
    wish = wishes.first(analysis, board, [])
    if wish.mode != "pick":
        return wish
    asked = wishes.asked(analysis, wish, {"kind": "gpus", "uuids": [], "precision": "auto"})
    needs = [estimates.need(asked, asked.design["models"][n], known) for n in wish.models]
    found = fit.verdicts(estimates.largest(needs), board, {})
    fits = [
        gpu["uuid"]
        for node in board["nodes"]
        if node["state"] == "online"
        for gpu in node["gpus"]
        if gpu["state"] == "free" and found[gpu["uuid"]]["verdict"] not in (*OVER, "busy")
    ]
    return wishes.first(analysis, board, fits)


def on_a_gpu(plan: Plan, analysis: Analysis) -> Json:
    """The verdicts as they would be if this wish ran on one GPU."""
    compute = {"kind": "any", "count": 1, "precision": plan.wish.precision}
    asked = wishes.asked(analysis, plan.wish, compute)
    listed = [asked.design["models"][n] for n in plan.wish.models]
    need = estimates.largest([estimates.need(asked, one, plan.known) for one in listed])
    return fit.verdicts(need, plan.board, compute)


def _row(asked: Analysis, wish: Wish, n: int, known: Known) -> Json:
    model = asked.design["models"][n]
    alone = own(asked, model)
    need = estimates.need(alone, model, known)
    return {
        "n": n,
        "on": n in wish.models,
        "listed": n in wish.models or model.get("on", True),
        "label": label_of(model),
        "need": need,
        "give": f"±{need.spread:.0%}",
        "time": estimates.seconds(alone, model, known),
        **ROWS[data_of(asked.task)](asked, wish, n, known),
    }


def _table_row(asked: Analysis, wish: Wish, n: int, known: Known) -> Json:
    model = asked.design["models"][n]
    told = model["algorithm"], model["params"]
    several = spreads(*told)
    devices = ["CPU ranks" if several else "CPU"]
    if learns_on_gpu(ALGORITHMS[model["algorithm"]]):
        devices.append("GPUs" if several else "one GPU")
    searched = searching.asked(asked.design, model)
    return {
        "devices": " or ".join(devices),
        "spreads": spreads(*told, asked.design["compute"]),
        "batch": 0,
        "search": searching.in_words(searched, model["algorithm"]),
    }


def _image_row(asked: Analysis, wish: Wish, n: int, known: Known) -> Json:
    model = asked.design["models"][n]
    training = {**asked.design["training"], **model.get("training", {})}
    shape = fit.shapes(
        estimates.one_model(asked.design, model),
        asked.dataset.facts,
        asked.design["compute"],
        known.catalogue,
    )[0]
    batch = wish.batches.get(n, training["batch_size"])
    return {
        "size": shape.size,
        "epochs": training["epochs"],
        "batch": batch,
        "batches": sorted({*BATCHES, batch}),
        "rate": training["learning_rate"],
        "retrained": shape.retrained,
    }


ROWS = {"images": _image_row, "table": _table_row}


def _fill(plan: Plan, analysis: Analysis, asked: Analysis, user: User) -> None:
    picked = {gpu["uuid"]: (node, gpu) for node in plan.board["nodes"] for gpu in node["gpus"]}
    if plan.wish.mode == "pick":
        pairs = [picked[uuid] for uuid in plan.wish.uuids if uuid in picked]
        plan.chosen = [{"node": node, "gpu": gpu} for node, gpu in pairs]
    plan_limits.find(plan, analysis)
    _time(plan)
    if plan.asked is not None:
        plan.start = forecast.start(
            plan.asked,
            plan.board,
            user=user,
            project=analysis.project,
            need=plan.need,
            takes=plan.seconds,
        )
    fit.reserve(plan.verdicts, plan.start.get("kept", {}))
    if plan.seconds is not None and plan.start.get("seconds") is not None:
        plan.ends = timezone.now() + timedelta(seconds=plan.start["seconds"] + plan.seconds)
    plan.batch = _batch(plan)
    plan.memory = _memory(plan)
    plan.notes = _notes(plan, asked)
    plan.story = plan_story.tell(plan)


def _time(plan: Plan) -> None:
    told = estimates.together([plan.models[n]["time"] for n in plan.wish.models])
    plan.seconds, plan.basis = told["seconds"], told["basis"]


def _batch(plan: Plan) -> Json | None:
    if plan.data == "table" or plan.wish.devices < 2 or not plan.wish.models:
        return None
    row = plan.models[max(plan.wish.models, key=lambda n: plan.models[n]["batch"])]
    rate = row["rate"] / plan.wish.devices if plan.wish.scale else row["rate"]
    return {
        "each": row["batch"],
        "devices": plan.wish.devices,
        "total": row["batch"] * plan.wish.devices,
        "what": "rank" if plan.compute["kind"] == "cpu" else "GPU",
        "rate": f"{rate:g}",
        "scaled": f"{rate * plan.wish.devices:g}",
    }


def _memory(plan: Plan) -> Json | None:
    if not plan.chosen or plan.need.bytes is None:
        return None
    gpus = [one["gpu"] for one in plan.chosen]
    least = min(gpus, key=lambda gpu: plan.verdicts[gpu["uuid"]]["free"])
    shared = plan.compute.get("share") == "shared"
    busy = least["state"] == "busy" and not shared
    return {
        "needs": plan.compute["memory"] if shared else plan.need.bytes,
        "of": least["memory_total"] if busy else plan.verdicts[least["uuid"]]["free"],
        "shared": shared,
        "set_by": max(
            (plan.models[n] for n in plan.wish.models), key=lambda one: one["need"].bytes or 0
        )["label"],
    }


def _notes(plan: Plan, asked: Analysis) -> list[Json]:
    """What the algorithm changes on this device, and what full fine-tuning costs on a CPU."""
    notes: dict[str, str] = {}
    depths = []
    for n in plan.wish.models:
        done = resolved(asked.design, asked.design["models"][n], plan.device)
        notes |= dict.fromkeys(done.notes, "info")
        if plan.data == "images":
            backbone = asked.design["models"][n]["params"]["backbone"]
            depths.append((backbone, done.params["retrained"]))
    if plan.device == "cpu":
        notes |= dict.fromkeys(plan_notes.cpu_cost(depths, asked), "wn")
    if plan.data == "table":
        notes |= plan_notes.of_table(plan, asked)
    return [{"level": level, "text": text} for text, level in notes.items()]

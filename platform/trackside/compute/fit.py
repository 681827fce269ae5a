"""How much memory a training needs on one device, and which device has it. Pure.

The formula counts weights, gradients, optimizer state and activations (docs/jobs.md, "The
catalogue"); measured peaks of like trainings correct it. Nothing is made up: what is not known is
None, and `basis` says so.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import ceil
from statistics import median
from typing import Any, Protocol

from recipes.algorithms import ALGORITHMS
from trackside.ui.words import plural

GIB = 2**30
CONTEXT = int(0.6 * GIB)  # CUDA context and the libraries' work space
SLACK = 1.1  # what the allocator rounds up and keeps
HALF = 0.6  # of the fp32 activations under autocast: some layers stay fp32
LAST_STAGE = {"parameters": 0.45, "activation": 0.35}
OPTIMIZER_BYTES = {"adamw": 8, "adam": 8, "sgd": 4, "rmsprop": 4}
TIGHT = 0.15
TAKEN = ("busy", "quarantined", "foreign", "failed")
FORMULA_SPREAD, ONE_RUN_SPREAD, LEAST_SPREAD = 0.3, 0.15, 0.05
FIXED_FROM = 200  # a backbone whose smallest size is this large takes no other

Design = dict[str, Any]


class Peak(Protocol):
    """A measured training: `compute.models.UsagePeak`."""

    key: str
    batch: int
    estimated: int
    peak: int
    ranks: int
    images: int
    epochs: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Need:
    """Bytes on each device, give or take `spread` (a share). `formula`: before the correction.
    `paged`: bytes that do, where what is over can lie beside a GPU; 0: all are needed there."""

    bytes: int | None
    spread: float = 0.0
    basis: str = ""
    notes: list[str] = field(default_factory=list)
    key: str = ""
    batch: int = 0
    formula: int = 0
    paged: int = 0


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One model with nothing left open: what memory and time depend on."""

    backbone: str
    size: int
    retrained: str
    features: bool  # the head alone learns, on features that are computed once
    precision: str
    device: str
    batch: int
    optimizer: str
    epochs: int

    @property
    def key(self) -> str:
        kind = "features" if self.features else self.retrained
        return f"{self.backbone}|{self.size}|{kind}|{self.precision}|{self.device}"


def estimate(
    design: Design,
    catalogue: dict[str, Any],
    *,
    images: dict[str, Any],
    compute: dict[str, Any],
    peaks: Iterable[Peak],
) -> Need:
    """The need of a model, or of the largest model of an analysis' design.

    `images` are the dataset's facts (docs/jobs.md), `compute` the cleaned wish.
    """
    known = list(peaks)
    needs = [
        _one(shape, catalogue, compute, known)
        for shape in shapes(design, images, compute, catalogue)
    ]
    if not needs:
        return Need(bytes=None, basis="No model is chosen.")
    unknown = [one for one in needs if one.bytes is None]
    return unknown[0] if unknown else max(needs, key=lambda one: one.bytes or 0)


def shapes(
    design: Design, images: dict[str, Any], compute: dict[str, Any], catalogue: dict[str, Any]
) -> list[Shape]:
    """The models of an analysis' design; a single model is a design with its own `params`."""
    models = [design] if "params" in design else design.get("models", [])
    return [_shape({**design, **one}, images, compute, catalogue) for one in models]


def _shape(
    one: Design, images: dict[str, Any], compute: dict[str, Any], catalogue: dict[str, Any]
) -> Shape:
    device = "cpu" if compute.get("kind", "cpu") == "cpu" else "cuda"
    card = ALGORITHMS[one.get("algorithm", "backbone_classifier")]
    params = {**card.params.defaults(), **one.get("params", {})}
    training = {**card.training.defaults(), **one.get("training", {})}
    resolved = card.resolve(params, training, one.get("augmentation") or {}, device)
    still = not any(_moves(name, value) for name, value in resolved.augmentation.items())
    precision = compute.get("precision", "auto")
    return Shape(
        backbone=params["backbone"],
        size=side(entry(catalogue, params["backbone"]), params, images),
        retrained=resolved.params["retrained"],
        features=resolved.params["retrained"] == "head" and still,
        precision="bf16" if precision == "auto" and device == "cuda" else precision,
        device=device,
        batch=int(training["batch_size"]),
        optimizer=training["optimizer"],
        epochs=int(training["epochs"]),
    )


def _moves(name: str, value: Any) -> bool:
    return value != (1 if name == "crop" else 0) and value is not False


def entry(catalogue: dict[str, Any], backbone: str) -> dict[str, Any]:
    """The backbone as the nodes described it; empty when none has."""
    found = (one for one in catalogue.get("backbones", []) if one["name"] == backbone)
    return next(found, {})


def side(net: dict[str, Any], params: dict[str, Any], images: dict[str, Any]) -> int:
    """As the recipes choose it for pictures of this size."""
    own, smallest = own_size(net), int(net.get("min_size") or 0)
    if smallest >= FIXED_FROM:
        return own
    if params["image_size"]:
        return max(int(params["image_size"]), smallest)
    sides = [(images.get(name) or {}).get("median") for name in ("width", "height")]
    shorter = min([side for side in sides if side], default=own)
    if shorter >= own / 2:
        return own
    small = 128 if params["pretrained"] else max(32, round(shorter / 32) * 32)
    return max(small, smallest)


def own_size(net: dict[str, Any]) -> int:
    seen = net.get("input") or 224
    return int(seen["size"] if isinstance(seen, dict) else seen)


def _one(
    shape: Shape, catalogue: dict[str, Any], compute: dict[str, Any], peaks: list[Peak]
) -> Need:
    like = [one for one in peaks if one.key == shape.key and one.peak > 0]
    blank = Need(bytes=None, key=shape.key, batch=shape.batch)
    if shape.device == "cpu":
        return _on_cpu(blank, [one for one in like if one.batch == shape.batch])
    net = entry(catalogue, shape.backbone)
    if not net.get("parameters"):
        return replace(blank, basis=f"No machine has described {shape.backbone} yet.")
    several = len(compute.get("uuids", ())) > 1 or int(compute.get("count", 1)) > 1
    formula, notes = _formula(shape, net, several)
    if formula is None:
        return replace(blank, basis=f"{shape.backbone} has not been measured on a machine yet.")
    return _corrected(replace(blank, formula=formula, notes=notes), like)


def _on_cpu(blank: Need, like: list[Peak]) -> Need:
    if not like:
        return replace(blank, basis="Not estimated on a CPU: no like training has been measured.")
    sizes = [one.peak for one in like]
    spread = max(LEAST_SPREAD, (max(sizes) - min(sizes)) / 2 / median(sizes))
    return replace(
        blank, bytes=int(median(sizes)), spread=spread, basis=from_runs(len(like), spread)
    )


def _formula(shape: Shape, net: dict[str, Any], several: bool) -> tuple[int | None, list[str]]:
    activation = _activation(shape, net)
    if activation is None:
        return None, []
    share = {"all": 1.0, "last": LAST_STAGE["parameters"]}.get(shape.retrained, 0.0)
    trained = net["parameters"] * share
    state = 4 + OPTIMIZER_BYTES.get(shape.optimizer, 8) + (4 if several else 0)
    fixed = net["parameters"] * 4 + trained * state
    notes = ["Gradients are kept twice while several GPUs exchange them."] if several else []
    return int((fixed + activation * shape.batch) * SLACK), notes


def _activation(shape: Shape, net: dict[str, Any]) -> float | None:
    """Bytes for one picture."""
    kept = net.get("activation") or {}
    whole, head = kept.get("all"), kept.get("head")
    if not whole:
        return None
    scale = (shape.size / own_size(net)) ** 2 * (1.0 if shape.precision == "fp32" else HALF)
    if shape.retrained == "head":
        return float(head or whole * 0.1) * scale
    return float(whole) * (1.0 if shape.retrained == "all" else LAST_STAGE["activation"]) * scale


def _corrected(need: Need, like: list[Peak]) -> Need:
    ratios = [one.peak / one.estimated for one in like if one.estimated > 0]
    if not ratios:
        spread, factor = FORMULA_SPREAD, 1.0
        basis = f"By formula, ±{spread:.0%}: no like training has been measured."
    else:
        factor = median(ratios)
        spread = (max(ratios) - min(ratios)) / 2 / factor if len(ratios) > 1 else ONE_RUN_SPREAD
        spread = max(LEAST_SPREAD, spread)
        basis = from_runs(len(ratios), spread)
    size = int(need.formula * factor) + CONTEXT
    return replace(need, bytes=size, spread=round(spread, 3), basis=basis)


def from_runs(number: int, spread: float) -> str:
    return f"From {plural(number, 'like training')}, ±{spread:.0%}."


def budget(need: Need | None) -> int | None:
    """What a job that shares a GPU asks for: the estimate's upper end, in tenths of a GiB."""
    if need is None or need.bytes is None:
        return None
    tenths = ceil(need.bytes * (1 + need.spread) * 10 / GIB)
    return max(GIB, tenths * GIB // 10)


def verdicts(need: Need, board: dict[str, Any], compute: dict[str, Any]) -> dict[str, Any]:
    """For each GPU of the board: `{"verdict","needs","free"}`; None when the need is unknown.

    A shared job needs its memory budget, and finds free what no other job's budget has promised.
    """
    shared = compute.get("share") == "shared"
    needs = compute.get("memory") or budget(need) if shared else need.bytes
    least = needs if shared else need.paged or needs
    found = {}
    for node in board["nodes"]:
        for gpu in node["gpus"]:
            free = _free(gpu) if shared else gpu["memory_free"]
            verdict = _verdict(needs, least, gpu, free, shared and _has_share(gpu))
            if shared and verdict == "tight":
                verdict = "fits"  # the budget is the upper end already
            if shared and gpu.get("slots", 1) < 2:
                verdict = "not_shared"  # a MIG slice, and what else is given to one job alone
            found[gpu["uuid"]] = {"verdict": verdict, "needs": needs, "free": free}
    return found


def reserve(found: dict[str, Any], kept: dict[str, int]) -> None:
    """What would fit but is kept for a job that waits before this one says so. Changes `found`."""
    for uuid, job in kept.items():
        if found.get(uuid, {}).get("verdict") in ("fits", "tight"):
            found[uuid] |= {"verdict": "reserved", "job": job}


def _free(gpu: dict[str, Any]) -> int:
    promised = int((gpu.get("shares") or {}).get("memory", 0))
    return max(0, min(int(gpu["memory_free"]), int(gpu["memory_total"]) - promised))


def _has_share(gpu: dict[str, Any]) -> bool:
    """Given in shares already, with one left."""
    shares = gpu.get("shares") or {"taken": 0, "slots": 0}
    return bool(shares["taken"] < shares["slots"])


def _verdict(
    needs: int | None, least: int | None, gpu: dict[str, Any], free: int, has_share: bool
) -> str | None:
    if least is not None and least > gpu["memory_total"]:
        return "too_small"
    if gpu["state"] in TAKEN and not (gpu["state"] == "busy" and has_share):
        return "busy"
    if needs is None or least is None:
        return None
    if least > free:
        return "no_room_now"
    return "tight" if needs * (1 + TIGHT) > free else "fits"

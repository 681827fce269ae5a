"""What a node can train: its libraries, processors and every backbone with what it costs.

`python -m recipes catalogue --weights FOLDER [--quick]` prints it: recipes/told_before.py. Nothing
is computed on real numbers: networks are built without weights and run on meta tensors, which have
a shape only.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from recipes import builds, extras
from recipes.algorithms import ALGORITHMS
from recipes.engine.facts import versions
from recipes.engine.peers import precision_for
from recipes.job import write_whole
from recipes.nets import backbones, weights
from recipes.nets.backbones import Backbone
from recipes.nets.classifier import Net, Plan, build
from recipes.told_before import LASTS

KEPT = "catalogue.json"
# Counted with the libraries that the lock files name, so that nobody else has to: half a minute of
# a core. With others it does not hold. It is KEPT of a node that has counted everything.
SHIPPED = Path(__file__).parent / "nets" / "counted.json"
BATCH = 2  # batch norms take no single picture
Entry = dict[str, Any]  # JSON


def catalogue(folder: Path, *, quick: bool) -> Entry:
    """All that recipes/told_before.py may keep, and whether it may. What was counted before by the
    same libraries is read, not counted."""
    found = _libraries()
    how = builds.asked(found)
    counted = {**_read(SHIPPED), **_read(folder / KEPT)}
    known = backbones.known().values()
    if not quick:
        for one in known:
            if one.name not in counted:
                counted[one.name] = _count(one)
                _keep(folder, counted)  # at once: a node may be stopped meanwhile
    return {
        "versions": versions(),
        "libraries": {name: one for name, one in found.items() if how.get(name) != "broken"},
        "gpu_builds": [name for name, build in how.items() if build == "gpu"],
        "cpu": {"bf16": _bf16()},
        "torch_archs": str(torch._C._cuda_getArchFlags() or "").split() if _with_cuda() else [],
        "backbones": [_entry(one, counted.get(one.name, {}), folder) for one in known],
        LASTS: "broken" not in how.values() and all(counted.get(one.name) for one in known),
    }


def _libraries() -> dict[str, str]:
    """What algorithms and scorers need beside torch, as far as it is installed here."""
    asked = {one.library for one in ALGORITHMS.values()} | set(extras.EXTRAS)
    return dict(extras.present(asked - {""}))


def _entry(one: Backbone, counted: Entry, folder: Path) -> Entry:
    return {
        "name": one.name,
        "label": one.label,
        "family": one.family,
        "parameters": one.parameters,
        "features": counted.get("features"),
        "input": one.input.size,
        "min_size": one.min_size,
        "weights": weights.where(one, folder),
        "accuracy": one.accuracy,
        "macs": counted.get("macs") or _registered_macs(one),
        **({"activation": counted["activation"]} if "activation" in counted else {}),
    }


def bare(one: Backbone) -> Net:
    """The network without weights, on the device meta."""
    plan = Plan(backbone=one.name, classes=2, dropout=0.2, pretrained=False, weights=None)
    with _Weightless():
        return build(plan).to("meta")


class _Weightless(TorchFunctionMode):
    """Parameters take no memory and no time; the few numbers that a constructor needs are real."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,  # torch's protocol
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is torch.empty:
            kwargs = {**(kwargs or {}), "device": "meta"}
        return func(*args, **(kwargs or {}))


def _count(one: Backbone) -> Entry:
    """Nothing for a network that cannot be run on its own input: one must not hide the others."""
    try:
        return _counted(one)
    except Exception as wrong:
        sys.stderr.write(f"{one.name} cannot be counted: {wrong}\n")
        return {}


def _counted(one: Backbone) -> Entry:
    net = bare(one)
    size = one.input.size
    pictures = torch.empty((BATCH, 3, size, size), device="meta")
    pictures = pictures.contiguous(memory_format=torch.channels_last)
    return {
        "features": net.features,
        "macs": _registered_macs(one) or _macs(net.body, pictures),
        "activation": {
            "all": saved_bytes(net.body, pictures),
            "head": live_bytes(net.body, pictures),
        },
    }


def saved_bytes(net: nn.Module, pictures: Tensor) -> int:
    """Bytes for each picture that the forward pass keeps for the backward pass."""
    own = {one.untyped_storage()._cdata for one in [*net.parameters(), *net.buffers()]}
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()._cdata
        if storage not in own:
            kept[storage] = tensor  # held, so that no other storage gets its address
        return tensor

    net.train()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        net(pictures)
    return sum(one.untyped_storage().nbytes() for one in kept.values()) // len(pictures)


def live_bytes(net: nn.Module, pictures: Tensor) -> int:
    """Bytes for each picture of the widest layer's input and output: what a frozen net holds."""
    widest = 0

    def seen(_: nn.Module, given: tuple[Any, ...], made: Any) -> None:
        nonlocal widest
        tensors = [one for one in (*given, made) if isinstance(one, Tensor)]
        widest = max(widest, sum(one.numel() * one.element_size() for one in tensors))

    hooks = [module.register_forward_hook(seen) for module in net.modules()]
    net.eval()
    with torch.no_grad():
        net(pictures)
    for hook in hooks:
        hook.remove()
    return widest // len(pictures)


def _macs(net: nn.Module, pictures: Tensor) -> int:
    net.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(pictures)
    return int(counter.get_total_flops()) // 2 // len(pictures)


def _registered_macs(one: Backbone) -> int | None:
    """Multiply-adds for a picture, as torchvision lists them (in thousand millions)."""
    if not one.url:
        return None
    return int(models.get_model_weights(one.name).DEFAULT.meta["_ops"] * 1e9)


def _bf16() -> bool:
    return precision_for("auto", torch.device("cpu")) == "bf16"


def _with_cuda() -> bool:
    return torch.version.cuda is not None


def _read(file: Path) -> dict[str, Entry]:
    try:
        kept = json.loads(file.read_text())
        return dict(kept["counted"]) if kept["versions"] == _rests_on() else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _keep(folder: Path, counted: dict[str, Entry]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    sure = {name: entry for name, entry in counted.items() if entry}
    write_whole(folder / KEPT, json.dumps({"versions": _rests_on(), "counted": sure}, indent=1))


def _rests_on() -> dict[str, str]:
    """The versions whose change makes the count invalid."""
    return {name: versions()[name] for name in ("torch", "torchvision", "timm")}

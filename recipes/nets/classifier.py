"""A backbone without its own head, and a new head for other classes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from recipes.nets import backbones, weights

OWN_CLASSES = 1000  # ImageNet's, which every backbone's own head has
LAST_SHARE = 0.25  # the last stage is what holds at least this share of the body's parameters

Retrained = Literal["head", "last", "all"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to build. `weights` is the node's folder of pretrained weights; None builds bare."""

    backbone: str
    classes: int
    dropout: float
    pretrained: bool
    weights: Path | None


class Net(nn.Module):
    """`body` gives a picture's features, `head` the logits of its classes."""

    def __init__(self, body: nn.Module, features: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.body = body
        self.features = features
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(features, classes))
        # From zero all classes start alike: on frozen features three seeds then agree.
        nn.init.zeros_(self.head[1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.head[1].bias)  # type: ignore[arg-type]

    def forward(self, pictures: Tensor) -> Tensor:
        features = self.body(pictures)
        # In full precision, so that probabilities are those of a head trained on stored features.
        with torch.autocast(features.device.type, enabled=False):
            logits: Tensor = self.head(features.float())
        return logits


def build(plan: Plan) -> Net:
    """The network on the CPU, channels last."""
    known = backbones.find(plan.backbone)
    load = plan.pretrained and plan.weights is not None
    net = backbones.build(known, initialised=not load)
    if load and plan.weights is not None:
        weights.load(known, net, plan.weights)
    net = backbones.without_extras(net, pretrained=plan.pretrained)
    features = _behead(net)
    _spare_slow_kernels(net)
    made = Net(net, features, plan.classes, plan.dropout)
    return made.to(memory_format=torch.channels_last)


def freeze(net: Net, retrained: Retrained) -> None:
    """Let only those layers learn. Frozen batch norms keep their statistics, see `train_mode`."""
    if retrained == "all":
        return
    for parameter in net.body.parameters():
        parameter.requires_grad_(False)
    if retrained == "last":
        for part in _last_stage(net.body):
            for parameter in part.parameters():
                parameter.requires_grad_(True)


def train_mode(net: Net, *, still: bool = False) -> None:
    """Training mode for what learns, and for that alone.

    `still` keeps all batch norms as they are: a batch of one picture has no variance.
    """
    net.train()
    for module in net.body.modules():
        own = list(module.parameters(recurse=False))
        frozen = bool(own) and not any(one.requires_grad for one in own)
        if frozen or (still and isinstance(module, nn.modules.batchnorm._BatchNorm)):
            module.eval()
    if not any(one.requires_grad for one in net.body.parameters()):
        net.body.eval()


def _behead(net: nn.Module) -> int:
    """Replace the last layer with as many outputs as ImageNet has classes; its width of input."""
    found = ""
    for name, module in net.named_modules():
        if _outputs(module) == OWN_CLASSES:
            found = name
    if not found:
        raise TypeError(f"{type(net).__name__} has no layer with {OWN_CLASSES} outputs.")
    parent = net.get_submodule(found.rpartition(".")[0])
    head = net.get_submodule(found)
    setattr(parent, found.rpartition(".")[2], nn.Identity())
    width = head.in_features if isinstance(head, nn.Linear) else head.in_channels
    for beside in parent.children():
        if isinstance(beside, nn.Dropout) and not isinstance(parent, type(net)):
            beside.p = 0.0  # the new head has its own
    return int(width)  # type: ignore[arg-type]


def _spare_slow_kernels(net: nn.Module) -> None:
    """Let wide and strided depthwise convolutions run in float32 on a CPU, whatever the precision.

    oneDNN's bfloat16 gradients of those take two to four times as long: EfficientNet-Lite0 and
    MobileNet-V3 train 1.5 to 2 times as fast with it.
    """
    for module in net.modules():
        if not isinstance(module, nn.Conv2d) or not module.groups == module.in_channels > 1:
            continue
        if module.kernel_size[0] >= 5 or module.stride[0] > 1:
            module.forward = partial(_in_float32, module.forward)  # type: ignore[method-assign]


def _in_float32(forward: Callable[[Tensor], Tensor], given: Tensor) -> Tensor:
    if given.device.type != "cpu":
        return forward(given)
    with torch.autocast("cpu", enabled=False):
        return forward(given.float())


def _outputs(module: nn.Module) -> int:
    if isinstance(module, nn.Linear):
        return module.out_features
    return module.out_channels if isinstance(module, nn.Conv2d) else 0


def _last_stage(body: nn.Module) -> list[nn.Module]:
    """The last modules that together hold a quarter of the parameters, at the level of stages."""
    level = body
    while True:
        parts = [part for part in level.children() if _size(part)]
        largest = max(parts, key=_size, default=None)
        if largest is None or (len(parts) > 2 and _size(largest) < 0.6 * _size(level)):
            break
        if not any(_size(part) for part in largest.children()):
            break
        level = largest
    chosen = [part for part in _after(body, level) if _size(part)]
    for part in reversed([part for part in level.children() if _size(part)]):
        if sum(map(_size, chosen)) >= LAST_SHARE * _size(body):
            break
        chosen.append(part)
    return chosen


def _after(body: nn.Module, level: nn.Module) -> list[nn.Module]:
    """The direct children of the body that come after the one that holds `level`."""
    children = list(body.children())
    for place, child in enumerate(children):
        if any(module is level for module in child.modules()):
            return children[place + 1 :]
    return []


def _size(module: nn.Module) -> int:
    return sum(one.numel() for one in module.parameters())

"""Every backbone: torchvision's registry, and EfficientNet-Lite0 whose weights are a package.

Nothing about a network is typed here: sizes, means, interpolation and files come with the weights.
"""

import inspect
import re
from dataclasses import dataclass
from functools import cache

from timm import create_model
from torch import nn
from torchvision import models

LITE0 = "efficientnet_lite0"
FIXED_FROM = 200  # a smallest size at or above this is the only size: windows, positions


class UnknownBackbone(Exception):
    """There is no backbone of that name; the message is a sentence."""

    code = "bad_job"


@dataclass(frozen=True, kw_only=True)
class ImageInput:
    """How a picture becomes a network's input: shorter side to `resize`, middle `size` x `size`."""

    size: int
    resize: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str  # bilinear or bicubic


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """One network. `input` is what its weights were trained for."""

    name: str
    label: str
    family: str
    input: ImageInput
    min_size: int
    parameters: int  # with its own head of 1,000 classes
    accuracy: float | None  # ImageNet top-1 in percent
    url: str  # "" where the weights come with a package

    @property
    def file(self) -> str:
        """What the weights are called in a node's folder of weights."""
        return self.url.rsplit("/", 1)[-1] if self.url else f"{self.name}.safetensors"

    @property
    def fixed(self) -> bool:
        """Takes its own size only."""
        return self.min_size >= FIXED_FROM


@cache
def known() -> dict[str, Backbone]:
    """All backbones by name, the default first."""
    names = models.list_models(module=models)
    return {LITE0: _lite0(), **{name: _torchvision(name) for name in names}}


def find(name: str) -> Backbone:
    try:
        return known()[name]
    except KeyError:
        raise UnknownBackbone(
            f"There is no backbone called {name!r}. Known: {', '.join(sorted(known()))}."
        ) from None


def build(backbone: Backbone, *, initialised: bool) -> nn.Module:
    """The network with its own head, for its own input; `initialised`: no weights follow."""
    if backbone.name == LITE0:
        net: nn.Module = create_model(f"tf_{LITE0}", pretrained=False)
        return net
    builder = models.get_model_builder(backbone.name)
    asks = backbone.name in ("googlenet", "inception_v3")  # they warn when it is left out
    extra: dict[str, int] = {"init_weights": initialised} if asks else {}
    if backbone.name.startswith("vit_"):  # positions are learnt for one size, not always 224
        extra["image_size"] = backbone.input.size
    made: nn.Module = builder(weights=None, **extra)
    return made


def without_extras(net: nn.Module, *, pretrained: bool) -> nn.Module:
    """Drops the auxiliary heads that two networks train with, once their weights are loaded."""
    for name in ("aux1", "aux2", "AuxLogits"):
        if getattr(net, name, None) is not None:
            setattr(net, name, None)
    if hasattr(net, "aux_logits"):
        net.aux_logits = False  # type: ignore[assignment]
    if hasattr(net, "transform_input"):
        net.transform_input = pretrained  # type: ignore[assignment]
    return net


def input_for(
    backbone: Backbone, *, asked: int, shorter_side: float, pretrained: bool
) -> ImageInput:
    """The input at the size that was asked for, or at a sensible one for pictures of that size."""
    own = backbone.input
    if backbone.fixed:
        return own
    if asked:
        size = max(asked, backbone.min_size)
        resize = round(size * own.resize / own.size)
    elif shorter_side < own.size / 2:
        size = max(small_size(shorter_side, pretrained=pretrained), backbone.min_size)
        resize = size  # a small picture is cut to its subject already
    else:
        return own
    return ImageInput(
        size=size, resize=resize, mean=own.mean, std=own.std, interpolation=own.interpolation
    )


def small_size(shorter_side: float, *, pretrained: bool) -> int:
    """Pretrained filters want details at the scale they learnt: small pictures are enlarged."""
    if not pretrained:
        return max(32, round(shorter_side / 32) * 32)
    return 128


def _torchvision(name: str) -> Backbone:
    weights = models.get_model_weights(name).DEFAULT
    seen = weights.transforms()
    meta = weights.meta
    module = inspect.getmodule(inspect.unwrap(models.get_model_builder(name)))
    family = (module.__name__ if module else name).rsplit(".", 1)[-1]
    return Backbone(
        name=name,
        label=_label(name),
        family=FAMILIES.get(family, _label(family)),
        input=ImageInput(
            size=seen.crop_size[0],
            resize=seen.resize_size[0],
            mean=tuple(seen.mean),
            std=tuple(seen.std),
            interpolation=seen.interpolation.value,
        ),
        min_size=max(meta["min_size"]),
        parameters=meta["num_params"],
        accuracy=meta["_metrics"]["ImageNet-1K"]["acc@1"],
        url=weights.url,
    )


def _lite0() -> Backbone:
    return Backbone(
        name=LITE0,
        label="EfficientNet-Lite0",
        family="EfficientNet-Lite",
        input=ImageInput(
            size=224, resize=256, mean=(0.5,) * 3, std=(0.5,) * 3, interpolation="bicubic"
        ),
        min_size=1,
        parameters=4_652_008,
        accuracy=75.5,
        url="",
    )


FAMILIES = {
    "alexnet": "AlexNet",
    "convnext": "ConvNeXt",
    "densenet": "DenseNet",
    "efficientnet": "EfficientNet",
    "googlenet": "GoogLeNet",
    "inception": "Inception",
    "maxvit": "MaxViT",
    "mnasnet": "MNASNet",
    "mobilenetv2": "MobileNet V2",
    "mobilenetv3": "MobileNet V3",
    "regnet": "RegNet",
    "resnet": "ResNet",
    "shufflenetv2": "ShuffleNet V2",
    "squeezenet": "SqueezeNet",
    "swin_transformer": "Swin",
    "vgg": "VGG",
    "vision_transformer": "Vision Transformer",
}

SPELLING = {
    "convnext": "ConvNeXt",
    "densenet": "DenseNet",
    "efficientnet": "EfficientNet",
    "googlenet": "GoogLeNet",
    "maxvit": "MaxViT",
    "mnasnet": "MNASNet",
    "mobilenet": "MobileNet",
    "regnet": "RegNet",
    "resnet": "ResNet",
    "resnext": "ResNeXt",
    "shufflenet": "ShuffleNet",
    "squeezenet": "SqueezeNet",
    "vgg": "VGG",
    "vit": "ViT",
    "alexnet": "AlexNet",
}


def _label(name: str) -> str:
    """`efficientnet_v2_s` as people write it: EfficientNet V2 S."""
    words = []
    for word in re.sub(r"(?<!\d)(\d)_(\d)", r"\1.\2", name).split("_"):
        letters = re.match(r"[a-z]+", word)
        stem = letters.group() if letters else ""
        if stem in SPELLING:
            rest = word[len(stem) :]
            words.append(SPELLING[stem] + (f"-{rest}" if rest else ""))
        elif len(word) <= 2 or not stem or len(stem) < len(word):
            words.append(word.upper() if len(stem) <= 1 else word)
        else:
            words.append(word.capitalize())
    return " ".join(words)

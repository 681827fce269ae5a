"""The forms of the design, made from the cards, and what they send back."""

from collections.abc import Iterable, Mapping
from typing import Any

from recipes.algorithms import ALGORITHMS
from trackside.lab.design import Design, params_of
from trackside.lab.labels import backbones
from trackside.ui.param_forms import Options, ParamForm, form_for
from trackside.ui.words import size

WEIGHTS = {
    "package": "weights are here",
    "cached": "weights are here",
    "download": "weights are downloaded at first use",
    "missing": "weights are not here, and nothing is downloaded",
    "none": "no pretrained weights",
}


def part_form(
    design: Design,
    part: str,
    data: Mapping[str, Any] | None = None,
    catalogue: Mapping[str, Options] | None = None,
    barred: Mapping[str, Mapping[str, str]] | None = None,
) -> ParamForm:
    """The form over one part of the design; `barred` as in `form_for`."""
    card, own = params_of(design, part), design.get(part)
    return form_for(card, data, initial=own, catalogue=catalogue, barred=barred)


def model_form(
    model: dict[str, Any],
    place: int,
    options: Mapping[str, Options],
    data: Mapping[str, Any] | None = None,
    task: str = "",
    barred: Mapping[str, Mapping[str, str]] | None = None,
) -> ParamForm:
    """The form over one model's params, of a task only those that mean something to it, its fields
    called `m<place>-...`; `barred` as in `form_for`."""
    params = ALGORITHMS[model["algorithm"]].params.of(task)
    initial, prefix = model["params"], f"m{place}"
    return form_for(params, data, initial=initial, prefix=prefix, catalogue=options, barred=barred)


def catalogue_options(used: Iterable[str]) -> dict[str, Options]:
    """The backbones that the nodes reported, by family; a name that is in use is always there."""
    families: dict[str, list[tuple[str, str]]] = {}
    known = backbones()
    for one in known.values():
        families.setdefault(one.get("family") or "Others", []).append(
            (one["name"], option_label(one))
        )
    missing = [(name, name) for name in dict.fromkeys(used) if name not in known]
    if missing:
        families["Not reported by a machine"] = missing
    return {"backbones": list(families.items())}


def option_label(one: dict[str, Any]) -> str:
    """`ResNet-50 · 25.6 M parameters · 80.9 % on ImageNet · weights are here`."""
    parts = [str(one.get("label") or one["name"])]
    if one.get("parameters"):
        parts.append(f"{one['parameters'] / 1e6:.1f} M parameters")
    if one.get("accuracy") is not None:
        parts.append(f"{percent(one['accuracy']):.1f} % on ImageNet")
    parts.append(WEIGHTS.get(one.get("weights", ""), ""))
    return " · ".join(part for part in parts if part)


def percent(accuracy: float) -> float:
    """ImageNet's top-1 as percent, whether it came as 0.809 or 80.9."""
    return accuracy * 100 if accuracy <= 1 else accuracy


def backbone_rows() -> list[dict[str, Any]]:
    """The table of all backbones: label, parameters, accuracy, input, weights."""
    return [
        {
            "name": one["name"],
            "label": one.get("label") or one["name"],
            "family": one.get("family", ""),
            "parameters": f"{one['parameters'] / 1e6:.1f} M" if one.get("parameters") else "",
            "size": size(one["parameters"] * 4) if one.get("parameters") else "",
            "accuracy": None if one.get("accuracy") is None else percent(one["accuracy"]),
            "here": one.get("weights") in ("package", "cached"),
            "weights": WEIGHTS.get(one.get("weights", ""), ""),
        }
        for one in backbones().values()
    ]

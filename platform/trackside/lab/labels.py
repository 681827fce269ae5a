"""What models and backbones are called on pages."""

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from recipes.algorithms import ALGORITHMS
from recipes.params import Choice, Flag, Param, Params
from recipes.tasks import TASKS, data_of
from trackside.compute.services import catalogue
from trackside.lab.trouble import BadDesign
from trackside.saved_models import lineage
from trackside.ui.words import figure

DEPTHS = {"auto": "", "head": "head only", "last": "last stage", "all": "all layers"}


def backbones() -> dict[str, dict[str, Any]]:
    """By name: what the nodes said about each backbone; empty before a node has reported."""
    return {one["name"]: one for one in catalogue().get("backbones", [])}


def check_reported(models: list[dict[str, Any]], before: list[dict[str, Any]]) -> None:
    """Raises BadDesign for a backbone that no node has; one that was there `before` may stay."""
    known = backbones()
    kept = {one["params"].get("backbone") for one in before}
    for place, one in enumerate(models):
        name = one["params"].get("backbone")
        if known and name is not None and name not in known and name not in kept:
            near = get_close_matches(name, known, n=3) or list(known)[:3]
            raise BadDesign(
                {
                    f"models.{place}.params.backbone": f"No machine has a backbone {name!r}. "
                    f"There are {len(known)}, among them {', '.join(near)}."
                }
            )


def backbone_label(name: str) -> str:
    found = backbones().get(name, {})
    return str(found.get("label") or name.replace("_", " "))


def model_label(params: dict[str, Any]) -> str:
    """`EfficientNet-Lite0`, and what sets it apart from its defaults."""
    more = [] if params.get("pretrained", True) else ["from scratch"]
    depth = DEPTHS.get(params.get("retrained", "auto"), "")
    more += [depth] if depth and params.get("pretrained", True) else []
    more += [f"{params['image_size']} px"] if params.get("image_size") else []
    name = backbone_label(params["backbone"])
    return f"{name} ({', '.join(more)})"[:120] if more else name[:120]


def table_label(model: dict[str, Any]) -> str:
    """`XGBoost`, and up to two settings that are not its defaults, or that they were `searched`."""
    card = ALGORITHMS[model["algorithm"]]
    changed = [
        f"{_lower(one.label)} {param_text(one, model['params'][one.name])}"
        for one in card.params.in_use({**card.params.defaults(), **model["params"]})
        if model["params"].get(one.name, one.default) != one.default
    ]
    changed = ["searched"] if model.get("searched") else changed[:2]
    if not changed:
        return card.label
    name, parted, inside = card.label.removesuffix(")").partition(" (")
    return f"{name} ({', '.join([inside, *changed] if parted else changed)})"[:120]


def _lower(label: str) -> str:
    """A setting's label within a sentence: names and shortenings stay as they are."""
    first = label.split(" ", 1)[0]
    named = first.endswith("'s") or (not first[1:].islower() and len(first) > 1)
    return label if named else label[0].lower() + label[1:]


LABELS: dict[str, Callable[[dict[str, Any]], str]] = {
    "images": lambda model: model_label(model["params"]),
    "table": table_label,
}


def label_of(model: dict[str, Any]) -> str:
    """What a model of a design is called: by its backbone, or by its algorithm."""
    return LABELS[data_of(ALGORITHMS[model["algorithm"]].tasks[0])](model)


def metric_text(value: Any, card: Any) -> str:
    """0.948 as 94.8 % or 0.948, as the metric's card says."""
    if card is None:
        return figure(value)
    return figure(value, percent=card.percent, unit=card.unit)


LEARNED = {"rounds": "{}s kept", "best": "Best {}", "went_on_from": "Went on from {}"}
DEVICES = {"cpu": "CPU", "cuda": "GPU"}


def unit(algorithm: str) -> str:
    """What it counts while it learns: round, epoch, tree."""
    return ALGORITHMS[algorithm].unit if algorithm in ALGORITHMS else "round"


def learned_in_words(facts: dict[str, Any], unit: str = "round") -> list[tuple[str, str]]:
    """What a learner said of its model; nothing of what does not apply to it."""
    learned, said = facts.get("learned") or {}, []
    by = "cuML" if str(learned.get("device")).startswith("cuda") else "Intel's extension"
    for name, value in learned.items():
        if value is None or (name == "went_on_from" and facts.get("lineage")):
            continue
        if name == "device":
            kind, _, number = str(value).partition(":")
            said.append(("Learned on", f"{DEVICES.get(kind, kind)} {number}".strip()))
        elif name == "accelerated":
            said.append((by, "ran" if value else "did not run"))
        else:
            label = LEARNED.get(name, name.replace("_", " ")).format(unit)
            said.append((label[:1].upper() + label[1:], str(value)))
    return said + lineage.in_words(facts)


def algorithm_label(name: str) -> str:
    return ALGORITHMS[name].label if name in ALGORITHMS else name


def param_text(field: Param, value: Any) -> str:
    """One value of a card as a person would say it."""
    if isinstance(field, Flag):
        return "on" if value else "off"
    if isinstance(field, Choice):
        return next((label for one, label, _ in field.options if one == value), str(value))
    if value == 0 and (zero := zero_text(field)):
        return zero
    before = field.unit.partition("0 = ")[0]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e9:
        value = int(value)
    unit = "" if value in (0, None) else f" {before.partition(',')[0]}".rstrip()
    return f"{value}{unit}"


def zero_text(field: Param) -> str:
    """What 0 means where it is no amount, as in "px, 0 = automatic"; "" where it is one."""
    return field.unit.partition("0 = ")[2]


def params_in_words(card: Params, values: dict[str, Any]) -> list[tuple[str, str]]:
    """The values of a card by its labels, without those that another value makes idle."""
    return [
        (one.label, param_text(one, values[one.name]))
        for one in card.in_use(values)
        if one.name in values
    ]


def spec_in_words(spec: dict[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """What was frozen at the click: section and rows."""
    algorithm, task = ALGORITHMS.get(spec.get("algorithm", "")), TASKS.get(spec.get("task", ""))
    if algorithm is None or task is None:
        return []
    cards = {
        "Architecture": (algorithm.params.of(spec["task"]), "params"),
        "Training": (algorithm.training, "training"),
        "Data augmentation": (task.augmentation, "augmentation"),
        "Train / test": (task.split, "split"),
    }
    return [
        (title, params_in_words(card, spec.get(part, {})))
        for title, (card, part) in cards.items()
        if card.fields
    ]

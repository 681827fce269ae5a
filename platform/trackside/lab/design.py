"""The design of an analysis: its defaults, and the check of each part by its card. Pure.

`{"task","target","split","metric","models":[{"algorithm","params","on","notes"}],"augmentation",
"training","runtime","compute"}`; of a table also `features` (lab/handling.py) and `rebalance`, of
two classes `positive`: the class that the figures are of, "" for the last one in order.
A model of a table may have a `space` of its own and `searched`: false (lab/searching.py), and its
design `search`. `notes`, where there are some: which settings came under the names of other tools;
`device`, where they ask for one: cpu or cuda (lab/device_wish.py).
"""

from copy import deepcopy
from dataclasses import replace
from typing import Any

from recipes.algorithms import ALGORITHMS, former
from recipes.params import Choice, Flag, ParamError, Params, Whole
from recipes.tasks import TASKS, table_split
from trackside.lab import device_wish, searching
from trackside.lab.trouble import BadDesign

Design = dict[str, Any]
MOST_MODELS = 20
NOTE = 300  # characters
DRAWN = ("random", "time")  # policies with shares
OF_MODEL = ("algorithm", "params", "on", "space", "searched", "device")
PARTS = ("split", "metric", "models", "augmentation", "training", "runtime", "compute")
SEED = Whole(
    name="seed",
    label="Seed",
    default=1337,
    minimum=0,
    maximum=2**31 - 1,
    help="Fixes all that is drawn at random: first weights, order of the pictures, "
    "augmentation. The same seed on the same device gives the same model.",
)
RUNTIME = Params(
    (
        Choice(
            name="precision",
            label="Precision",
            default="auto",
            shape="segments",
            help="Automatic takes bf16 where the device computes with it, else fp32. Half "
            "precision is faster and needs less memory; fp32 repeats to the last digit.",
            options=(
                ("auto", "Automatic", ""),
                ("bf16", "bf16 mixed", ""),
                ("fp16", "fp16 mixed", ""),
                ("fp32", "fp32", ""),
            ),
        ),
        SEED,
    )
)
SEED_OF_TABLES = replace(
    SEED,
    help="Fixes all that an algorithm draws at random. The same seed gives the same model.",
)
LEARNING_CURVE = Flag(
    name="learning_curve",
    label="Learning curve",
    default=False,
    help="Fits the same model four times more, on 10, 25, 50 and 75 % of the training rows, and "
    "judges each on the validation rows: it shows whether more rows would help. The training "
    "takes about two and a half times as long.",
)
REFIT = Flag(
    name="refit",
    label="Learn from the validation rows in the end",
    default=True,
    help="Once the model is judged, the one that is kept learns again, from the training and the "
    "validation rows together: more rows make it better. What the validation rows gave, its "
    "score, threshold and best round, is the first one's; what the test rows give is its own.",
)
RUNTIMES = {"images": RUNTIME, "table": Params((SEED_OF_TABLES, REFIT, LEARNING_CURVE))}
OWN: dict[str, Design] = {
    "images": {},
    "table": {"features": {}, "rebalance": False, "search": searching.SETTINGS.defaults()},
}


def default_design(facts: dict[str, Any], task: str, target: str = "label") -> Design:
    """A complete design that trains a good model when nothing is changed."""
    card = TASKS[task]
    algorithm = card.algorithms[0]
    split = card.split.defaults()
    if split.get("policy") == "folders" and not splits_of(facts):
        split["policy"] = "random"
    return {
        "task": task,
        "target": target,
        "split": split,
        "metric": card.default_metric,
        "models": [_fresh(one, on=one == algorithm) for one in card.algorithms],
        "augmentation": card.augmentation.defaults(),
        "training": ALGORITHMS[algorithm].training.defaults(),
        "runtime": RUNTIMES[card.data].defaults(),
        "compute": {},
        **deepcopy(OWN[card.data]),
        **({"positive": ""} if task == "two_class" else {}),
    }


def _fresh(algorithm: str, *, on: bool) -> dict[str, Any]:
    return {"algorithm": algorithm, "params": ALGORITHMS[algorithm].params.defaults(), "on": on}


def offered(design: Design) -> list[dict[str, Any]]:
    """The models of the design, and behind them, switched off, the algorithms that it lacks."""
    listed = design["models"]
    there = {one["algorithm"] for one in listed}
    card = TASKS[design["task"]]
    return [*listed, *(_fresh(one, on=False) for one in card.algorithms if one not in there)]


def splits_of(facts: dict[str, Any]) -> dict[str, int]:
    """The parts that the dataset's own folders name, with the number of pictures in each."""
    splits = facts.get("splits") or {}
    return {name: n for name, n in splits.items() if name in ("train", "val", "test") and n}


def params_of(design: Design, part: str) -> Params:
    """The card behind a part of the design."""
    card = TASKS[design["task"]]
    algorithm = ALGORITHMS[
        (design["models"] or [{"algorithm": card.algorithms[0]}])[0]["algorithm"]
    ]
    found = {
        "split": card.split,
        "augmentation": card.augmentation,
        "training": algorithm.training,
        "runtime": RUNTIMES[card.data],
    }
    return found[part]


def clean_part(design: Design, part: str, value: Any) -> Any:
    """The part in its own types, defaults filled in. Raises BadDesign."""
    match part:
        case "task" | "target":
            return _fixed(design, part, value)
        case "metric":
            return _metric(design, value)
        case "models":
            return _models(design, value)
        case "compute":
            return _mapping("compute", value)
        case "rebalance" if part in design:
            return _rebalance(value)
        case "search" if TASKS[design["task"]].data == "table":
            return _search(value)
        case "split" | "augmentation" | "training" | "runtime":
            cleaned = _by_card(params_of(design, part), part, value)
            return _split(design["task"], cleaned) if part == "split" else cleaned
    known = ", ".join((*PARTS, *OWN[TASKS[design["task"]].data]))
    raise BadDesign({part: f"A design has no part called {part!r}. It has {known}."})


def _fixed(design: Design, part: str, value: Any) -> Any:
    if value != design.get(part):
        raise BadDesign(
            {part: f"{part!r} is {design.get(part)!r} for good; make a new analysis for another."}
        )
    return value


def _by_card(params: Params, part: str, value: Any) -> dict[str, Any]:
    try:
        return params.clean(_mapping(part, value))
    except ParamError as wrong:
        raise BadDesign({f"{part}.{name}": said for name, said in wrong.errors.items()}) from None


def _mapping(part: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadDesign({part: f"{part!r} must be an object, not {value!r}."})
    return value


def _split(task: str, value: dict[str, Any]) -> dict[str, Any]:
    if said := table_split.trouble(value, task):
        raise BadDesign({"split.sampling": said})
    if value["policy"] in DRAWN and value["train_share"] + value["validation_share"] > 1 + 1e-9:
        total = value["train_share"] + value["validation_share"]
        raise BadDesign(
            {
                "split.validation_share": "'Train share' and 'Validation share' together are "
                f"{total:g}; they may be 1 at most. What they leave over is the test set."
            }
        )
    return value


def _rebalance(value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadDesign({"rebalance": f"'rebalance' must be true or false, not {value!r}."})
    return value


def _search(value: Any) -> dict[str, Any]:
    try:
        return searching.clean(_mapping("search", value))
    except ParamError as wrong:
        raise BadDesign({f"search.{name}": said for name, said in wrong.errors.items()}) from None


def _metric(design: Design, value: Any) -> str:
    metrics = TASKS[design["task"]].metrics
    if value not in metrics:
        known = ", ".join(metrics)
        raise BadDesign({"metric": f"'metric' must be one of {known}, not {value!r}."})
    return str(value)


def _models(design: Design, value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value:
        raise BadDesign({"models": "A design needs at least one model."})
    if len(value) > MOST_MODELS:
        raise BadDesign({"models": f"A design has {MOST_MODELS} models at most, not {len(value)}."})
    cleaned: list[dict[str, Any]] = []
    errors: dict[str, str] = {}
    for place, one in enumerate(value):
        try:
            cleaned.append(_model(design, place, one))
        except BadDesign as wrong:
            errors |= wrong.errors
    if errors:
        raise BadDesign(errors)
    return cleaned


def _model(design: Design, place: int, one: Any) -> dict[str, Any]:
    where = f"models.{place}"
    given = _mapping(where, one)
    unknown = sorted(set(given) - {*OF_MODEL, "notes"})
    if unknown:
        said = f"A model has no {unknown[0]!r}; it has {', '.join(OF_MODEL)}."
        raise BadDesign({f"{where}.{unknown[0]}": said})
    algorithm = given.get("algorithm", TASKS[design["task"]].algorithms[0])
    if algorithm not in TASKS[design["task"]].algorithms:
        known = ", ".join(TASKS[design["task"]].algorithms)
        raise BadDesign(
            {f"{where}.algorithm": f"'algorithm' must be one of {known}, not {algorithm!r}."}
        )
    card, asked = ALGORITHMS[algorithm], _mapping(f"{where}.params", given.get("params", {}))
    device = former.device(asked) or device_wish.named(given.get("device"), where)
    asked, notes = card.named(asked)
    params = _by_card(card.params, f"{where}.params", asked)
    flags = {name: given.get(name, True) for name in ("on", "searched")}
    for name, value in flags.items():
        if not isinstance(value, bool):
            said = f"{name!r} must be true or false, not {value!r}."
            raise BadDesign({f"{where}.{name}": said})
    made = {"algorithm": algorithm, "params": params, "on": flags["on"]}
    if not flags["searched"]:
        made["searched"] = False
    space = searching.clean_space(algorithm, given.get("space") or {}, f"{where}.space")
    if space:
        made["space"] = space
    told = {"notes": [_cut(one) for one in notes], "device": device}
    if not notes:
        told = _told(design["models"][place : place + 1], made)
        told = _anew(told, device) if "device" in given else told
    return {**made, **{name: one for name, one in told.items() if one}}


def _cut(note: str) -> str:
    """A value that is not used may be anything."""
    return note if len(note) <= NOTE else f"{note[:NOTE]}\u2026"


def _told(before: list[dict[str, Any]], made: dict[str, Any]) -> dict[str, Any]:
    """What was said of the same settings when they came, and the device that they asked for."""
    same = [one for one in before if all(one[k] == made[k] for k in ("algorithm", "params"))]
    return {name: same[0].get(name) for name in ("notes", "device")} if same else {}


def _anew(told: dict[str, Any], device: str) -> dict[str, Any]:
    """The same with a device that was named by itself: what was said of another one is over."""
    notes = told.get("notes") or []
    if device != (told.get("device") or ""):
        notes = [one for one in notes if not former.of_device(one)]
    return {"notes": notes, "device": device}


def chosen(design: Design, models: list[int] | None = None) -> list[dict[str, Any]]:
    """The models of a click: those named by their place, or all that are switched on."""
    listed = design["models"]
    if models is None:
        found = [one for one in listed if one.get("on", True)]
    else:
        wrong = [one for one in models if not 0 <= one < len(listed)]
        if wrong:
            raise BadDesign({"models": f"There is no model {wrong[0]}; there are {len(listed)}."})
        found = [listed[one] for one in dict.fromkeys(models)]
    if not found:
        raise BadDesign({"models": "Choose at least one model."})
    return found

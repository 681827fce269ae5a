"""The shapes of a design, made from the cards."""

from typing import Any

from recipes.algorithms import ALGORITHMS
from recipes.features import HANDLING
from recipes.tasks import TASKS
from trackside.api.schemas import Schema
from trackside.api.shapes import ANY_OBJECT, COMPUTE, FLAG, NOTES, SEARCH, TEXT, many, obj

POSITIVE: Schema = {
    **TEXT,
    "description": "Of two classes the one that precision, recall, the threshold and the curves "
    "are of; empty: the last one, numbers by size and words by letter",
}


SPACE: Schema = {
    "type": "object",
    "description": "What a search tries of each param: {'values': [...]} or {'low', 'high', 'log'};"
    " left out or {}: the algorithm's standard space",
    "additionalProperties": obj(
        closed=True,
        values=many({}),
        low={"type": "number"},
        high={"type": "number"},
        log=FLAG,
    ),
}

DEVICE: Schema = {
    "enum": ["cpu", "cuda", ""],
    "description": "where its settings, under the names of other tools, ask to learn; it is what "
    "a training without a compute of its own is given",
}


def model_schema() -> Schema:
    """One model of a design: what its algorithm's card takes."""
    if len(ALGORITHMS) == 1:
        return _model(*next(iter(ALGORITHMS.items())))
    return {"oneOf": [_model(name, card) for name, card in ALGORITHMS.items()]}


def _model(name: str, card: Any) -> Schema:
    return obj(
        "algorithm",
        algorithm={"type": "string", "enum": [name]},
        params=card.params.schema(),
        on=FLAG,
        notes=NOTES,
        space=SPACE,
        searched={**FLAG, "description": "false: no search, its params stay as they are"},
        device=DEVICE,
    )


def _different(part: str) -> list[Any]:
    """A task for each different form of that part."""
    return list({repr(getattr(one, part)): one for one in TASKS.values()}.values())


def design_schema() -> Schema:
    """`GET .../analyses/{name}`, made from the cards."""
    card = next(iter(TASKS.values()))
    return obj(
        task={"type": "string", "enum": list(TASKS)},
        target=TEXT,
        split={"oneOf": [one.split.schema() for one in _different("split")]},
        metric={
            "type": "string",
            "enum": list(dict.fromkeys(one for card in TASKS.values() for one in card.metrics)),
        },
        features=ANY_OBJECT,
        rebalance=FLAG,
        positive=POSITIVE,
        models=many(model_schema()),
        search=SEARCH,
        augmentation=card.augmentation.schema(),
        training=next(iter(ALGORITHMS.values())).training.schema(),
        compute=COMPUTE,
    )


FEATURE: Schema = {**HANDLING.schema(), "type": ["object", "null"]}
PATCH_DESIGN: Schema = {
    "type": "object",
    "description": "The parts of the design to change, or all of it; a part may be partial.",
    "properties": {
        "name": TEXT,
        "dataset": TEXT,
        "split": {
            "type": "object",
            "description": "Of a table also `sampling` and `sample_rows`: the rows to learn from",
        },
        "metric": TEXT,
        "features": {
            "type": "object",
            "description": "Of a table: by column what differs from the default handling, such as "
            "{'role': 'ignore'}; {} or null goes back to the default",
            "additionalProperties": FEATURE,
        },
        "rebalance": FLAG,
        "positive": POSITIVE,
        "models": many(ANY_OBJECT),
        "search": SEARCH,
        "augmentation": ANY_OBJECT,
        "training": ANY_OBJECT,
        "compute": ANY_OBJECT,
        "runtime": {
            "type": "object",
            "description": "seed; of images precision; of a table refit and learning_curve "
            "(true or false)",
        },
        "target": TEXT,
        "task": TEXT,
    },
    "additionalProperties": False,
}

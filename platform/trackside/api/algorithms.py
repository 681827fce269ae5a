"""The algorithms: what they solve, take and need, and whether any machine has that."""

from typing import Any

from django.http import HttpRequest

from recipes import going_on
from recipes.algorithms import ALGORITHMS, Algorithm
from recipes.search import spec, standard
from recipes.tasks import data_of
from trackside.api.schemas import Schema
from trackside.api.shapes import ANY_OBJECT, FLAG, TEXT, many, obj
from trackside.compute.able import learns_on_gpu
from trackside.compute.services import libraries
from trackside.lab.handling import lacking

ONE: Schema = obj(
    "name label family tasks data on_gpu goes_on warm_start library lacking params space",
    name=TEXT,
    label=TEXT,
    help=TEXT,
    family={**TEXT, "description": "the group that it stands in; empty: it learns from images"},
    tasks=many(TEXT),
    data={"type": "string", "enum": ["images", "table"]},
    on_gpu={**FLAG, "description": "some machine's GPU can learn with it"},
    scores_on_gpu={**FLAG, "description": "its models predict on GPUs too"},
    goes_on={**FLAG, "description": "a training may go on from a model"},
    warm_start={**TEXT, "description": "what a training does that goes on, or why none does"},
    library={**TEXT, "description": "the package that a machine needs for it; empty: none"},
    lacking={**TEXT, "description": "why it cannot be trained here and what helps; empty: it can"},
    params={**ANY_OBJECT, "description": "JSON Schema of its params"},
    space={**ANY_OBJECT, "description": "what the standard search tries; {}: nothing"},
)
ALL: Schema = obj("algorithms", algorithms=many(ONE))


def listed(request: HttpRequest) -> dict[str, Any]:
    reported = libraries()
    return {"algorithms": [_shown(name, card, reported) for name, card in ALGORITHMS.items()]}


def _shown(name: str, card: Algorithm, reported: dict[str, str]) -> dict[str, Any]:
    data = data_of(card.tasks[0])
    return {
        "name": name,
        "label": card.label,
        "help": card.help,
        "family": card.family,
        "tasks": list(card.tasks),
        "data": data,
        "on_gpu": data == "images" or learns_on_gpu(card),
        "scores_on_gpu": data == "images" or card.scores_on_gpu,
        "goes_on": card.goes_on is not None,
        "warm_start": going_on.how(name) or going_on.never(name, {}),
        "library": card.library,
        "lacking": lacking([{"algorithm": name}], reported).get(name, ""),
        "params": card.params.schema(),
        "space": spec(standard(card.params)),
    }

"""A deep network of layers, in PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recipes import search
from recipes.algorithms import families
from recipes.algorithms.algorithm import Algorithm, Values
from recipes.algorithms.deep_training import FORMER as TRAINING
from recipes.algorithms.deep_training import training
from recipes.algorithms.former import one_width, today
from recipes.params import Flag, Number, Params, Value, Whole

if TYPE_CHECKING:
    from recipes.learners.learner import Learner, Setup

PARAMS = Params(
    (
        Whole(
            name="layers",
            label="Hidden layers",
            default=3,
            search=search.Range(1, 5),
            minimum=1,
            maximum=50,
            help="How many layers lie between the first one and the prediction.",
            group="Architecture",
        ),
        Whole(
            name="width",
            label="Neurons per layer",
            default=256,
            search=search.Range(64, 512, log=True),
            minimum=1,
            maximum=10_000,
            help="How many neurons each layer has.",
            group="Architecture",
        ),
        Number(
            name="dropout",
            label="Dropout",
            default=0.1,
            search=search.Range(0, 0.5),
            minimum=0,
            maximum=0.95,
            step=0.05,
            help="The share of neurons that is left out at random while it learns.",
            group="Architecture",
        ),
        Flag(
            name="residual",
            label="Residual",
            default=True,
            help="Each layer adds to what comes in: deep networks learn better so.",
            group="Architecture",
        ),
        *training(rate=0.001, batch=256),
    )
)

DIGITS = 9  # of a width
FORMER = {
    **TRAINING,
    "n_blocks": "layers",
    "n_layers": "layers",
    "num_layers": "layers",
    "num_units": "width",
    "module__num_units": "width",
    "module__dropout": "dropout",
}


def translate(given: Values) -> tuple[Values, list[str]]:
    """Lists of widths, and "128-64" as PyTorch Tabular has them; ours have one width."""
    made, notes = today(given, FORMER)
    for name in ("hidden_layer_sizes", "d_layers", "layers"):
        if found := one_width(_listed(made.get(name))):
            made.pop(name)
            made["layers"], made["width"] = found
            notes.append(f"{name!r}, a width for each, is called 'layers' and 'width' here.")
    return made, notes


def _listed(value: Value) -> Value:
    """A text of widths as a list of them; anything else as it is."""
    parts = value.split("-") if isinstance(value, str) else []
    if len(parts) < 2 or not all(one.isdecimal() and len(one) <= DIGITS for one in parts):
        return value
    return [int(one) for one in parts]


def learner(setup: Setup) -> Learner:
    from recipes.learners.deep import mlp

    return mlp(setup)


ALGORITHM = Algorithm(
    name="deep_mlp",
    label="Deep network",
    help="Layers of neurons with norms, dropout and residual connections, in PyTorch. On the CPU, "
    "a GPU or several.",
    family=families.NETWORKS,
    unit="epoch",
    tasks=("two_class", "multiclass", "regression"),
    params=PARAMS,
    translate=translate,
    learner=learner,
    library="skorch",
    scales=True,
    on_gpu=True,
    spreads=True,
    goes_on=("layers", "width", "residual"),
)

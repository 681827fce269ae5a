"""A small neural network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recipes import search
from recipes.algorithms import families
from recipes.algorithms.algorithm import Algorithm, Values
from recipes.algorithms.former import one_width, today
from recipes.algorithms.rounds import epochs
from recipes.params import Choice, Number, Params, Whole

if TYPE_CHECKING:
    from recipes.learners.learner import Learner, Setup

PARAMS = Params(
    (
        Whole(
            name="layers",
            label="Hidden layers",
            default=1,
            search=search.Range(1, 3),
            minimum=1,
            maximum=10,
            help="How many layers lie between the columns and the prediction.",
            group="Architecture",
        ),
        Whole(
            name="width",
            label="Neurons per layer",
            default=100,
            search=search.Range(32, 256, log=True),
            minimum=1,
            maximum=10000,
            help="How many neurons each hidden layer has.",
            group="Architecture",
        ),
        Choice(
            name="activation",
            label="Activation",
            default="relu",
            help="What a neuron makes of its sum.",
            options=(
                ("relu", "ReLU", "Zero below zero."),
                ("tanh", "Tanh", "Between -1 and 1."),
                ("logistic", "Logistic", "Between 0 and 1."),
            ),
            group="Architecture",
        ),
        *epochs(most=200, patience=10),
        Number(
            name="learning_rate",
            label="Learning rate",
            default=0.001,
            search=search.Range(0.0003, 0.01, log=True),
            minimum=1e-06,
            maximum=1,
            help="The step width of Adam.",
            group="Training",
        ),
        Whole(
            name="batch_size",
            label="Batch size",
            default=200,
            minimum=1,
            maximum=100000,
            help="Rows in one step.",
            group="Training",
        ),
        Number(
            name="alpha",
            label="L2 regularisation",
            default=0.0001,
            search=search.Range(1e-05, 0.1, log=True),
            minimum=0,
            maximum=1000.0,
            help="Draws weights towards zero.",
            group="Training",
        ),
    )
)


FORMER = {
    "max_iter": "rounds",
    "n_iter_no_change": "patience",
    "learning_rate_init": "learning_rate",
}


def translate(given: Values) -> tuple[Values, list[str]]:
    """scikit-learn's layers are a list of widths; ours have one width."""
    made, notes = today(given, FORMER)
    if found := one_width(made.get("hidden_layer_sizes")):
        made.pop("hidden_layer_sizes")
        made["layers"], made["width"] = found
        notes.append("'hidden_layer_sizes' is called 'layers' and 'width' here.")
    return made, notes


def learner(setup: Setup) -> Learner:
    from recipes.learners.perceptron import mlp

    return mlp(setup)


ALGORITHM = Algorithm(
    name="mlp",
    label="Neural network (scikit-learn)",
    help="A multilayer perceptron: layers of neurons between columns and prediction. On the CPU.",
    family=families.NETWORKS,
    unit="epoch",
    tasks=("two_class", "multiclass", "regression"),
    params=PARAMS,
    translate=translate,
    learner=learner,
    process=600,
    no_gpu="cuML has none, and scikit-learn computes its own there; Deep network is one that a GPU "
    "learns",
    library="scikit-learn",
    scales=True,
    goes_on=("layers", "width", "activation"),
)

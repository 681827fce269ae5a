"""What the dense networks of all libraries have in common: their settings."""

from recipes import search
from recipes.algorithms.algorithm import Values
from recipes.algorithms.former import one_width, today
from recipes.algorithms.rounds import epochs
from recipes.params import Choice, Number, Params, Whole

TASKS = ("two_class", "multiclass", "regression")
GOES_ON = ("layers", "width", "activation")

PARAMS = Params(
    (
        Whole(
            name="layers",
            label="Hidden layers",
            default=2,
            search=search.Range(1, 4),
            minimum=1,
            maximum=20,
            help="How many layers lie between the columns and the prediction.",
            group="Architecture",
        ),
        Whole(
            name="width",
            label="Neurons per layer",
            default=128,
            search=search.Range(32, 512, log=True),
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
                ("silu", "SiLU (Swish)", "ReLU with a soft bend."),
                ("tanh", "Tanh", "Between -1 and 1."),
            ),
            group="Architecture",
        ),
        Number(
            name="dropout",
            label="Dropout",
            default=0.1,
            search=search.Range(0, 0.5),
            minimum=0,
            maximum=0.95,
            help="The share of a hidden layer's neurons that is left out in each step of training.",
            group="Architecture",
        ),
        *epochs(most=100, patience=10),
        Number(
            name="learning_rate",
            label="Learning rate",
            default=0.001,
            search=search.Range(0.0003, 0.01, log=True),
            minimum=1e-07,
            maximum=1,
            help="The step width of Adam.",
            group="Training",
        ),
        Whole(
            name="batch_size",
            label="Batch size",
            default=256,
            minimum=1,
            maximum=1000000,
            help="Rows in one step, at most: a small table is seen in 16 steps, or in steps of 16 "
            "rows.",
            group="Training",
        ),
        Number(
            name="weight_decay",
            label="Weight decay",
            default=0.01,
            search=search.Range(1e-05, 0.3, log=True),
            minimum=0,
            maximum=10,
            help="Draws weights towards zero, as L2 regularisation does: each step takes away this "
            "share of them times the learning rate (AdamW).",
            group="Training",
        ),
    )
)

FORMER = {
    "epochs": "rounds",
    "max_iter": "rounds",
    "n_iter_no_change": "patience",
    "early_stopping_rounds": "patience",
    "lr": "learning_rate",
    "learning_rate_init": "learning_rate",
    "units": "width",
    "dropout_rate": "dropout",
}


def translate(given: Values) -> tuple[Values, list[str]]:
    """A list of the layers' widths, as other tools have it, says both of ours if all are alike."""
    made, notes = today(given, FORMER)
    for name in ("hidden_layer_sizes", "hidden_units"):
        if found := one_width(made.get(name)):
            made.pop(name)
            made["layers"], made["width"] = found
            notes.append(f"{name!r} is called 'layers' and 'width' here.")
    return made, notes

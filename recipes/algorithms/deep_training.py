"""How a deep network for tables is trained: the params that all of them share."""

from recipes import search
from recipes.algorithms.rounds import epochs, loss
from recipes.params import Choice, Flag, Number, Param, Whole

FORMER = {  # the names of skorch, PyTorch Tabular, rtdl, Keras and scikit-learn
    "epochs": "rounds",
    "lr": "learning_rate",
    "learning_rate_init": "learning_rate",
    "max_epochs": "rounds",
    "n_epochs": "rounds",
    "max_iter": "rounds",
    "early_stopping_patience": "patience",
    "n_iter_no_change": "patience",
    "optimizer__weight_decay": "weight_decay",
    "gradient_clip_val": "clip",
    "gradient_clip_value": "clip",
    "d_block": "width",
}


def training(rate: float, batch: int) -> tuple[Param, ...]:
    """The fields, with these defaults."""
    return (
        *epochs(most=100, patience=16),
        Number(
            name="learning_rate",
            label="Learning rate",
            default=rate,
            search=search.Range(0.0001, 0.005, log=True),
            minimum=1e-06,
            maximum=1,
            help="The step width of AdamW.",
            group="Training",
        ),
        Choice(
            name="schedule",
            label="Learning rate over time",
            default="constant",
            help="How the learning rate moves after its first steps, in which it rises.",
            options=(
                ("constant", "Constant", "Early stopping says when it is enough."),
                ("cosine", "Cosine", "Falls to 0 until the last epoch: for a set number of them."),
            ),
            group="Training",
        ),
        Whole(
            name="batch_size",
            label="Batch size",
            default=batch,
            minimum=1,
            maximum=1_000_000,
            unit="rows",
            help="Rows in one step, of all ranks together. Of a small table fewer, so that an "
            "epoch has 16 steps.",
            group="Training",
        ),
        Number(
            name="weight_decay",
            label="Weight decay",
            default=1e-05,
            search=search.Range(1e-06, 0.01, log=True),
            minimum=0,
            maximum=10,
            help="Draws weights towards zero.",
            group="Training",
        ),
        Number(
            name="clip",
            label="Gradient clipping",
            default=1,
            minimum=0,
            maximum=1_000_000,
            unit="0 = none",
            help="The largest norm of the gradients that a step takes as it is.",
            group="Training",
            advanced=True,
        ),
        loss("Training"),
        Flag(
            name="mixed_precision",
            label="Mixed precision",
            default=False,
            help="On a GPU, computes the layers between the first and the last in bf16 while it "
            "learns: faster for wide networks, a little less exact.",
            group="Training",
            advanced=True,
        ),
    )

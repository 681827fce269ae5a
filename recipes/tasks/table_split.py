"""How the rows of a table are split, in every task on tables."""

from recipes.params import Choice, Flag, Number, Params, Whole

DRAWN = ("policy", ("random", "time"))

SPLIT = Params(
    (
        Choice(
            name="policy",
            label="Split",
            default="random",
            shape="radio",
            help="Which rows train the model and which ones judge it.",
            options=(
                ("random", "At random", "Rows are drawn once."),
                (
                    "time",
                    "By time",
                    "The model learns from the past and is judged on the future: a column has "
                    "the role time.",
                ),
                (
                    "kfold",
                    "K-fold cross-test",
                    "Each row is judged once, by a model that did not learn from it; the final "
                    "model learns from all rows.",
                ),
            ),
        ),
        Flag(
            name="stratify",
            label="Stratified",
            default=True,
            when=("policy", ("random", "kfold")),
            help="Each class, or each range of a number, has the same share in every part.",
        ),
        Whole(
            name="folds",
            label="Folds",
            default=5,
            minimum=2,
            maximum=20,
            when=("policy", ("kfold",)),
            help="How many models are trained for the judgement, each without one part.",
        ),
        Number(
            name="train_share",
            label="Train share",
            default=0.8,
            minimum=0.1,
            maximum=0.95,
            step=0.05,
            when=DRAWN,
            help="Rows that the model learns from.",
        ),
        Number(
            name="validation_share",
            label="Validation share",
            default=0.2,
            minimum=0.05,
            maximum=0.9,
            step=0.05,
            when=DRAWN,
            help="Rows that stop the training early and give the model's score. What train and "
            "validation leave over becomes a test set that nothing is chosen by.",
        ),
        Whole(
            name="seed",
            label="Split seed",
            default=1337,
            minimum=0,
            maximum=2**31 - 1,
            advanced=True,
            help="The same seed draws the same rows, so that models can be compared.",
        ),
    )
)

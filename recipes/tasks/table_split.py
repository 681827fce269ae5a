"""How the rows of a table are split, in every task on tables."""

from typing import Any

from recipes.params import Choice, Flag, FromProject, Number, Params, Whole

SOME = 1e-9  # what sums of shares may be off by
DRAWN = ("policy", ("random", "time"))
JUDGED = ("policy", ("random", "time", "dataset"))

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
                (
                    "dataset",
                    "Another dataset",
                    "The model is tested on all rows of a second dataset with the same columns; "
                    "validation rows are drawn from this one.",
                ),
            ),
        ),
        FromProject(
            name="test_dataset",
            label="Test dataset",
            default="",
            list="tables",
            when=("policy", ("dataset",)),
            help="A table with the target and with each column that the model learns from.",
        ),
        Flag(
            name="stratify",
            label="Stratified",
            default=True,
            when=("policy", ("random", "kfold", "dataset")),
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
            when=JUDGED,
            help="Rows that stop the training early and give the model's score. Where rows are "
            "drawn once or by time, what train and validation leave over is a test set.",
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


def shares(split: dict[str, Any]) -> tuple[float, float, float]:
    """Which parts of the dataset's own rows train, validate and test. Not of a cross-test."""
    val = float(split["validation_share"])
    if split["policy"] == "dataset":
        return 1 - val, val, 0.0
    train = min(float(split["train_share"]), 1 - val)
    test = 1 - train - val
    return train, val, test if test > SOME else 0.0


def sizes(rows: int, parts: tuple[float, float, float]) -> tuple[int, int, int]:
    """How many rows train, validate and test: one at least trains and one validates."""
    val = min(max(1, round(rows * parts[1])), max(0, rows - 1))
    test = min(round(rows * parts[2]), max(0, rows - 1 - val))
    return rows - val - test, val, test

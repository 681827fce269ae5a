"""How the rows of a table are split, in every task on tables."""

from typing import Any

from recipes.params import Choice, Flag, FromProject, Number, Params, Whole
from recipes.tasks.task import LEAST_ROWS

SOME = 1e-9  # what sums of shares may be off by
ALL = "all"
HOW = {  # rows that are not all, as a sentence says it
    "first": "the first ones",
    "random": "drawn at random",
    "stratified": "drawn at random with each class's share kept",
    "balanced": "drawn at random with the classes balanced",
    "latest": "the newest ones",
}
BY_CLASS = {"stratified": "keep the shares of", "balanced": "balance"}
DRAWN = ("policy", ("random", "time"))
JUDGED = ("policy", ("random", "time", "dataset"))

SPLIT = Params(
    (
        Choice(
            name="sampling",
            label="Rows to learn from",
            default=ALL,
            shape="radio",
            help="The rows that train, validate and test come from these. Only they are held in "
            "memory, however long the table is.",
            options=(
                (ALL, "All rows", "The table must fit into memory."),
                ("random", "Random rows", "Each row has the same chance."),
                (
                    "stratified",
                    "Random rows, stratified",
                    "Each class has the share that it has in the table, and a row at least where "
                    "there is room.",
                ),
                (
                    "balanced",
                    "Random rows, balanced",
                    "As many of each class, as far as there are: figures and probabilities are "
                    "those of balanced classes.",
                ),
                ("first", "The first rows", "Read fastest; often not like the others."),
                ("latest", "The newest rows", "By the column that has the role time."),
            ),
        ),
        Whole(
            name="sample_rows",
            label="How many",
            default=100_000,
            minimum=LEAST_ROWS,
            maximum=10**9,
            unit="rows",
            when=("sampling", tuple(HOW)),
            help="At most: rows without a target, or that a gap drops, are not counted. The split "
            "seed says which rows are drawn.",
        ),
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


def used(split: dict[str, Any], rows: int) -> int:
    """How many of so many rows train, validate or test at most."""
    if split.get("sampling", ALL) == ALL:
        return rows
    return min(rows, int(split["sample_rows"]))


def trouble(split: dict[str, Any], task: str, *, timed: bool = True) -> str:
    """Why rows cannot be chosen like that; "" where they can. `timed`: a column has the role."""
    how = split.get("sampling")
    if how in BY_CLASS and task == "regression":
        return f"A regression has no classes to {BY_CLASS[how]}: learn from rows at random."
    if how == "latest" and not timed:
        return (
            "The newest rows are to be learned from and no column has the role Time: give it to "
            "one in Features handling, or learn from rows at random."
        )
    return ""


def sampled(how: str, rows: int, of: int) -> str:
    """`200,000 of 20,000,000 rows, drawn at random`."""
    return f"{rows:,} of {of:,} rows, {HOW[how]}"


def in_words(split: dict[str, Any], rows: int) -> str:
    """The same of a design on so many rows; "" where it takes them all."""
    some = used(split, rows)
    return sampled(split["sampling"], some, rows) if some < rows else ""


def settings(split: dict[str, Any]) -> dict[str, Any]:
    """What the split depends on: without what does not count while all rows are taken."""
    if split.get("sampling", ALL) != ALL:
        return split
    return {name: one for name, one in split.items() if name not in ("sampling", "sample_rows")}


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

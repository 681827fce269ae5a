"""Random forest: many trees that vote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recipes import search
from recipes.algorithms import families
from recipes.algorithms.algorithm import Algorithm, Values
from recipes.algorithms.former import today
from recipes.params import Choice, Params, Whole

if TYPE_CHECKING:
    from recipes.learners.learner import Learner, Setup

PARAMS = Params(
    (
        Whole(
            name="trees",
            label="Number of trees",
            default=100,
            minimum=1,
            maximum=100000,
            help="More trees are steadier and slower; they do not overfit more.",
        ),
        Whole(
            name="max_depth",
            label="Maximum depth of tree",
            default=0,
            search=search.Values((0, 8, 12, 20)),
            minimum=0,
            maximum=1000,
            help="Deeper trees find finer patterns, and noise.",
            unit="0 = no limit",
        ),
        Whole(
            name="min_samples_leaf",
            label="Minimum samples per leaf",
            default=1,
            search=search.Range(1, 20, log=True),
            minimum=1,
            maximum=1000000,
            help="Leaves with fewer rows are not made. Higher values smooth the model.",
        ),
        Whole(
            name="min_samples_split",
            label="Minimum samples to split",
            default=2,
            minimum=2,
            maximum=1000000,
            help="A node with fewer rows is not split.",
            advanced=True,
        ),
        Choice(
            name="max_features",
            label="Columns tried at each split",
            default="usual",
            search=search.Values(("sqrt", "log2", "all")),
            help="How many columns, drawn at random, each split may choose from.",
            options=(
                ("usual", "As usual", "The square root for classes, all for a number."),
                ("sqrt", "Square root", "The square root of the number of columns."),
                ("log2", "Logarithm", "Its logarithm to the base 2."),
                ("all", "All", "Every column; usual for regressions."),
            ),
        ),
    )
)


def translate(given: Values) -> tuple[Values, list[str]]:
    return today(given, {"n_estimators": "trees"})


def learner(setup: Setup) -> Learner:
    from recipes.learners.trees import random_forest

    return random_forest(setup)


ALGORITHM = Algorithm(
    name="random_forest",
    label="Random forest",
    help="Many deep trees, each from its own sample of the rows, vote. Robust, with little to set."
    " It learns on a GPU too on machines that have cuML.",
    family=families.FORESTS,
    unit="tree",
    tasks=("two_class", "multiclass", "regression"),
    params=PARAMS,
    translate=translate,
    learner=learner,
    library="scikit-learn",
    on_gpu=True,
    predicts_on_gpu=False,
    gpu_library="rapids",
    takes_missing=True,
    ranks=True,
    goes_on=(),
    adds="trees",
)

"""Extra trees: a forest whose splits are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recipes.algorithms.algorithm import Algorithm
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
            minimum=0,
            maximum=1000,
            help="Deeper trees find finer patterns, and noise.",
            unit="0 = no limit",
        ),
        Whole(
            name="min_samples_leaf",
            label="Minimum samples per leaf",
            default=1,
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
            default="sqrt",
            help="How many columns, drawn at random, each split may choose from.",
            options=(
                ("sqrt", "Square root", "The square root of the number of columns."),
                ("log2", "Logarithm", "Its logarithm to the base 2."),
                ("all", "All", "Every column; usual for regressions."),
            ),
        ),
    )
)


def learner(setup: Setup) -> Learner:
    from recipes.learners.trees import extra_trees

    return extra_trees(setup)


ALGORITHM = Algorithm(
    name="extra_trees",
    label="Extra trees",
    help="As a random forest, but splits are drawn at random: faster, often smoother.",
    tasks=("two_class", "multiclass", "regression"),
    params=PARAMS,
    learner=learner,
    library="scikit-learn",
    takes_missing=True,
)

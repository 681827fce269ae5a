"""Extra trees: a forest whose splits are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recipes.algorithms import families
from recipes.algorithms.algorithm import Algorithm
from recipes.algorithms.random_forest import PARAMS, translate

if TYPE_CHECKING:
    from recipes.learners.learner import Learner, Setup


def learner(setup: Setup) -> Learner:
    from recipes.learners.trees import extra_trees

    return extra_trees(setup)


ALGORITHM = Algorithm(
    name="extra_trees",
    label="Extra trees",
    help="As a random forest, but splits are drawn at random: faster, often smoother.",
    family=families.FORESTS,
    unit="tree",
    tasks=("two_class", "multiclass", "regression"),
    params=PARAMS,
    translate=translate,
    learner=learner,
    no_gpu="cuML has no extra trees, and scikit-learn grows its own on the CPU",
    library="scikit-learn",
    takes_missing=True,
    ranks=True,
    goes_on=(),
    adds="trees",
)

"""nvForest of RAPIDS: trees alone, missing values included, on the CPU and on GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recipes.scorers.scorer import Scorer, Scores, Where

if TYPE_CHECKING:
    from recipes.learners.learner import Convertible


def make(learner: Convertible, where: Where) -> Scores:
    raise NotImplementedError


SCORER = Scorer(
    name="nvforest",
    label="nvForest",
    help="RAPIDS' scoring of trees, made for GPUs.",
    library="nvforest",
    packages=("nvforest-cu13", "nvforest-cu12", "treelite"),
    algorithms=("xgboost", "lightgbm", "random_forest", "extra_trees", "hist_gradient_boosting"),
    devices=("cpu", "cuda"),
    make=make,
)

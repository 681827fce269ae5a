"""Hummingbird: models as PyTorch's tensors. Unmaintained, and wrong of trees where values lack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recipes.scorers.scorer import Scorer, Scores, Where

if TYPE_CHECKING:
    from recipes.learners.learner import Convertible


def make(learner: Convertible, where: Where) -> Scores:
    raise NotImplementedError


SCORER = Scorer(
    name="hummingbird",
    label="Hummingbird",
    help="Models as PyTorch's tensors. Unmaintained; wrong on trees where values are missing.",
    library="hummingbird",
    packages=("hummingbird-ml", "torch"),
    algorithms=(
        "xgboost",
        "lightgbm",
        "logistic_regression",
        "random_forest",
        "extra_trees",
        "hist_gradient_boosting",
        "mlp",
    ),
    devices=("cpu", "cuda"),
    make=make,
)

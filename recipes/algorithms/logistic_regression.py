"""Logistic regression: a weighted sum of the columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recipes import search
from recipes.algorithms import families
from recipes.algorithms.algorithm import Algorithm
from recipes.params import Choice, Number, Params, Whole

if TYPE_CHECKING:
    from recipes.learners.learner import Learner, Setup

PARAMS = Params(
    (
        Choice(
            name="penalty",
            label="Regularisation",
            default="l2",
            search=search.Values(("l2", "l1")),
            help="What keeps coefficients small.",
            options=(
                ("l2", "L2", "Draws all coefficients towards zero."),
                ("l1", "L1", "Sets coefficients of useless columns to zero; slower."),
                ("elasticnet", "Elastic net", "A mixture of both; slower."),
                ("none", "None", "Coefficients are free."),
            ),
        ),
        Number(
            name="C",
            label="C",
            default=1.0,
            search=search.Range(0.001, 100, log=True),
            minimum=1e-06,
            maximum=1000000.0,
            help="The inverse of the regularisation's strength: smaller values regularise more.",
            when=("penalty", ("l2", "l1", "elasticnet")),
        ),
        Number(
            name="l1_ratio",
            label="Share of L1",
            default=0.5,
            minimum=0,
            maximum=1,
            help="1 is L1 alone, 0 is L2 alone.",
            when=("penalty", ("elasticnet",)),
            step=0.05,
        ),
        Whole(
            name="max_iter",
            label="Maximum iterations",
            default=1000,
            minimum=1,
            maximum=1000000,
            help="When the solver gives up.",
            advanced=True,
        ),
        Number(
            name="tol",
            label="Tolerance",
            default=0.0001,
            minimum=1e-12,
            maximum=1,
            help="When the solver is content.",
            advanced=True,
        ),
    )
)


def learner(setup: Setup) -> Learner:
    from recipes.learners.linear import logistic_regression

    return logistic_regression(setup)


ALGORITHM = Algorithm(
    name="logistic_regression",
    label="Logistic regression",
    help="A weighted sum of the columns decides. Fast, easy to explain, and hard to beat where"
    " effects add up.",
    family=families.LINEAR,
    tasks=("two_class", "multiclass"),
    params=PARAMS,
    learner=learner,
    process=600,
    library="scikit-learn",
    scales=True,
    on_gpu=True,
    predicts_on_gpu=False,
    gpu_with=("penalty", ("l2", "none")),
    anew="its rows have one best solution, which it finds wherever it begins",
)

"""Nearest neighbours."""

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
            name="neighbours",
            label="K",
            default=5,
            search=search.Range(3, 50, log=True),
            minimum=1,
            maximum=10000,
            help="How many neighbours are asked. It cannot exceed the training rows.",
        ),
        Choice(
            name="weighting",
            label="Weighting",
            default="uniform",
            search=search.Values(("uniform", "distance")),
            help="What a neighbour's word is worth.",
            options=(
                ("uniform", "Equal", "All neighbours count the same."),
                ("distance", "By distance", "Near ones count more."),
            ),
        ),
        Choice(
            name="power",
            label="Distance",
            default="2",
            search=search.Values(("2", "1")),
            help="What near means.",
            options=(
                ("2", "Euclidean", "The straight line."),
                ("1", "Manhattan", "The sum over the columns."),
            ),
        ),
    )
)


FORMER = {"n_neighbors": "neighbours", "weights": "weighting", "p": "power"}


def translate(given: Values) -> tuple[Values, list[str]]:
    made, notes = today(given, FORMER)
    if isinstance(made.get("power"), int):
        made["power"] = str(made["power"])
    return made, notes


def learner(setup: Setup) -> Learner:
    from recipes.learners.linear import knn

    return knn(setup)


ALGORITHM = Algorithm(
    name="knn",
    label="K nearest neighbours",
    help="Predicts what the most similar training rows had. The model is the training rows "
    "themselves.",
    family=families.OTHERS,
    tasks=("two_class", "multiclass", "regression"),
    params=PARAMS,
    translate=translate,
    learner=learner,
    process=600,
    no_gpu="there is nothing to learn, and of rows that are equally near cuML asks others than "
    "scikit-learn, so that the two predict otherwise",
    library="scikit-learn",
    scales=True,
    anew="the model is the training rows themselves, and those of today take their place",
)

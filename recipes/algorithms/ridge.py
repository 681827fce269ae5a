"""Ridge regression: a line through many columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recipes import search
from recipes.algorithms import families, intel
from recipes.algorithms.algorithm import Algorithm
from recipes.params import Number, Params

if TYPE_CHECKING:
    from recipes.learners.learner import Learner, Setup

PARAMS = Params(
    (
        Number(
            name="alpha",
            label="Regularisation term",
            default=1.0,
            search=search.Range(0.01, 1000, log=True),
            minimum=0,
            maximum=1000000000.0,
            help="How strongly coefficients are drawn towards zero.",
        ),
        intel.SWITCH,
    )
)


def learner(setup: Setup) -> Learner:
    from recipes.learners.linear import ridge

    return ridge(setup)


ALGORITHM = Algorithm(
    name="ridge",
    label="Ridge regression",
    help="A weighted sum of the columns predicts a number; large weights are punished. Fast "
    "and easy to explain.",
    family=families.LINEAR,
    tasks=("regression",),
    params=PARAMS,
    resolve=intel.resolve,
    learner=learner,
    process=600,
    library="scikit-learn",
    asks=intel.ASKS,
    scales=True,
    on_gpu=True,
    predicts_on_gpu=False,
    anew="its rows have one best solution, which it finds wherever it begins",
)

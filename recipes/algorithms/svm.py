"""Support vector machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recipes import search
from recipes.algorithms import families, intel
from recipes.algorithms.algorithm import Algorithm, Values
from recipes.algorithms.former import today
from recipes.params import Choice, Number, Params, Whole

if TYPE_CHECKING:
    from recipes.learners.learner import Learner, Setup

PARAMS = Params(
    (
        Choice(
            name="kernel",
            label="Kernel",
            default="rbf",
            search=search.Values(("rbf", "linear")),
            help="The shape of what separates.",
            options=(
                ("rbf", "RBF", "Any smooth shape."),
                ("linear", "Linear", "A plane."),
                ("poly", "Polynomial", "A polynomial."),
                ("sigmoid", "Sigmoid", "As a neuron."),
            ),
        ),
        Number(
            name="C",
            label="C",
            default=1.0,
            search=search.Range(0.01, 100, log=True),
            minimum=1e-06,
            maximum=1000000.0,
            help="What a row on the wrong side costs: higher values fit the training rows more"
            " closely.",
        ),
        Choice(
            name="gamma",
            label="Gamma",
            default="scale",
            help="How far the influence of a row reaches.",
            options=(
                ("scale", "By scale", "From the number and variance of the columns."),
                ("auto", "By columns", "From the number of the columns."),
                ("value", "A value", "The one given below."),
            ),
            when=("kernel", ("rbf", "poly", "sigmoid")),
        ),
        Number(
            name="gamma_value",
            label="Value of gamma",
            default=0.1,
            minimum=1e-09,
            maximum=1000000.0,
            help="Higher values reach less far.",
            when=("gamma", ("value",)),
        ),
        Whole(
            name="degree",
            label="Degree",
            default=3,
            minimum=1,
            maximum=20,
            help="The degree of the polynomial.",
            when=("kernel", ("poly",)),
        ),
        Number(
            name="epsilon",
            label="Epsilon",
            default=0.1,
            minimum=0,
            maximum=1000000.0,
            help="A regression ignores errors below this many standard deviations of the target.",
            tasks=("regression",),
            advanced=True,
        ),
        Number(
            name="tol",
            label="Tolerance",
            default=0.001,
            minimum=1e-09,
            maximum=1,
            help="When the solver is content.",
            advanced=True,
        ),
        intel.SWITCH,
    )
)


def translate(given: Values) -> tuple[Values, list[str]]:
    """scikit-learn's gamma is a word or a number."""
    made, notes = today(given, {})
    if isinstance(made.get("gamma"), int | float) and not isinstance(made["gamma"], bool):
        made["gamma_value"], made["gamma"] = made["gamma"], "value"
        notes.append(f"'gamma: {made['gamma_value']}' is the gamma value of 'gamma: value' here.")
    return made, notes


def learner(setup: Setup) -> Learner:
    from recipes.learners.vectors import svm

    return svm(setup)


ALGORITHM = Algorithm(
    name="svm",
    label="Support vector machine",
    help="Separates classes by the widest margin, also along curves. Good on small tables; its"
    " time grows with the square of the rows. Of two classes, or a number, it learns on a GPU too"
    " on machines that have cuML.",
    family=families.OTHERS,
    tasks=("two_class", "multiclass", "regression"),
    params=PARAMS,
    resolve=intel.resolve,
    translate=translate,
    learner=learner,
    squared=(24_000, 190),
    library="scikit-learn",
    on_gpu=True,
    predicts_on_gpu=False,
    gpu_library="rapids",
    gpu_tasks=("two_class", "regression"),
    asks=intel.ASKS,
    scales=True,
    anew="its rows have one best solution, which it finds wherever it begins",
)

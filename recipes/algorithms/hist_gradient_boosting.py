"""scikit-learn's boosted trees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recipes import search
from recipes.algorithms import families
from recipes.algorithms.algorithm import Algorithm, Values
from recipes.algorithms.former import today
from recipes.algorithms.rounds import trees
from recipes.params import Number, Params, Whole

if TYPE_CHECKING:
    from recipes.learners.learner import Learner, Setup

PARAMS = Params(
    (
        *trees(most=300, patience=20, rate=0.1, group="", back=False),
        Whole(
            name="max_leaves",
            label="Most leaves",
            default=31,
            search=search.Range(8, 128, log=True),
            minimum=2,
            maximum=65536,
            help="How many leaves a tree has at most.",
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
            default=20,
            search=search.Range(5, 100, log=True),
            minimum=1,
            maximum=1000000,
            help="Leaves with fewer rows are not made. Higher values smooth the model.",
        ),
        Number(
            name="reg_lambda",
            label="L2 regularisation",
            default=0,
            search=search.Range(0.001, 20, log=True),
            minimum=0,
            maximum=1000000.0,
            help="Draws the values of leaves towards zero.",
        ),
        Whole(
            name="max_bins",
            label="Bins",
            default=255,
            minimum=2,
            maximum=255,
            help="Into how many ranges each number falls.",
            advanced=True,
        ),
    )
)


FORMER = {  # scikit-learn's own names, and LightGBM's, whose trees are of the same kind
    "max_iter": "rounds",
    "n_estimators": "rounds",
    "num_iterations": "rounds",
    "num_boost_round": "rounds",
    "n_iter_no_change": "patience",
    "early_stopping_round": "patience",
    "early_stopping_rounds": "patience",
    "max_leaf_nodes": "max_leaves",
    "num_leaves": "max_leaves",
    "min_data_in_leaf": "min_samples_leaf",
    "min_child_samples": "min_samples_leaf",
    "l2_regularization": "reg_lambda",
    "lambda_l2": "reg_lambda",
    "max_bin": "max_bins",
}


def translate(given: Values) -> tuple[Values, list[str]]:
    """LightGBM's -1 is no limit."""
    made, notes = today(given, FORMER)
    if made.get("max_depth") == -1:
        made["max_depth"] = 0
        notes.append("'max_depth: -1' is 0 here: no limit.")
    return made, notes


def learner(setup: Setup) -> Learner:
    from recipes.learners.trees import hist_gradient_boosting

    return hist_gradient_boosting(setup)


ALGORITHM = Algorithm(
    name="hist_gradient_boosting",
    label="Gradient boosted trees",
    help="scikit-learn's histogram-based boosted trees: each corrects those before it. On the CPU.",
    family=families.TREES,
    tasks=("two_class", "multiclass", "regression"),
    params=PARAMS,
    translate=translate,
    learner=learner,
    process=610,
    no_gpu="cuML has none, and scikit-learn grows its own on the CPU; XGBoost and LightGBM"
    " have GPUs",
    library="scikit-learn",
    takes_missing=True,
    goes_on=(),
    adds="rounds",
)

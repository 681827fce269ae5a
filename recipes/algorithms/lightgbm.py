"""LightGBM: boosted trees that grow leaf by leaf."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recipes import search
from recipes.algorithms import families
from recipes.algorithms.algorithm import Algorithm, Resolved, Values
from recipes.algorithms.former import today
from recipes.algorithms.rounds import loss, trees
from recipes.params import Choice, Number, Params, Whole

if TYPE_CHECKING:
    from recipes.learners.learner import Learner, Setup

FORMER = {  # the names of LightGBM, its scikit-learn interface, PostgresML and DSS
    **dict.fromkeys(("n_estimators", "num_iterations", "num_iteration", "num_trees"), "rounds"),
    **dict.fromkeys(("num_round", "num_rounds", "num_boost_round", "n_iter"), "rounds"),
    **dict.fromkeys(("early_stopping_round", "early_stopping_rounds"), "patience"),
    "boosting_type": "boosting",
    "boost": "boosting",
    "num_leaves": "max_leaves",
    "eta": "learning_rate",
    "shrinkage_rate": "learning_rate",
    "drop_rate": "rate_drop",
    "min_gain_to_split": "min_split_gain",
    "min_sum_hessian_in_leaf": "min_child_weight",
    **dict.fromkeys(("min_child_samples", "min_data_in_leaf", "min_data"), "min_samples_leaf"),
    **dict.fromkeys(("lambda_l2", "lambda"), "reg_lambda"),
    "lambda_l1": "reg_alpha",
    **dict.fromkeys(("bagging_fraction", "bagging"), "subsample"),
    **dict.fromkeys(("feature_fraction", "sub_feature"), "colsample_bytree"),
    "feature_fraction_bynode": "colsample_bynode",
}
EVERY = ("subsample_freq", "bagging_freq")
UNUSED = {
    **dict.fromkeys(EVERY, "each tree draws rows anew where 'subsample' is below 1"),
    **dict.fromkeys(("objective", "application"), "the task says what is predicted"),
    **dict.fromkeys(("metric", "metrics"), "the early stopping goes by the loss"),
}

PARAMS = Params(
    (
        Choice(
            name="boosting",
            label="Boosting",
            default="gbdt",
            group="Trees",
            help="How trees are added to each other.",
            options=(
                ("gbdt", "Gradient boosted trees", "Each tree corrects those before it."),
                ("goss", "GOSS", "Each tree sees rows with large errors, and some others."),
                ("dart", "DART", "Leaves out some trees at random in each round; slower."),
            ),
        ),
        *trees(most=300, patience=20, rate=0.1),
        Whole(
            name="max_leaves",
            label="Most leaves",
            default=31,
            search=search.Range(8, 128, log=True),
            minimum=2,
            maximum=131_072,
            group="Trees",
            help="How many leaves a tree has at most: the leaf whose split helps most comes next. "
            "More leaves find finer patterns, and noise.",
        ),
        Whole(
            name="max_depth",
            label="Maximum depth of tree",
            default=0,
            minimum=0,
            maximum=64,
            unit="0 = no limit",
            group="Trees",
            help="Holds back trees that would grow deep on few rows.",
        ),
        Whole(
            name="max_bin",
            label="Bins",
            default=255,
            minimum=2,
            maximum=65_535,
            group="Trees",
            advanced=True,
            help="Into how many ranges each number falls. Fewer need less memory.",
        ),
        Number(
            name="rate_drop",
            label="Dropped trees",
            default=0.1,
            minimum=0,
            maximum=1,
            group="Trees",
            when=("boosting", ("dart",)),
            help="The share of earlier trees that is left out in a round.",
        ),
        Whole(
            name="min_samples_leaf",
            label="Minimum samples per leaf",
            default=20,
            search=search.Range(5, 100, log=True),
            minimum=1,
            maximum=1_000_000,
            group="Regularisation",
            help="Leaves with fewer rows are not made. Higher values smooth the model.",
        ),
        Number(
            name="min_child_weight",
            label="Minimum child weight",
            default=0.001,
            minimum=0,
            maximum=1_000_000,
            group="Regularisation",
            advanced=True,
            help="The least weight (hessian) of the rows in a leaf.",
        ),
        Number(
            name="min_split_gain",
            label="Minimum gain of a split",
            default=0,
            minimum=0,
            maximum=1_000_000,
            group="Regularisation",
            help="A leaf is split only if that lowers the loss by this much at least.",
        ),
        Number(
            name="reg_lambda",
            label="L2 regularisation",
            default=0,
            search=search.Range(0.001, 20, log=True),
            minimum=0,
            maximum=1_000_000,
            group="Regularisation",
            help="Draws the values of leaves towards zero.",
        ),
        Number(
            name="reg_alpha",
            label="L1 regularisation",
            default=0,
            minimum=0,
            maximum=1_000_000,
            group="Regularisation",
            help="Sets small values of leaves to zero.",
        ),
        Number(
            name="subsample",
            label="Subsample ratio of rows",
            default=1,
            search=search.Range(0.6, 1),
            minimum=0.01,
            maximum=1,
            step=0.05,
            group="Sampling",
            when=("boosting", ("gbdt", "dart")),
            help="The share of rows that each tree sees.",
        ),
        Number(
            name="colsample_bytree",
            label="Fraction of columns in each tree",
            default=1,
            search=search.Range(0.5, 1),
            minimum=0.01,
            maximum=1,
            step=0.05,
            group="Sampling",
            help="The share of columns that each tree sees.",
        ),
        Number(
            name="colsample_bynode",
            label="Fraction of columns in each split",
            default=1,
            minimum=0.01,
            maximum=1,
            step=0.05,
            group="Sampling",
            advanced=True,
            help="The share of the tree's columns that each of its splits sees.",
        ),
        loss("Loss"),
    )
)


def translate(given: Values) -> tuple[Values, list[str]]:
    """LightGBM's own names, of which each setting has several, as the names of the form."""
    kept = {name: value for name, value in given.items() if name not in UNUSED}
    notes = [f"'{name}: {given[name]}' is not used: {UNUSED[name]}." for name in given
             if name in UNUSED]  # fmt: skip
    if kept.pop("data_sample_strategy", None) == "goss":
        kept["boosting"] = "goss"
        notes.append("'data_sample_strategy: goss' is 'boosting: goss' here.")
    made, told = today(kept, FORMER)
    if made.get("max_depth") == -1:  # as LightGBM says that there is no limit
        made["max_depth"] = 0
        told.append("'max_depth: -1' is 0 here.")
    if made.get("boosting") in ("gbrt", "gbtree"):
        told.append(f"'boosting: {made['boosting']}' is 'gbdt' here.")
        made["boosting"] = "gbdt"
    return made, [*notes, *told]


def resolve(params: Values, training: Values, augmentation: Values, device: str) -> Resolved:
    """What cannot be done is replaced, and said; calling it again changes nothing."""
    params, notes = dict(params), []
    if params["boosting"] == "dart" and params["early_stopping"]:
        params["early_stopping"] = False
        notes.append(
            "Early stopping is off: in DART later trees change those before them, so that the "
            "best round cannot be gone back to."
        )
    if params["boosting"] == "goss" and params["subsample"] != 1:
        params["subsample"] = 1
        notes.append("The subsample ratio is 1: GOSS chooses the rows of each tree itself.")
    return Resolved(params, dict(training), dict(augmentation), notes)


def learner(setup: Setup) -> Learner:
    import torch  # noqa: F401 - brings libgomp, and the NCCL of a build for CUDA

    from recipes.learners.leafwise import build

    return build(setup)


ALGORITHM = Algorithm(
    name="lightgbm",
    label="LightGBM",
    help="Boosted trees that grow leaf by leaf: as good on tables as XGBoost, often faster. It "
    "takes missing values and any scale as they are. It learns on the CPU, and on a GPU where it "
    "was built for CUDA.",
    family=families.TREES,
    tasks=("two_class", "multiclass", "regression"),
    params=PARAMS,
    resolve=resolve,
    learner=learner,
    process=580,
    translate=translate,
    takes_missing=True,
    on_gpu=True,
    predicts_on_gpu=False,
    gpu_build=True,
    goes_on=("boosting", "loss"),
    adds="rounds",
    library="lightgbm",
)

"""CatBoost: boosted symmetric trees."""

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

FORMER = {  # the names of CatBoost, of which most settings have several
    **dict.fromkeys(("iterations", "num_boost_round", "n_estimators", "num_trees"), "rounds"),
    **dict.fromkeys(("od_wait", "early_stopping_rounds"), "patience"),
    "eta": "learning_rate",
    "depth": "max_depth",
    "l2_leaf_reg": "reg_lambda",
    "border_count": "max_bin",
    "rsm": "colsample_bylevel",
    "boosting_type": "boosting",
    "bootstrap_type": "bootstrap",
    **dict.fromkeys(("loss_function", "objective"), "loss"),
}
WORDS = {  # values that have other names here
    "bootstrap": {"Bernoulli": "bernoulli", "MVS": "mvs", "Bayesian": "bayesian", "No": "none"},
    "boosting": {"Plain": "plain", "Ordered": "ordered"},
    "loss": {"RMSE": "squared", "MAE": "absolute"},
}
CLASSES = ("Logloss", "CrossEntropy", "MultiClass")  # losses that the task says
UNUSED = {
    **dict.fromkeys(CLASSES, "the task says what is predicted"),
    **dict.fromkeys(("eval_metric", "custom_metric"), "the early stopping goes by the loss"),
    **dict.fromkeys(("use_best_model", "od_type"), "'early_stopping' says whether it is done"),
    **dict.fromkeys(("cat_features", "one_hot_max_size"), "Features says how columns are read"),
    **dict.fromkeys(("allow_writing_files", "train_dir"), "a job keeps its files itself"),
}

PARAMS = Params(
    (
        Choice(
            name="boosting",
            label="Boosting",
            default="plain",
            group="Trees",
            help="What each tree's errors are taken from.",
            options=(
                ("plain", "Plain", "All rows, as in other boosted trees."),
                ("ordered", "Ordered", "The rows before each one: less overfitting; slower."),
            ),
        ),
        *trees(most=1000, patience=50, rate=0.05),
        Whole(
            name="max_depth",
            label="Depth of tree",
            default=6,
            search=search.Range(4, 9),
            minimum=1,
            maximum=16,
            group="Trees",
            help="How many questions a tree asks, the same ones of each row: its leaves are 2 to "
            "the power of this.",
        ),
        Whole(
            name="max_bin",
            label="Bins",
            default=254,
            minimum=1,
            maximum=255,
            group="Trees",
            advanced=True,
            help="Into how many ranges each number falls. Fewer need less memory and time.",
        ),
        Number(
            name="reg_lambda",
            label="L2 regularisation",
            default=3,
            search=search.Range(0.5, 30, log=True),
            minimum=0,
            maximum=1_000_000,
            group="Regularisation",
            help="Draws the values of leaves towards zero.",
        ),
        Number(
            name="random_strength",
            label="Random strength",
            default=1,
            search=search.Range(0.1, 10, log=True),
            minimum=0,
            maximum=1000,
            group="Regularisation",
            help="How much chance there is in the choice of a split: against overfitting.",
        ),
        Choice(
            name="bootstrap",
            label="Sampling of rows",
            default="bernoulli",
            group="Sampling",
            help="Which rows each tree sees, and how much each one counts.",
            options=(
                ("bernoulli", "Bernoulli", "A share of the rows, drawn anew."),
                ("mvs", "MVS", "A share of the rows; large errors are drawn more often."),
                ("bayesian", "Bayesian", "All rows, each with a weight by chance."),
                ("none", "None", "All rows, as they are."),
            ),
        ),
        Number(
            name="subsample",
            label="Subsample ratio of rows",
            default=0.8,
            search=search.Range(0.5, 1),
            minimum=0.01,
            maximum=1,
            step=0.05,
            group="Sampling",
            when=("bootstrap", ("bernoulli", "mvs")),
            help="The share of rows that each tree sees.",
        ),
        Number(
            name="bagging_temperature",
            label="Bagging temperature",
            default=1,
            minimum=0,
            maximum=100,
            group="Sampling",
            when=("bootstrap", ("bayesian",)),
            help="How far the weights of rows are from each other; at 0 they are all the same.",
        ),
        Number(
            name="colsample_bylevel",
            label="Fraction of columns in each split",
            default=1,
            minimum=0.01,
            maximum=1,
            step=0.05,
            group="Sampling",
            help="The share of columns that each question of a tree is chosen from; all of them "
            "on a GPU.",
        ),
        loss("Loss"),
    )
)


def translate(given: Values) -> tuple[Values, list[str]]:
    """CatBoost's own names, and its words for what they say."""
    kept: Values = {}
    notes = []
    for name, value in given.items():
        why = UNUSED.get(name) or (FORMER.get(name) == "loss" and UNUSED.get(str(value)))
        if why or (name, value) == ("grow_policy", "SymmetricTree"):
            why = why or "trees are always symmetric here"
            notes.append(f"'{name}: {value}' is not used: {why}.")
        else:
            kept[name] = value
    made, told = today(kept, FORMER)
    for name, words in WORDS.items():
        if str(made.get(name)) in words:
            told.append(f"'{name}: {made[name]}' is {words[str(made[name])]!r} here.")
            made[name] = words[str(made[name])]
    return made, [*notes, *told]


def resolve(params: Values, training: Values, augmentation: Values, device: str) -> Resolved:
    """What a GPU cannot do is replaced, and said; calling it again changes nothing."""
    params, notes = dict(params), []
    if device != "cpu":
        if params["bootstrap"] == "mvs":
            params["bootstrap"] = "bernoulli"
            notes.append("Rows are drawn by Bernoulli: on a GPU, CatBoost has MVS in part alone.")
        if params["colsample_bylevel"] != 1:
            params["colsample_bylevel"] = 1
            notes.append("Each split is chosen from all columns: on a GPU, CatBoost draws none.")
    return Resolved(params, dict(training), dict(augmentation), notes)


def learner(setup: Setup) -> Learner:
    from recipes.learners.symmetric import build

    return build(setup)


ALGORITHM = Algorithm(
    name="catboost",
    label="CatBoost",
    help="Boosted symmetric trees, which ask the same questions of each row: hard to overfit, "
    "good with few changes to its settings, and the fastest to predict. It takes missing values "
    "and any scale as they are. On a GPU its rounds appear, and Finish early takes effect, "
    "only when the fit is over.",
    family=families.TREES,
    tasks=("two_class", "multiclass", "regression"),
    params=PARAMS,
    resolve=resolve,
    learner=learner,
    process=620,
    translate=translate,
    takes_missing=True,
    on_gpu=True,
    predicts_on_gpu=False,
    goes_on=("boosting", "loss"),
    adds="rounds",
    library="catboost",
)

"""XGBoost: boosted trees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recipes import search
from recipes.algorithms import families
from recipes.algorithms.algorithm import Algorithm, Resolved, Values
from recipes.algorithms.former import device, today
from recipes.algorithms.rounds import loss, trees
from recipes.boosted_room import Need, nodes
from recipes.params import Choice, Number, Params, Whole

if TYPE_CHECKING:
    from recipes.learners.learner import Learner, Setup

FORMER = {  # the names of XGBoost, its scikit-learn interface, PostgresML and DSS
    "n_estimators": "rounds",
    "num_round": "rounds",
    "num_boost_round": "rounds",
    "early_stopping_rounds": "patience",
    "eta": "learning_rate",
    "alpha": "reg_alpha",
    "lambda": "reg_lambda",
    "min_split_loss": "gamma",
}

PARAMS = Params(
    (
        Choice(
            name="booster",
            label="Booster",
            default="gbtree",
            group="Trees",
            help="How trees are added to each other.",
            options=(
                ("gbtree", "Gradient boosted trees", "Each tree corrects those before it."),
                ("dart", "DART", "Leaves out some trees at random in each round; slower."),
            ),
        ),
        Choice(
            name="tree_method",
            label="Tree method",
            default="hist",
            group="Trees",
            advanced=True,
            help="How splits are searched.",
            options=(
                ("hist", "Histogram", "Numbers fall into bins once: fast, small, runs on GPUs."),
                ("approx", "Approximate", "Bins are made anew in each round."),
                ("exact", "Exact", "Every value may split; for small tables, on the CPU only."),
            ),
        ),
        *trees(most=300, patience=20, rate=0.1),
        Whole(
            name="max_depth",
            label="Maximum depth of tree",
            default=6,
            search=search.Range(3, 10),
            minimum=0,
            maximum=64,
            unit="0 = no limit",
            group="Trees",
            help="Deeper trees find finer patterns, and noise.",
        ),
        Choice(
            name="grow_policy",
            label="Growth",
            default="depthwise",
            group="Trees",
            advanced=True,
            help="Which node is split next.",
            options=(
                ("depthwise", "Level by level", "The nodes nearest to the root."),
                ("lossguide", "Best first", "The node whose split lowers the loss most."),
            ),
        ),
        Whole(
            name="max_leaves",
            label="Most leaves",
            default=0,
            minimum=0,
            maximum=100_000,
            unit="0 = no limit",
            group="Trees",
            advanced=True,
            help="How many leaves a tree has at most.",
        ),
        Whole(
            name="max_bin",
            label="Bins",
            default=256,
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
            when=("booster", ("dart",)),
            help="The share of earlier trees that is left out in a round.",
        ),
        Number(
            name="gamma",
            label="Gamma",
            default=0,
            minimum=0,
            maximum=1_000_000,
            group="Regularisation",
            help="A node is split only if that lowers the loss by this much at least.",
        ),
        Number(
            name="min_child_weight",
            label="Minimum child weight",
            default=1,
            search=search.Range(0.5, 20, log=True),
            minimum=0,
            maximum=1_000_000,
            group="Regularisation",
            help="The least weight (hessian) of the rows in a leaf. Higher values are more "
            "cautious.",
        ),
        Number(
            name="max_delta_step",
            label="Maximum step of a leaf",
            default=0,
            minimum=0,
            maximum=1000,
            unit="0 = no limit",
            group="Regularisation",
            advanced=True,
            help="Bounds what a leaf may say; 1 to 10 helps where one class is very rare.",
        ),
        Number(
            name="reg_lambda",
            label="L2 regularisation",
            default=1,
            search=search.Range(0.1, 20, log=True),
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
            name="colsample_bylevel",
            label="Fraction of columns in each level",
            default=1,
            minimum=0.01,
            maximum=1,
            step=0.05,
            group="Sampling",
            advanced=True,
            help="The share of the tree's columns that each of its levels sees.",
        ),
        loss("Loss"),
    )
)


def translate(given: Values) -> tuple[Values, list[str]]:
    """Names that XGBoost had before version 2, or has elsewhere, as the names of the form."""
    made, notes = today(given, FORMER)
    method = str(made.get("tree_method", ""))
    if method.startswith("gpu_") or method == "auto":
        made["tree_method"] = "hist"
        where = ", and asks for a GPU" if method != "auto" and device(given) == "cuda" else ""
        notes.append(f"'tree_method: {method}' is 'hist' today{where}.")
    return made, notes


def resolve(params: Values, training: Values, augmentation: Values, device: str) -> Resolved:
    """What cannot be done is replaced, and said; calling it again changes nothing."""
    params, notes = dict(params), []
    if params["tree_method"] == "exact" and device == "cuda":
        params["tree_method"] = "hist"
        notes.append("The tree method is 'hist': XGBoost has no 'exact' on a GPU.")
    if params["tree_method"] == "exact" and not params["max_depth"]:
        params["tree_method"] = "hist"
        notes.append("The tree method is 'hist': 'exact' cannot grow trees without a depth limit.")
    if params["booster"] == "dart" and params["early_stopping"]:
        params["early_stopping"] = False
        notes.append(
            "Early stopping is off: in DART later trees change those before them, so that the "
            "best round cannot be gone back to."
        )
    return Resolved(params, dict(training), dict(augmentation), notes)


def gpu_room(params: Values, rows: int, columns: tuple[int, int], classes: int) -> Need:
    return Need(
        rows,
        *columns,
        bins=int(params["max_bin"]),
        margins=classes if classes > 2 else 1,
        nodes=nodes(int(params["max_depth"]), int(params["max_leaves"])),
        copied=params["tree_method"] == "hist",
    )


def learner(setup: Setup) -> Learner:
    from recipes.learners.boosted import build

    return build(setup)


ALGORITHM = Algorithm(
    name="xgboost",
    label="XGBoost",
    help="Boosted trees: the usual winner on tables. It takes missing values and any scale as "
    "they are, and learns on the CPU or a GPU.",
    family=families.TREES,
    tasks=("two_class", "multiclass", "regression"),
    params=PARAMS,
    resolve=resolve,
    learner=learner,
    process=590,
    translate=translate,
    takes_missing=True,
    on_gpu=True,
    spreads=True,
    listens=True,
    alone=("tree_method", "exact"),
    from_disk=("tree_method", "hist"),
    gpu_pages=("booster", "gbtree"),  # DART reads all pages again for each tree that it has
    gpu_room=gpu_room,
    goes_on=("booster", "loss"),
    adds="rounds",
    library="xgboost-cu13",
)

"""Regression: a number for each row of a table."""

from recipes.params import Params
from recipes.tasks.table_split import SPLIT
from recipes.tasks.task import Metric, Task

METRICS = {
    one.name: one
    for one in (
        Metric(
            name="r2",
            label="R2",
            definition="The share of the target's variance that the model explains. 1 is perfect, "
            "0 is as good as always predicting the mean.",
        ),
        Metric(
            name="rmse",
            label="RMSE",
            higher_is_better=False,
            unit=True,
            definition="The root of the mean squared error, in the target's unit. Large errors "
            "weigh more.",
        ),
        Metric(
            name="mae",
            label="Mean absolute error",
            higher_is_better=False,
            unit=True,
            definition="The mean distance of the prediction from the truth, in the target's unit.",
        ),
        Metric(
            name="mape",
            label="Mean absolute percentage error",
            higher_is_better=False,
            percent=True,
            definition="The mean distance as a share of the true value. Rows whose true value is 0 "
            "are left out of it.",
        ),
        Metric(
            name="rmsle",
            label="RMSLE",
            higher_is_better=False,
            definition="The root of the mean squared error of log(1 + value): errors count by "
            "their ratio. It is unknown where a value is below 0.",
        ),
        Metric(
            name="explained_variance",
            label="Explained variance",
            definition="As R2, but a constant error is not counted. 1 is perfect.",
        ),
        Metric(
            name="pearson",
            label="Pearson correlation",
            definition="How closely prediction and truth lie on a line: 1 is perfect, 0 is no "
            "relation.",
        ),
    )
}

TASK = Task(
    name="regression",
    label="Regression",
    help="Predicts a number.",
    data="table",
    split=SPLIT,
    augmentation=Params(),
    metrics=METRICS,
    default_metric="r2",
    algorithms=(
        "xgboost",
        "lightgbm",
        "catboost",
        "ridge",
        "random_forest",
        "extra_trees",
        "hist_gradient_boosting",
        "svm",
        "knn",
        "deep_mlp",
        "ft_transformer",
        "mlp",
        "keras",
        "tensorflow",
        "jax",
    ),
)

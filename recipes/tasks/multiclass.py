"""Multiclass classification: one of several classes for each row of a table."""

from recipes.params import Params
from recipes.tasks.table_split import SPLIT
from recipes.tasks.task import Metric, Task

METRICS = {
    one.name: one
    for one in (
        Metric(
            name="roc_auc",
            label="ROC AUC",
            definition="The chance that a row of a class gets a higher probability for it than one "
            "of the others, averaged over the classes. 0.5 is guessing, 1 is perfect.",
        ),
        Metric(
            name="accuracy",
            label="Accuracy",
            percent=True,
            definition="The share of rows whose predicted class is the true one.",
        ),
        Metric(
            name="f1",
            label="F1 score (macro)",
            definition="The harmonic mean of precision and recall of each class, averaged over the "
            "classes that occur, each counting the same.",
        ),
        Metric(
            name="precision",
            label="Precision (macro)",
            definition="Of the rows predicted as a class, the share that belongs to it; averaged "
            "over the classes that occur. A class that is never predicted counts as 0.",
        ),
        Metric(
            name="recall",
            label="Recall (macro)",
            definition="Of the rows that belong to a class, the share that is found; averaged over "
            "the classes that occur. Also called balanced accuracy.",
        ),
        Metric(
            name="average_precision",
            label="Average precision",
            definition="The area under the precision-recall curve of each class, averaged over the "
            "classes. It says more than ROC AUC where a class is rare.",
        ),
        Metric(
            name="log_loss",
            label="Log loss",
            higher_is_better=False,
            definition="The mean of -log(probability given to the true class). It punishes "
            "confident mistakes; 0 is perfect.",
        ),
    )
}

TASK = Task(
    name="multiclass",
    label="Multiclass classification",
    help="Predicts which of several values a column has, with a probability for each.",
    data="table",
    split=SPLIT,
    augmentation=Params(),
    metrics=METRICS,
    default_metric="roc_auc",
    algorithms=(
        "xgboost",
        "lightgbm",
        "catboost",
        "logistic_regression",
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

"""Two-class classification: yes or no for each row of a table."""

from recipes.params import Params
from recipes.tasks.table_split import SPLIT
from recipes.tasks.task import Metric, Task

METRICS = {
    one.name: one
    for one in (
        Metric(
            name="roc_auc",
            label="ROC AUC",
            definition="The chance that a row of the positive class gets a higher probability than "
            "one of the other, at whatever threshold. 0.5 is guessing, 1 is perfect.",
        ),
        Metric(
            name="average_precision",
            label="Average precision",
            definition="The area under the precision-recall curve of the positive class. It says "
            "more than ROC AUC where that class is rare.",
        ),
        Metric(
            name="accuracy",
            label="Accuracy",
            percent=True,
            definition="The share of rows whose predicted class is the true one, at the model's "
            "threshold.",
        ),
        Metric(
            name="f1",
            label="F1 score",
            definition="The harmonic mean of precision and recall of the positive class, at the "
            "model's threshold.",
        ),
        Metric(
            name="precision",
            label="Precision",
            definition="Of the rows predicted as the positive class, the share that belongs to it, "
            "at the model's threshold.",
        ),
        Metric(
            name="recall",
            label="Recall",
            definition="Of the rows of the positive class, the share that is found, at the "
            "model's threshold.",
        ),
        Metric(
            name="mcc",
            label="Matthews correlation",
            definition="The correlation of predicted and true class at the model's threshold: 1 is "
            "perfect, 0 is guessing, -1 is always wrong.",
        ),
        Metric(
            name="log_loss",
            label="Log loss",
            higher_is_better=False,
            definition="The mean of -log(probability given to the true class). It punishes "
            "confident mistakes; 0 is perfect.",
        ),
        Metric(
            name="brier",
            label="Brier score",
            higher_is_better=False,
            definition="The mean squared difference between the probability of the positive class "
            "and what was true (1 or 0). It is small where probabilities can be taken at their "
            "word.",
        ),
    )
}

TASK = Task(
    name="two_class",
    label="Two-class classification",
    help="Predicts which of two values a column has, with its probability.",
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

"""ALGORITHMS: what can learn. A new algorithm is one file and one line here."""

from recipes.algorithms import (
    backbone_classifier,
    catboost,
    deep_mlp,
    extra_trees,
    ft_transformer,
    hist_gradient_boosting,
    jax,
    keras,
    knn,
    lightgbm,
    logistic_regression,
    mlp,
    random_forest,
    ridge,
    svm,
    tensorflow,
    xgboost,
)
from recipes.algorithms.algorithm import Algorithm, Resolved

ALGORITHMS: dict[str, Algorithm] = {
    "backbone_classifier": backbone_classifier.ALGORITHM,
    "xgboost": xgboost.ALGORITHM,
    "lightgbm": lightgbm.ALGORITHM,
    "catboost": catboost.ALGORITHM,
    "logistic_regression": logistic_regression.ALGORITHM,
    "ridge": ridge.ALGORITHM,
    "random_forest": random_forest.ALGORITHM,
    "extra_trees": extra_trees.ALGORITHM,
    "hist_gradient_boosting": hist_gradient_boosting.ALGORITHM,
    "svm": svm.ALGORITHM,
    "knn": knn.ALGORITHM,
    "mlp": mlp.ALGORITHM,
    "keras": keras.ALGORITHM,
    "tensorflow": tensorflow.ALGORITHM,
    "jax": jax.ALGORITHM,
    "deep_mlp": deep_mlp.ALGORITHM,
    "ft_transformer": ft_transformer.ALGORITHM,
}

__all__ = ["ALGORITHMS", "Algorithm", "Resolved"]

"""ALGORITHMS: what can learn. A new algorithm is one file and one line here."""

from recipes.algorithms import backbone_classifier, xgboost
from recipes.algorithms.algorithm import Algorithm, Resolved

ALGORITHMS: dict[str, Algorithm] = {
    "backbone_classifier": backbone_classifier.ALGORITHM,
    "xgboost": xgboost.ALGORITHM,
}

__all__ = ["ALGORITHMS", "Algorithm", "Resolved"]

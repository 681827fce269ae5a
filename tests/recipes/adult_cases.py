"""Each algorithm for tables on adult.csv: what it learns of it, and how well at least."""

from typing import Any

# algorithm: target, task, rows, params (small, for the sake of time), least score
CASES: dict[str, tuple[str, str, int, dict[str, Any], float]] = {
    "xgboost": ("income", "two_class", 32_561, {"rounds": 40}, 0.91),
    "lightgbm": ("income", "two_class", 32_561, {"rounds": 40}, 0.91),
    "catboost": ("income", "two_class", 8000, {"rounds": 100}, 0.89),
    "logistic_regression": ("income", "two_class", 8000, {}, 0.89),
    "ridge": ("age", "regression", 8000, {}, 0.35),
    "random_forest": ("income", "two_class", 8000, {"trees": 30, "min_samples_leaf": 3}, 0.88),
    "extra_trees": ("income", "two_class", 8000, {"trees": 30, "min_samples_leaf": 3}, 0.87),
    "hist_gradient_boosting": ("income", "two_class", 4000, {"rounds": 20}, 0.88),
    "svm": ("income", "two_class", 3000, {}, 0.85),
    "knn": ("income", "two_class", 4000, {"neighbours": 15}, 0.85),
    "mlp": ("income", "two_class", 8000, {"rounds": 5}, 0.88),
    "deep_mlp": ("income", "two_class", 8000, {"rounds": 4}, 0.88),
    "ft_transformer": ("income", "two_class", 4000, {"rounds": 4, "width": 32}, 0.88),
    "keras": ("income", "two_class", 4000, {"rounds": 4}, 0.87),
    "tensorflow": ("income", "two_class", 4000, {"rounds": 4}, 0.87),
    "jax": ("income", "two_class", 4000, {"rounds": 4}, 0.87),
}

"""Each algorithm for tables on real data: what it learns from, and how well at least."""

from typing import Any

# algorithm: data, target, task, rows, params (small, for the sake of time), least score
CASES: dict[str, tuple[str, str, str, int, dict[str, Any], float]] = {
    "xgboost": ("adult", "income", "two_class", 32_561, {"rounds": 40}, 0.91),
    "lightgbm": ("adult", "income", "two_class", 32_561, {"rounds": 40}, 0.91),
    "catboost": ("adult", "income", "two_class", 8000, {"rounds": 100}, 0.89),
    "logistic_regression": ("adult", "income", "two_class", 8000, {}, 0.89),
    "ridge": ("diamonds", "price", "regression", 53_940, {}, 0.9),
    "random_forest": (
        "adult",
        "income",
        "two_class",
        8000,
        {"trees": 30, "min_samples_leaf": 3},
        0.88,
    ),
    "extra_trees": (
        "adult",
        "income",
        "two_class",
        8000,
        {"trees": 30, "min_samples_leaf": 3},
        0.87,
    ),
    "hist_gradient_boosting": ("adult", "income", "two_class", 4000, {"rounds": 20}, 0.88),
    "svm": ("adult", "income", "two_class", 3000, {}, 0.85),
    "knn": ("adult", "income", "two_class", 8000, {"neighbours": 15}, 0.85),
    "mlp": ("adult", "income", "two_class", 8000, {"rounds": 5}, 0.88),
    "deep_mlp": ("adult", "income", "two_class", 8000, {"rounds": 4}, 0.88),
    "ft_transformer": ("adult", "income", "two_class", 8000, {"rounds": 4, "width": 32}, 0.88),
    "keras": ("adult", "income", "two_class", 4000, {"rounds": 4}, 0.87),
    "tensorflow": ("adult", "income", "two_class", 4000, {"rounds": 4}, 0.87),
    "jax": ("adult", "income", "two_class", 4000, {"rounds": 4}, 0.87),
}

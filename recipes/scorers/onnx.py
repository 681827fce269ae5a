"""ONNX Runtime: trees, linear models and networks as a graph of operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recipes.scorers.scorer import Scorer, Scores, Where

if TYPE_CHECKING:
    from recipes.learners.learner import Convertible


def make(learner: Convertible, where: Where) -> Scores:
    raise NotImplementedError


SCORER = Scorer(
    name="onnx",
    label="ONNX Runtime",
    help="Computes in single precision. Wrong on forests whose training had missing values.",
    library="onnx",
    packages=("onnxruntime", "onnxruntime-gpu", "onnx", "skl2onnx", "onnxmltools"),
    algorithms=(
        "xgboost",
        "lightgbm",
        "logistic_regression",
        "ridge",
        "random_forest",
        "extra_trees",
        "svm",
        "mlp",
    ),
    devices=("cpu", "cuda"),
    make=make,
)

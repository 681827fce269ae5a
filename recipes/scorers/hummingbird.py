"""Hummingbird: models as PyTorch's tensors. Unmaintained, and wrong of trees where values lack."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from recipes.scorers.scorer import Scorer, Scores, Where
from recipes.scorers.trees import bounded, library_of

if TYPE_CHECKING:
    from recipes.learners.learner import Convertible, Floats, Matrix


def make(learner: Convertible, where: Where) -> Scores:
    return _Tensors(learner, where)


class _Tensors:
    """A module of PyTorch that Hummingbird made."""

    def __init__(self, learner: Convertible, where: Where) -> None:
        native = learner.native()
        bounded(native)
        if library_of(native) == "xgboost":
            native = _as_estimator(native, learner)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from hummingbird.ml import convert

            self._model = convert(native, "torch", device=where.device)
        self._learner = learner

    def predict(self, matrix: Matrix) -> Floats:
        if not self._learner.classes:
            return self._learner.as_told(self._model.predict(matrix).reshape(-1))
        return self._learner.as_told(self._model.predict_proba(matrix))

    def computes_on(self) -> str:
        found = next(iter(self._model.model.parameters()), None)
        return str(found.device) if found is not None else "cpu"


def _as_estimator(booster: Any, learner: Convertible) -> Any:
    """What Hummingbird knows of XGBoost: the interface of scikit-learn."""
    import xgboost

    made = xgboost.XGBClassifier() if learner.classes else xgboost.XGBRegressor()
    made.load_model(booster.save_raw("ubj"))
    return made


SCORER = Scorer(
    name="hummingbird",
    label="Hummingbird",
    help="Models as PyTorch's tensors. Unmaintained; wrong on trees where values are missing.",
    library="hummingbird",
    packages=("hummingbird-ml", "torch"),
    algorithms=(
        "xgboost",
        "logistic_regression",
        "random_forest",
        "extra_trees",
        "hist_gradient_boosting",
        "mlp",
    ),
    devices=("cpu", "cuda"),
    make=make,
)

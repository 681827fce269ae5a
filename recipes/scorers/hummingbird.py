"""Hummingbird: models as PyTorch's tensors. Unmaintained, and wrong of trees where values lack."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from recipes.learners.threads import torch_threads
from recipes.scorers.scorer import Scorer, Scores, Where
from recipes.scorers.trees import bounded, library_of

if TYPE_CHECKING:
    from recipes.learners.learner import Convertible, Floats, Matrix

AT_ONCE = 1 << 22  # numbers that an operator makes of the rows that are predicted together


def make(learner: Convertible, where: Where) -> Scores:
    return _Tensors(learner, where)


class _Tensors:
    """A module of PyTorch that Hummingbird made."""

    def __init__(self, learner: Convertible, where: Where) -> None:
        native = learner.native()
        bounded(native)
        if library_of(native) == "xgboost":
            native = _as_estimator(native, learner)
        self._threads = where.threads
        with warnings.catch_warnings(), torch_threads(where.threads):
            warnings.simplefilter("ignore")
            from hummingbird.ml import convert

            own = {"n_threads": where.threads}  # all cores of the machine otherwise
            self._model = convert(native, "torch", device=where.device, extra_config=own)
        self._learner = learner
        self._rows = max(1, AT_ONCE // _width(self._model.model))

    def predict(self, matrix: Matrix) -> Floats:
        import numpy as np

        starts = range(0, max(1, len(matrix)), self._rows)
        with torch_threads(self._threads):
            made = [self._of(matrix[start : start + self._rows]) for start in starts]
        return self._learner.as_told(np.concatenate(made))

    def _of(self, matrix: Matrix) -> Any:
        if not self._learner.classes:
            return self._model.predict(matrix).reshape(-1)
        return self._model.predict_proba(matrix)

    def computes_on(self) -> str:
        found = next(iter(self._model.model.parameters()), None)
        return str(found.device) if found is not None else "cpu"


def _width(module: Any) -> int:
    """How many numbers its widest operator makes of a row: of shallow trees one for each node or
    leaf of each tree, of deep ones one a tree and class, of others one a neuron."""
    wide = [_of_trees(one) for one in module.modules()]
    if not any(wide):
        wide = [size for weights in module.parameters() for size in weights.shape]
    return max(wide, default=1)


def _of_trees(operator: Any) -> int:
    """The same of an operator; 0 of one that has no trees."""
    trees: int = getattr(operator, "n_trees", 0) or getattr(operator, "num_trees", 0)
    named = ("hidden_one_size", "hidden_two_size", "n_classes")
    return trees * max(getattr(operator, name, 1) for name in named)


def _as_estimator(booster: Any, learner: Convertible) -> Any:
    """What Hummingbird knows of XGBoost: the interface of scikit-learn."""
    import xgboost

    made = xgboost.XGBClassifier() if learner.classes else xgboost.XGBRegressor()
    made.load_model(booster.save_raw("ubj"))
    return made


SCORER = Scorer(
    name="hummingbird",
    label="Hummingbird",
    help="For logistic regression and networks mostly: of trees it predicts otherwise where values "
    "are missing, and is not used then. Models become PyTorch's tensors; nobody maintains it.",
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

"""nvForest of RAPIDS: trees alone, missing values included, on the CPU and on GPUs."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from recipes.scorers.scorer import Scorer, Scores, Where
from recipes.scorers.trees import library_of

if TYPE_CHECKING:
    from recipes.learners.learner import Convertible, Floats, Matrix


def make(learner: Convertible, where: Where) -> Scores:
    return _Forest(learner, where)


class _Forest:
    """A model of nvForest, on the CPU or the first GPU that this process sees."""

    def __init__(self, learner: Convertible, where: Where) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own copy of treelite is older than the one here
            self._model = _loaded(learner.native(), "gpu" if where.device == "cuda" else "cpu")
        from threadpoolctl import ThreadpoolController

        self._pools = ThreadpoolController()  # it takes all cores of the process otherwise
        self._threads = where.threads
        self._learner = learner

    def predict(self, matrix: Matrix) -> Floats:
        with self._pools.limit(limits=self._threads):
            if not self._learner.classes:
                return self._learner.as_told(_here(self._model.predict(matrix)).reshape(-1))
            return self._learner.as_told(_both(_here(self._model.predict_proba(matrix))))

    def computes_on(self) -> str:
        return "cuda:0" if type(self._model).__name__.startswith("GPU") else "cpu"


def _loaded(native: Any, device: str) -> Any:
    import nvforest
    import treelite

    library = library_of(native)
    if library == "sklearn":
        return nvforest.load_from_sklearn(native, device=device)
    read = getattr(treelite.frontend, f"from_{library}")
    return nvforest.load_from_treelite_model(read(native), device=device)


def _here(given: Any) -> Any:
    """In this machine's memory, whether the library left it there or on a GPU."""
    return given.get() if hasattr(given, "get") else given


def _both(given: Any) -> Any:
    """Probabilities of two classes, where there is one of the second alone."""
    import numpy as np

    return np.concatenate([1 - given, given], 1) if given.shape[1] == 1 else given


SCORER = Scorer(
    name="nvforest",
    label="nvForest",
    help="RAPIDS' scoring of trees, made for GPUs.",
    library="nvforest",
    packages=("nvforest-cu13", "nvforest-cu12", "treelite"),
    algorithms=("xgboost", "lightgbm", "random_forest", "extra_trees", "hist_gradient_boosting"),
    devices=("cpu", "cuda"),
    make=make,
)

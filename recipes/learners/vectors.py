"""Support vector machines. Their distances become probabilities on rows they did not learn from."""

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC, SVR

from recipes.learners.learner import Floats, Learner, Matrix, Rows, Setup, Told
from recipes.learners.scikit import ScaledTarget

CALIBRATION = 10  # one in so many training rows


def svm(setup: Setup) -> Learner:
    return Vectors(setup, _machine)


class Vectors(ScaledTarget):
    """An SVC with a logistic regression of its distances, or an SVR."""

    def _fit(self, train: Rows, validation: Rows | None, told: Told) -> None:
        if not self._setup.classes:
            super()._fit(train, validation, told)
            return
        held = self._held(train.target)
        self._model = self._make(self._setup)
        self._learn(self._model, _some(train, ~held))
        self._calibration = LogisticRegression()
        self._calibration.fit(self._distances(train.matrix[held]), train.target[held].astype(int))
        loss = self.loss(validation) if validation else None
        told.tell({"round": 1, "of": 1, "train_loss": None, "val_loss": loss})

    def predict(self, matrix: Matrix) -> Floats:
        if not self._setup.classes:
            return super().predict(matrix)
        given = self._calibration.predict_proba(self._distances(matrix))
        return self._all_classes(given, self._calibration.classes_)

    def _held(self, target: Floats) -> Any:
        """Some rows of each class; a class of a few rows calibrates with what it learns from."""
        rng = np.random.default_rng(self._setup.seed)
        held = np.zeros(len(target), bool)
        for one in np.unique(target):
            rows = rng.permutation(np.flatnonzero(target == one))
            held[rows[: max(1, len(rows) // CALIBRATION)]] = True
        for one in np.unique(target):
            if held[target == one].all():
                raise ValueError("A support vector machine needs two rows of each class at least.")
        return held

    def _distances(self, matrix: Matrix) -> Any:
        found = self._model.decision_function(self._seen(matrix))
        return found.reshape(len(matrix), -1)

    def _kept(self) -> dict[str, Any]:
        return {**super()._kept(), "calibration": getattr(self, "_calibration", None)}

    def _take(self, kept: dict[str, Any]) -> None:
        super()._take(kept)
        self._calibration = kept["calibration"]


def _some(rows: Rows, which: Any) -> Rows:
    weight = None if rows.weight is None else rows.weight[which]
    return Rows(rows.matrix[which], rows.target[which], weight)


def _machine(setup: Setup) -> Any:
    params = setup.params
    gamma = params["gamma_value"] if params["gamma"] == "value" else params["gamma"]
    told = {
        "C": params["C"],
        "kernel": params["kernel"],
        "gamma": gamma,
        "degree": params["degree"],
        "tol": params["tol"],
        "cache_size": 500,
    }
    if setup.classes:
        return SVC(random_state=setup.seed, decision_function_shape="ovr", **told)
    return SVR(epsilon=params["epsilon"], **told)

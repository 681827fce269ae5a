"""Support vector machines. Their distances become probabilities on rows they did not learn from."""

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC, SVR

from recipes.learners import on_cuml
from recipes.learners.learner import Floats, Learner, Matrix, Rows, Setup, Told, WrongDevice
from recipes.learners.scikit import ScaledTarget

CALIBRATION = 10  # one in so many training rows


def svm(setup: Setup) -> Learner:
    return Vectors(setup, _machine)


class Vectors(ScaledTarget):
    """An SVC with a logistic regression of its distances, or an SVR. It learns on a GPU where cuML
    is, and predicts on the CPU."""

    _device = "cpu"

    def _fit(self, train: Rows, validation: Rows | None, told: Told) -> None:
        if not self._setup.classes:
            super()._fit(train, validation, told)
            return
        learn, held = self._apart(train.target)
        self._model = self._make(self._setup)
        self._learn(self._model, _some(train, learn))
        self._calibration = LogisticRegression()
        self._calibration.fit(self._distances(train.matrix[held]), train.target[held].astype(int))
        loss = self.loss(validation) if validation else None
        told.tell({"round": 1, "of": 1, "train_loss": None, "val_loss": loss})

    def predict(self, matrix: Matrix) -> Floats:
        if not self._setup.classes:
            return super().predict(matrix)
        return self.as_told(self._distances(matrix))

    def as_told(self, given: Any) -> Floats:
        """Of classes `given` are the distances: [rows, classes], of two [rows, 1]."""
        if not self._setup.classes:
            return super().as_told(given)
        found = self._calibration.predict_proba(given)
        return self._all_classes(found, self._calibration.classes_)

    def _learn(self, model: Any, rows: Rows, **more: Any) -> None:
        device = self._setup.device
        if device == "cpu":
            super()._learn(model, rows, **more)
            return
        if self._setup.classes > 2:
            raise WrongDevice("cuML's machine of several classes stays on its GPU: choose the CPU.")
        seen, aim = self._seen(rows.matrix), self._aim(rows.target)
        self._ran, self._device = on_cuml.fit(model, seen, aim, rows.weight, device)

    def facts(self) -> dict[str, Any]:
        return {**super().facts(), "device": self._device}

    def _apart(self, target: Floats) -> tuple[Any, Any]:
        """Which rows learn and which calibrate: one in a few of each class does not learn.

        The only row of a class does both: without it the class would not be known.
        """
        rng = np.random.default_rng(self._setup.seed)
        learn, calibrate = np.ones(len(target), bool), np.zeros(len(target), bool)
        for one in np.unique(target):
            rows = rng.permutation(np.flatnonzero(target == one))
            held = rows[: max(1, len(rows) // CALIBRATION)]
            calibrate[held] = True
            learn[held] = len(rows) == 1
        return learn, calibrate

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

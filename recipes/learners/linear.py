"""Linear models and neighbours: fitted in one call."""

import math
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from recipes.learners import array_api
from recipes.learners.learner import (
    Floats,
    Learner,
    Matrix,
    Rows,
    Setup,
    TooFewRows,
    WrongDevice,
)
from recipes.learners.scikit import Scikit

SOLVERS = {"l2": "lbfgs", "l1": "saga", "elasticnet": "saga", "none": "lbfgs"}


class Linear(Scikit):
    """In double precision: single is too coarse for its solvers to converge.

    It learns on a GPU too, and predicts on the CPU.
    """

    double = True
    _device = "cpu"

    def _learn(self, model: Any, rows: Rows, **more: Any) -> None:
        if self._setup.device == "cpu":
            super()._learn(model, rows, **more)
        else:
            seen, aim = self._seen(rows.matrix), self._aim(rows.target)
            self._device = array_api.fitted(model, seen, aim, rows.weight, self._setup.device)
        self._mean = self._seen(rows.matrix).mean(0)

    def contributions(self, matrix: Matrix) -> Floats:
        """Coefficient times distance from the training rows' mean."""
        slopes, base = self._line()
        moved = (self._seen(matrix) - self._mean)[:, None] * slopes
        before = np.broadcast_to(base + slopes @ self._mean, moved.shape[:2])
        found: Floats = np.concatenate([moved, before[..., None]], 2)
        return found if self.classes > 2 else found[:, 0]

    def _line(self) -> tuple[Floats, Floats]:
        """Coefficients [lines, columns] and what stands at 0: a line a class, else one."""
        model = self._model
        slopes, base = np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
        if self.classes <= 2:
            return slopes, base
        known = np.asarray(model.classes_, np.int64)  # a class without a row has no line
        if len(slopes) == 1:
            slopes, base = np.stack([0 * slopes[0], slopes[0]]), np.array([0.0, base[0]])
        made = np.zeros((self.classes, slopes.shape[1])), np.full(self.classes, -np.inf)
        made[0][known], made[1][known] = slopes, base
        return made

    def facts(self) -> dict[str, Any]:
        return {**super().facts(), "device": self._device}

    def _kept(self) -> dict[str, Any]:
        return {**super()._kept(), "mean": self._mean}

    def _take(self, kept: dict[str, Any]) -> None:
        super()._take(kept)
        self._mean = np.asarray(kept["mean"], np.float64)


class Neighbours(Scikit):
    """It remembers the rows; weights mean nothing to it."""

    weighs = False

    def _learn(self, model: Any, rows: Rows, **more: Any) -> None:
        asked, there = self._setup.params["neighbours"], len(rows.target)
        if asked > there:
            raise TooFewRows(
                f"K is {asked:,} and the training has {there:,} rows: each prediction asks K of "
                "them. Choose a smaller K."
            )
        super()._learn(model, rows, **more)


def logistic_regression(setup: Setup) -> Learner:
    return Linear(setup, _logistic)


def ridge(setup: Setup) -> Learner:
    return Linear(setup, _ridge)


def knn(setup: Setup) -> Learner:
    return Neighbours(setup, _neighbours)


def _ridge(setup: Setup) -> Any:
    solver = "auto" if setup.device == "cpu" else "svd"  # the one that GPUs know
    return Ridge(alpha=setup.params["alpha"], solver=solver, random_state=setup.seed)


def _logistic(setup: Setup) -> Any:
    params = setup.params
    if setup.device != "cpu" and SOLVERS[params["penalty"]] != "lbfgs":
        raise WrongDevice(
            f"The regularisation {params['penalty']!r} learns on the CPU alone: choose the CPU, or "
            "'l2' or 'none'."
        )
    ratio = {"l1": 1.0, "elasticnet": params["l1_ratio"]}.get(params["penalty"], 0.0)
    return LogisticRegression(
        C=math.inf if params["penalty"] == "none" else params["C"],
        l1_ratio=ratio,
        solver=SOLVERS[params["penalty"]],
        max_iter=params["max_iter"],
        tol=params["tol"],
        random_state=setup.seed,
    )


def _neighbours(setup: Setup) -> Any:
    kind = KNeighborsClassifier if setup.classes else KNeighborsRegressor
    params = setup.params
    return kind(
        n_neighbors=params["neighbours"],
        weights=params["weighting"],
        p=int(params["power"]),
        algorithm="brute",  # encoded tables are too wide for its trees
        n_jobs=setup.threads,
    )

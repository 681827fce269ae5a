"""Linear models and neighbours: fitted in one call."""

import math
from typing import Any

from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from recipes.learners.learner import Learner, Setup
from recipes.learners.scikit import Scikit

SOLVERS = {"l2": "lbfgs", "l1": "saga", "elasticnet": "saga", "none": "lbfgs"}


class Linear(Scikit):
    """In double precision: single is too coarse for its solvers to converge."""

    double = True


class Neighbours(Scikit):
    """It remembers the rows; weights mean nothing to it."""

    weighs = False


def logistic_regression(setup: Setup) -> Learner:
    return Linear(setup, _logistic)


def ridge(setup: Setup) -> Learner:
    return Linear(setup, lambda one: Ridge(alpha=one.params["alpha"], random_state=one.seed))


def knn(setup: Setup) -> Learner:
    return Neighbours(setup, _neighbours)


def _logistic(setup: Setup) -> Any:
    params = setup.params
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

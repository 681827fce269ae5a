"""Intel's extension of scikit-learn: it learns, and scikit-learn's own estimator has the result.

Its classes are used as they are, and nothing of scikit-learn is replaced: other models of the same
process know nothing of it. Of what it accelerates only these become scikit-learn's again with the
very same predictions, and gained time where it was measured (bench/results.md): its random
forest says something else than scikit-learn says of the same trees (by up to 0.24 on adult.csv),
its extra trees were slower, its logistic regression needs three times the iterations, and
neighbours leave nothing to learn.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np

from recipes import extras
from recipes.learners.converted import CHECKED, Ran, distances, prove
from recipes.learners.learner import Floats

MODULES = {"Ridge": "linear_model", "SVC": "svm", "SVR": "svm"}
VECTORS = {  # what scikit-learn's prediction reads, in the types that its compiled part wants
    **dict.fromkeys(("support_", "_n_support"), np.int32),
    **dict.fromkeys(("support_vectors_", "dual_coef_", "_dual_coef_"), np.float64),
    **dict.fromkeys(("intercept_", "_intercept_"), np.float64),
    **dict.fromkeys(("fit_status_", "shape_fit_", "_gamma", "n_features_in_"), None),
}
STATE: dict[str, dict[str, Any]] = {
    "Ridge": {"coef_": np.float64, "intercept_": None, "n_features_in_": None},
    "SVC": {**VECTORS, "classes_": np.int64, "class_weight_": np.float64},
    "SVR": VECTORS,
}
FIXED: dict[str, Any] = {"_sparse": False, "_effective_probability": False}
FIXED |= {"_probA": np.empty(0), "_probB": np.empty(0)}
WAY = "Switch the extension off."
RAN = "running accelerated version"
CAUSE = "patching failed with cause - "


class NotHere(Exception):
    """This machine lacks the extension."""

    code = "error"


def fit(model: Any, matrix: Floats, target: Any, threads: int, **more: Any) -> Ran:
    """`model`, of scikit-learn and with its params, has then learned. Raises NotHere, Unlike."""
    if not extras.installed("intel"):
        raise NotHere(f"{extras.called('intel')} is not here: run {extras.remedy('intel')}.")
    name = type(model).__name__
    found = getattr(import_module(f"sklearnex.{MODULES[name]}"), name)
    other = found(**model.get_params(), n_jobs=threads)
    with _listening() as heard:
        other.fit(matrix, target, **more)
    _take(model, other, STATE[name])
    some = matrix[:CHECKED]
    prove(distances(model, some), distances(other, some), "Intel's extension", WAY)
    fits = [text for text in heard if ".fit: " in text]
    if any(RAN in text for text in fits):
        return Ran(True, "Intel's extension learned this, by its accelerated version.")
    why = " ".join(text.partition(CAUSE)[2] for text in fits if CAUSE in text)
    return Ran(
        False,
        "Intel's extension did not accelerate this: plain scikit-learn learned. It says: "
        f"{why or 'no reason'}",
    )


def _take(model: Any, other: Any, state: dict[str, Any]) -> None:
    for name, kind in state.items():
        value = getattr(other, name)
        if kind is not None:
            value = np.ascontiguousarray(value, kind)
        elif isinstance(value, np.generic | np.ndarray):
            value = value.item()
        setattr(model, name, value)
    if state is STATE["Ridge"]:
        return
    vars(model).update(FIXED)
    if state is STATE["SVR"]:  # the compiled part reads two numbers
        model._n_support = np.array([len(model.support_), 0], np.int32)


@contextmanager
def _listening() -> Iterator[list[str]]:
    """What it logs of its own choices, which nobody else needs to see."""
    heard: list[str] = []
    one = logging.Handler()
    one.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("sklearnex")
    before = log.handlers, log.level, log.propagate
    log.handlers, log.propagate = [one], False
    log.setLevel(logging.DEBUG)
    try:
        yield heard
    finally:
        log.handlers, level, log.propagate = before
        log.setLevel(level)

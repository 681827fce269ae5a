"""cuML's support vector machine: it learns on a GPU, and scikit-learn's own has the result.

Written against cuML 26.10.0 and never run: no GPU was there. What was checked without one, in an
environment with cuML installed: each param below is one of its constructors', and what its
`as_sklearn` makes of the numbers of a fitted SVC (two classes) or SVR predicts as that one does, to
the last bit. Its `as_sklearn` knows no SVC of several classes. So each training proves what it
made: where it was learned, and that both predict alike. Its forests are in forest_on_cuml.py.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from recipes import extras
from recipes.learners.array_api import GpuTooSmall
from recipes.learners.converted import CHECKED, Ran, distances, prove
from recipes.learners.learner import Floats, WrongDevice

SHARED = {"C", "kernel", "degree", "gamma", "coef0", "tol", "max_iter", "epsilon"}
CACHE = 1024.0  # MiB of the GPU's memory, for rows of the kernel


def fit(
    model: Any, matrix: Floats, target: Any, weight: Floats | None, device: str
) -> tuple[Ran, str]:
    """`model`, of scikit-learn and with its params, has then learned, and predicts on the CPU.

    Returns what is said of it, and where it was learned: `cuda:0`. Raises WrongDevice,
    GpuTooSmall, Unlike.
    """
    found = getattr(module("cuml.svm"), type(model).__name__)
    params = {name: value for name, value in model.get_params().items() if name in SHARED}
    if type(model).__name__ == "SVC":
        params.pop("epsilon", None)
    other = found(**params, cache_size=CACHE, output_type="cupy")
    with room(matrix.shape):
        other.fit(matrix, target, sample_weight=weight)
        where = f"cuda:{other.dual_coef_.device.id}"
        theirs = distances_there(other, matrix[:CHECKED])
    if not where.startswith(device):
        raise WrongDevice(f"The job was to train on {device} and cuML trained on {where}.")
    own = model.get_params()
    made = vars(other.as_sklearn())
    vars(model).update({name: value for name, value in made.items() if name not in own})
    prove(distances(model, matrix[:CHECKED]), theirs, "cuML", "Choose the CPU.")
    rows = f"{min(len(matrix), CHECKED):,} rows"
    return Ran(True, f"cuML learned this; scikit-learn predicts as it did, on {rows}."), where


def distances_there(other: Any, rows: Floats) -> Any:
    asked = other.decision_function if hasattr(other, "decision_function") else other.predict
    return asked(rows).get()


def module(name: str) -> Any:
    """One of cuML, or that comes with it. Raises WrongDevice where it is not here."""
    if not extras.installed("rapids"):
        raise WrongDevice(
            f"{extras.called('rapids')}, which learns this on a GPU, is not here: run "
            f"{extras.remedy('rapids')}, or choose the CPU."
        )
    return import_module(name)


@contextmanager
def room(shape: tuple[int, int]) -> Iterator[None]:
    """What needs the GPU's memory for rows and columns. Raises GpuTooSmall."""
    try:
        yield
    except MemoryError as full:  # as CuPy and RMM say it
        raise GpuTooSmall(*shape) from full

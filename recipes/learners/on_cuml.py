"""cuML's support vector machine: it learns on a GPU, and scikit-learn's own has the result.

Written against cuML 26.10.0 and never run: no GPU was there. What was checked without one, in an
environment with cuML installed: each param below is one of its constructors', and what its
`as_sklearn` makes of the numbers of a fitted SVC (two classes) or SVR predicts as that one does, to
the last bit. Its `as_sklearn` knows no SVC of several classes. Its forests refuse missing values
and lose their importances on the way, its neighbours leave nothing to learn: they have no part in
this. So each training proves what it made: where it was learned, and that both predict alike.
"""

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
    if not extras.installed("rapids"):
        raise WrongDevice(
            f"{extras.called('rapids')}, which learns this on a GPU, is not here: run "
            f"{extras.remedy('rapids')}, or choose the CPU."
        )
    found = getattr(import_module("cuml.svm"), type(model).__name__)
    params = {name: value for name, value in model.get_params().items() if name in SHARED}
    if type(model).__name__ == "SVC":
        params.pop("epsilon", None)
    other = found(**params, cache_size=CACHE, output_type="cupy")
    try:
        other.fit(matrix, target, sample_weight=weight)
        where = f"cuda:{other.dual_coef_.device.id}"
        theirs = distances_there(other, matrix[:CHECKED])
    except MemoryError as full:  # as CuPy and RMM say it
        raise GpuTooSmall(
            f"The GPU's memory is too small for {matrix.shape[0]:,} rows of {matrix.shape[1]:,} "
            "numbers in double precision. Choose another GPU, or the CPU."
        ) from full
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

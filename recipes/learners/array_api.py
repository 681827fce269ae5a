"""scikit-learn on a GPU, where its array API can: tensors go in, numpy's arrays come out."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import sklearn
import torch

from recipes.learners.learner import Floats, Matrix, WrongDevice


class GpuTooSmall(Exception):
    """The rows do not fit into the GPU's memory."""

    code = "cuda_out_of_memory"

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__(
            f"The GPU's memory is too small for {rows:,} rows of {columns:,} numbers in double "
            "precision. Choose another GPU, or the CPU."
        )


def fitted(model: Any, matrix: Matrix, target: Any, weight: Floats | None, device: str) -> str:
    """Fit there, in double precision; then the model is one of numpy, that predicts on the CPU.

    Returns where its coefficients were: `cuda:0`. Raises WrongDevice, GpuTooSmall.
    """
    try:
        rows = torch.as_tensor(matrix).to(device, torch.float64)
        aim = torch.as_tensor(target).to(device)
        weights = None if weight is None else torch.as_tensor(weight).to(device)
        with _allowed():
            model.fit(rows, aim, sample_weight=weights)
    except torch.OutOfMemoryError as full:
        raise GpuTooSmall(*matrix.shape) from full
    where = str(model.coef_.device) if isinstance(model.coef_, torch.Tensor) else "cpu"
    if not where.startswith(device):
        raise WrongDevice(
            f"The job was to train on {device} and scikit-learn trained on {where}. Look at the "
            "node's driver, or choose the CPU."
        )
    for name, value in vars(model).items():
        if isinstance(value, torch.Tensor):
            setattr(model, name, value.cpu().numpy())
    return where


@contextlib.contextmanager
def _allowed() -> Iterator[None]:
    """scikit-learn asks that SciPy's array API is on, which linear models do not need."""
    before = os.environ.get("SCIPY_ARRAY_API")
    os.environ["SCIPY_ARRAY_API"] = "1"
    try:
        with sklearn.config_context(array_api_dispatch=True):
            yield
    finally:
        os.environ.pop("SCIPY_ARRAY_API")
        if before is not None:
            os.environ["SCIPY_ARRAY_API"] = before

"""Whether a written model is the trained one: its encoder to the last bit, its predictions nearly.

Libraries add in float32, on a GPU in another order than on the CPU, and neighbours at the same
distance may change places: so predictions are compared with room, and the encoder, where a mistake
of ours would be, without.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from recipes.data.encode import Matrix
from recipes.engine.metrics import Floats
from recipes.engine.tabular.model import Model

PROBABILITY = 1e-3  # by which probabilities may differ
SPREAD, SIZE = 1e-3, 1e-4  # the same of values: of their spread, and of the largest
STRAY, TIES = 0.02, 10  # share of the rows that may differ by more; from so many rows on, one


def difference(then: Model, now: Model, rows: pa.Table) -> str:
    """How the second one is not the first, or nothing."""
    if then.encoder.outputs != now.encoder.outputs:
        return "its columns become other numbers"
    before, after = then.encoder.transform(rows), now.encoder.transform(rows)
    if not np.array_equal(before, after, equal_nan=True):
        places = np.flatnonzero(~_same(before, after).all(0))
        return f"{then.encoder.outputs[places[0]]!r} is encoded otherwise"
    given, again = then.predict(rows), now.predict(rows)
    if given.shape != again.shape:
        return "it predicts something else"
    apart = np.abs(given - again).reshape(len(given), -1).max(1, initial=0)
    stray = ~(apart <= room(given))  # what is no number strays
    if stray.sum() <= max(STRAY * len(stray), len(stray) >= TIES):
        return ""
    return f"{stray.sum()} of {len(stray)} rows are predicted otherwise, by up to {apart.max():g}"


def room(given: Floats) -> float:
    """By how much these predictions may differ."""
    if given.ndim == 2:
        return PROBABILITY
    return SPREAD * float(np.ptp(given)) + SIZE * float(np.abs(given).max(initial=0))


def _same(before: Matrix, after: Matrix) -> Any:
    return (before == after) | (np.isnan(before) & np.isnan(after))

"""How far the predictions of one model are apart when something else makes them: another device,
another library, the model that was written and read back. One measure for all of them."""

import numpy as np

from recipes.engine.metrics import Floats
from recipes.engine.tabular.figures import chosen

TOLERANCE = 1e-4  # of a probability; of a value as a share of what `units` says
SCATTER = 0.1  # of the standard deviation: float32 resolves that, whatever lies far outside
CONSTANT = 1e-12  # of their size: values that are no further apart are equal


def difference(wanted: Floats, given: Floats) -> float | None:
    """The largest; of values as a share of `units`. None: not comparable."""
    if wanted.shape != given.shape or not (np.isfinite(wanted) & np.isfinite(given)).all():
        return None
    if not wanted.size:
        return 0.0
    apart = np.abs(wanted - given)
    return float((apart if wanted.ndim > 1 else apart / units(wanted)).max())


def units(wanted: Floats) -> Floats:
    """What an error of each value is measured by: the spread of their middle half, or its own
    distance from the middle where that is more. Neither their size nor where zero lies counts:
    what float32 cannot resolve beside a large offset is an error. Of equal ones it is their size.
    """
    wanted = wanted.astype(np.float64)
    low, middle, high = np.quantile(wanted, [0.25, 0.5, 0.75])
    size, apart = float(np.abs(wanted).max()), float(wanted.std())
    if apart <= CONSTANT * size:
        return np.full(len(wanted), size or 1.0)
    made: Floats = np.maximum(max(high - low, SCATTER * apart), np.abs(wanted - middle))
    return made


def otherwise(wanted: Floats, given: Floats, threshold: float | None) -> int:
    """How many rows would get another class, at the threshold in use."""
    if given.ndim == 1:
        return 0
    return int(np.not_equal(chosen(wanted, threshold), chosen(given, threshold)).sum())


def called(apart: float, given: Floats) -> str:
    """Such a difference in words, as a part of a sentence."""
    return f"{apart:.2g}" if given.ndim == 2 else f"{apart:.2g} of their spread"

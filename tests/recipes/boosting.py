"""What the tests of boosted trees have in common, whichever library grows them."""

from typing import Any

import numpy as np

from recipes.algorithms import Algorithm
from recipes.learners.learner import Learner, Rows, Setup


def setup(
    card: Algorithm, classes: int = 2, device: str = "cpu", threads: int = 1, **params: Any
) -> Setup:
    """For `rows`, with few trees."""
    given = card.params.clean({"rounds": 20, **params})
    made = card.resolve(given, {}, {}, device).params
    names = ["a", "b", "c"]
    return Setup(classes=classes, params=made, seed=3, threads=threads, device=device, names=names)


def rows(count: int = 300, classes: int = 2, seed: int = 0, weight: Any = None) -> Rows:
    """Three columns with gaps, of which two say the target; `classes`: 0 is a number."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(count, 3)).astype(np.float32)
    truth = matrix[:, 0] * 2 + matrix[:, 1]
    matrix[rng.random(matrix.shape) < 0.1] = np.nan
    if not classes:
        return Rows(matrix, truth.astype(np.float64) * 100, weight)
    places = np.quantile(truth, np.arange(1, classes) / classes)
    return Rows(matrix, np.digitize(truth, places).astype(np.float64), weight)


def must_have_learned(one: Learner, held: Rows, classes: int) -> None:
    """Much better than by chance, on rows that it has not seen."""
    given = one.predict(held.matrix)
    if classes:
        assert given.shape == (len(held.target), classes)
        assert (given.argmax(1) == held.target).mean() > 0.7
    else:
        assert np.abs(given - held.target).mean() < np.abs(held.target).mean() * 0.6

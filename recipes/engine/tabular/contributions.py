"""How much each column of a table moved a prediction: Shapley values, summed to input columns."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from recipes.data.encode import Matrix
from recipes.engine.metrics import Floats, Ints
from recipes.engine.tabular.model import Model
from recipes.learners.learner import Exact

BACKGROUND = 64  # training rows that stand for "not known", a walk each
NUMBERS = 16_000_000  # that stand in memory at once
SCALES = {  # what a contribution is counted in; {} is the positive class
    "log-odds": "log-odds of the class {}",
    "margin": "the raw score of each class, before they become probabilities",
    "probability": "probability",
    "value": "units of the target",
}


class Contributions(NamedTuple):
    """`base` and the sum over a row's `values` make its prediction, in the unit of `scale`.

    `values` are [rows, columns] and `base` is (), of the second class where there are two; with
    several classes `values` are [rows, classes, columns] and `base` [classes].
    """

    names: list[str]
    values: Floats
    base: Floats


class NoBackground(Exception):
    """The model keeps no rows to compare with."""

    code = "bad_data"


def contributions(model: Model, table: pa.Table) -> Contributions:
    """Of rows that drop nothing. See `Contributions` for the shapes. Raises NoBackground.

    Exact for XGBoost, LightGBM and CatBoost (their own) and linear models, in their raw margin:
    log-odds, or the target's unit. For the others an estimate, in probabilities or the target's
    unit: 64 walks a row from a training row to this one, which change one column after the other in
    a random order (always the same ones), so 64 * (columns + 1) predictions a row.
    """
    return of_matrix(model, model.encoder.transform(table))


def of_matrix(model: Model, matrix: Matrix) -> Contributions:
    """The same of encoded rows."""
    names = [one.name for one in model.encoder.columns]
    if isinstance(model.learner, Exact):
        return _exact(model, model.learner, matrix, names)
    if model.background is None or not len(model.background):
        raise NoBackground("This model keeps no rows to compare with: train it again.")
    return _walked(model, matrix, names)


def scale(model: Model) -> str:
    """A key of SCALES: the unit of the model's contributions."""
    if not classes_of(model):
        return "value"
    if not is_exact(model):
        return "probability"
    return "log-odds" if classes_of(model) == 2 else "margin"


def is_exact(model: Model) -> bool:
    """False: the contributions are an estimate."""
    return isinstance(model.learner, Exact)


def classes_of(model: Model) -> int:
    """How many classes the model tells apart; 0 for a regression."""
    return model.learner.classes


def _exact(model: Model, learner: Exact, matrix: Matrix, names: list[str]) -> Contributions:
    width = max(1, classes_of(model)) * (matrix.shape[1] + 1)
    block = max(1, NUMBERS // width)
    parts, base = [], np.zeros(())
    for start in range(0, max(1, len(matrix)), block):
        found = learner.contributions(matrix[start : start + block])
        parts.append(_by_column(model, found[..., :-1]))
        if len(found):
            base = found[0, ..., -1]
    return Contributions(names, np.concatenate(parts), np.asarray(base, np.float64))


def _by_column(model: Model, found: Floats) -> Floats:
    """The sum over the numbers that a column became."""
    sums = [found[..., one.place].sum(-1) for one in model.encoder.columns]
    return np.stack(sums, -1) if sums else np.zeros((*found.shape[:-1], 0))


def _walked(model: Model, matrix: Matrix, names: list[str]) -> Contributions:
    """Antithetic permutation sampling: each second walk goes the order of the one before back."""
    count, width = len(model.encoder.columns), matrix.shape[1]
    background = model.encoder.transform(model.background)
    starts = _told(model, model.learner.predict(background))
    orders = _orders(len(background), count)
    made = np.zeros((len(matrix), *starts.shape[1:], count))
    rows, walks = np.divmod(np.arange(len(matrix) * len(background)), len(background))
    block = max(1, NUMBERS // ((count + 1) * max(1, width)))
    for start in range(0, len(rows), block):
        some, taken = rows[start : start + block], walks[start : start + block]
        part = max(1, NUMBERS // (len(some) * max(1, width)))  # one walk may be too large too
        given = np.concatenate(
            [
                _reached(model, matrix[some], background[taken], orders[taken], steps)
                for steps in np.split(np.arange(count + 1), range(part, count + 1, part))
            ]
        )
        moved = np.diff(given.reshape(count + 1, len(some), *given.shape[1:]), axis=0)
        for place in range(count):
            at = moved[orders[taken, place], np.arange(len(some))]
            np.add.at(made[..., place], some, at)
    return Contributions(names, made / len(background), starts.mean(0))


def _reached(model: Model, to: Matrix, start: Matrix, order: Ints, steps: Ints) -> Floats:
    """What is predicted at these steps of each walk, step by step."""
    made = np.repeat(start[None], len(steps), 0)
    for place, one in enumerate(model.encoder.columns):
        there = order[:, place] < steps[:, None]
        made[:, :, one.place] = np.where(there[..., None], to[:, one.place], made[:, :, one.place])
    return _told(model, model.learner.predict(made.reshape(-1, start.shape[1])))


def _orders(walks: int, columns: int) -> Ints:
    """When each walk comes to each column, [walks, columns]; always the same ones."""
    rng = np.random.default_rng(0)
    made = np.array([rng.permutation(columns) for _ in range(walks)]).reshape(walks, columns)
    made[1::2] = columns - 1 - made[: len(made[1::2]) * 2 : 2]
    return made


def _told(model: Model, given: Floats) -> Floats:
    """Of two classes the second one's probability is enough."""
    return given[:, 1] if classes_of(model) == 2 else given

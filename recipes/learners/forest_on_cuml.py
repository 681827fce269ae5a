"""cuML's random forest: its trees grow on a GPU, and scikit-learn's own forest has them.

Written against cuML 26.10.0 and never run: no GPU was there. Its Python was read and, as it was two
months earlier, its C++; its `as_sklearn` was run, on trees written as the C++ writes them. A forest
means here what it means to scikit-learn 1.9, rows drawn by their weights for each tree, but:

- A row that a tree drew twice counts twice for the smallest leaf and the smallest node to split.
- A split is at one of at most BINS values of a column, which four times as many rows give.
- It takes no missing values. They learn as a number below all others, and the trees then send them
  to that side: scikit-learn says of gaps what cuML says of that number.

Its trees come without impurities: all training rows pass through them for these, also those that a
tree did not draw. Each training proves where it learned and that both predict alike.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from recipes.learners import on_cuml
from recipes.learners.converted import CHECKED, Ran, prove
from recipes.learners.impurity import measure, send_gaps
from recipes.learners.learner import Floats, Matrix, WrongDevice

STREAMS = 4  # trees that grow at once: its own default
BINS = 512
BELOW = -1e300  # in place of a missing value: below all numbers of single precision
NOISE = 1e-12  # of the impurity of all rows: what splits a node by less is rounding
NODES = 4096  # that a tree splits at once: its own default
HISTOGRAMS = 2**29  # bytes of those of a tree: of many classes they are of fewer nodes at once
ABREAST, BIN = 10, 8  # columns whose histograms it has at once; bytes, of a number there are two
UPLOAD = 2**24  # numbers


class Grower:
    """Grows trees from rows that stay on the GPU. `target`: the places of the classes, or numbers.

    Raises WrongDevice, GpuTooSmall.
    """

    def __init__(
        self, matrix: Matrix, target: Any, weight: Floats | None, *, classes: int, device: str
    ) -> None:
        self._cupy = on_cuml.module("cupy")
        self._kinds = on_cuml.module("cuml.ensemble")
        self._matrix, self._target, self._weight = matrix, target, weight
        self._classes, self._device = classes, device
        self._full = ~np.isnan(matrix).any(0)
        self._scale = (0.0, 1.0)
        if not classes:
            self._scale = (float(np.average(target, weights=weight)), float(target.std()) or 1.0)
        self._batch = max(1, min(NODES, HISTOGRAMS // self._node))
        with on_cuml.room(matrix.shape):
            self._fits()
            self._rows = self._uploaded()
            aim = target if classes else (target - self._scale[0]) / self._scale[1]
            self._aim = self._cupy.asarray(aim)
            self._weights = None if weight is None else self._cupy.asarray(weight)

    def grow(self, model: Any, threads: int) -> tuple[Ran, str]:
        """`model`, of scikit-learn and with its params, has then all the trees that it is to have.

        Returns what is said of it, and where they grew: `cuda:0`. Raises WrongDevice, GpuTooSmall,
        Unlike.
        """
        there = len(getattr(model, "estimators_", ()))
        other = getattr(self._kinds, type(model).__name__)(
            **self._params(model, there), output_type="cupy"
        )
        with on_cuml.room(self._matrix.shape):
            other.fit(self._rows, self._aim, sample_weight=self._weights)
            asked = other.predict_proba if self._classes else other.predict
            theirs = asked(self._rows[:CHECKED])
        where = f"cuda:{theirs.device.id}"
        if not where.startswith(self._device):
            raise WrongDevice(f"The job was to train on {self._device} and cuML on {where}.")
        made = other.as_sklearn()
        self._complete(made, threads)
        self._prove(made, theirs.get())
        self._take(model, made)
        return Ran(True, self._said()), where

    @property
    def _node(self) -> int:
        """Bytes of the histograms of a node."""
        return self._bins * ABREAST * max(2, self._classes) * BIN

    @property
    def _bins(self) -> int:
        return min(BINS, len(self._matrix))

    def _fits(self) -> None:
        """cuML ends the whole process where memory fails it while trees grow: it is asked for now.

        Raises MemoryError.
        """
        rows, columns = self._matrix.shape
        tree = self._batch * (self._node + 8 * columns) + 3 * 8 * rows
        if 8 * rows * (columns + 4) + STREAMS * tree > self._cupy.cuda.runtime.memGetInfo()[0]:
            raise MemoryError

    def _uploaded(self) -> Any:
        """The rows in double precision, for predictions as exact as scikit-learn's; in the order
        that it reads best, and in parts, so that nothing is there twice."""
        cupy, given = self._cupy, self._matrix
        made = cupy.empty(given.shape, cupy.float64, order="F")
        step = max(1, UPLOAD // max(1, given.shape[1]))
        for start in range(0, len(given), step):
            part = cupy.asarray(given[start : start + step]).astype(cupy.float64)
            made[start : start + step] = cupy.where(cupy.isnan(part), BELOW, part)
        return made

    def _params(self, model: Any, there: int) -> dict[str, Any]:
        own = model.get_params()
        kept = ("max_depth", "min_samples_leaf", "min_samples_split")
        seed = np.random.default_rng([own["random_state"], there]).integers(2**31)
        return {
            **{name: own[name] for name in kept},
            "n_estimators": own["n_estimators"] - there,
            "max_features": share(own["max_features"], self._matrix.shape[1]),
            "min_impurity_decrease": NOISE,
            "n_bins": self._bins,
            "max_batch_size": self._batch,
            "n_streams": STREAMS,
            "random_state": int(seed),
        }

    def _complete(self, made: Any, threads: int) -> None:
        """Its trees then know what scikit-learn's own do."""

        def one(grown: Any) -> None:
            measure(grown.tree_, self._matrix, self._target, self._weight, self._classes)
            send_gaps(grown.tree_, self._full)

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, made.estimators_))

    def _prove(self, made: Any, theirs: Any) -> None:
        rows = self._matrix[:CHECKED]
        if self._classes:
            ours = made.predict_proba(rows)
            theirs = theirs[:, : ours.shape[1]]  # of one class it tells of a second, nobody's
        else:
            ours = made.predict(rows)
        prove(ours, theirs, "cuML", "Choose the CPU.")

    def _take(self, model: Any, made: Any) -> None:
        shift, factor = self._scale
        for grown in [] if self._classes else made.estimators_:
            grown.tree_.value[:] = grown.tree_.value * factor + shift
        if hasattr(model, "estimators_"):
            model.estimators_.extend(made.estimators_)
            return
        own = model.get_params()
        vars(model).update({name: value for name, value in vars(made).items() if name not in own})

    def _said(self) -> str:
        rows = f"{min(len(self._matrix), CHECKED):,} rows"
        said = f"cuML learned this; scikit-learn predicts as it did, on {rows}."
        if self._full.all():
            return said
        return f"{said} It knows no missing values: they count as less than every number."


def share(tried: str | None, columns: int) -> float:
    """So that cuML, which cuts it off in single precision, tries as many as scikit-learn does."""
    counts = {"sqrt": int(np.sqrt(columns)), "log2": int(np.log2(columns)), None: columns}
    return min(1.0, (max(1, counts[tried]) + 0.5) / columns)

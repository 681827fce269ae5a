"""Whether a written model is the trained one: its encoder to the last bit, its predictions nearly.

Libraries add in float32, on a GPU in another order than on the CPU, and neighbours at the same
distance may change places: so predictions are compared with room, and the encoder, where a mistake
of ours would be, without.

There are two limits. A model that is refused here is a training lost, so `room` is wide: only a
mistake of the program goes beyond it. A scoring engine that is refused is no loss, for the own
library predicts then; so its limit (apart.TOLERANCE) is narrower, and no row may stray. A model
between the two is kept, and is said not to agree by the narrower one.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from recipes import bundle
from recipes.data.encode import Matrix
from recipes.engine.metrics import Floats
from recipes.engine.tabular import apart
from recipes.engine.tabular.model import Model, load
from recipes.learners.learner import Learner, OnGpu

ROWS = 200  # validation rows that are compared
PROBABILITY = 1e-3  # by which probabilities may differ
SPREAD, SIZE = 1e-3, 1e-4  # the same of values: of their spread, and of the largest
STRAY, TIES = 0.02, 10  # share of the rows that may differ by more; from so many rows on, one


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What the comparison found. `refused`: how the written model is another one, or nothing."""

    rows: int
    difference: float | None = None  # the largest, as engines are measured; None: none to name
    moved: int = 0  # rows that get another class
    by: str = ""  # the difference in words
    refused: str = ""

    @property
    def agrees(self) -> bool:
        there = self.difference is not None and self.difference <= apart.TOLERANCE
        return there and not self.moved

    def facts(self, learner: Learner, device: str, *, on_gpu: bool) -> dict[str, Any]:
        """For the training's facts: `device` is what `learner`, the trained model, learned on."""
        on = learner.predicts_on() if on_gpu and isinstance(learner, OnGpu) else "cpu"
        why = self._why(f" on {device}" if on != "cpu" else "")
        if on_gpu and on == "cpu":
            why = f"{why} It learned on {device} and predicts on the CPU alone."
        return {
            "device": device,
            "on": on,
            "rows": self.rows,
            "difference": self.difference,
            "tolerance": apart.TOLERANCE,
            "moved": self.moved,
            "agrees": self.agrees,
            "why": why,
        }

    def _why(self, there: str) -> str:
        """The sentence; `there`: where the trained model predicted, if not on the CPU too."""
        read = "Read back on the CPU, the saved model predicts"
        if self.difference is None:
            return f"{read} what is no number for some rows, as the trained one may{there}."
        if self.agrees:
            return f"{read} as the trained one does{there}, to {self.by}."
        moved = f", and {self.moved:,} of {self.rows:,} rows get another class" * bool(self.moved)
        return f"{read} otherwise than the trained one does{there}, by up to {self.by}{moved}."


def written(place: Path, model: Model, rows: pa.Table, threshold: float | None) -> Proof:
    """What stands there, read back on the CPU, beside the model in memory.

    A bundle that would not predict as the model does is none: it is removed. Raises BadBundle.
    """
    found = compared(model, load(place, threads=1, tried=True), rows, threshold)
    if found.refused:
        shutil.rmtree(place)
        raise bundle.BadBundle(
            f"The written model is not the trained one: {found.refused}. That is an error of the "
            "program: it is not kept."
        )
    return found


def compared(then: Model, now: Model, rows: pa.Table, threshold: float | None) -> Proof:
    """The second model beside the first; of two classes the second one is at `threshold`."""

    def refused(how: str) -> Proof:
        return Proof(rows=len(rows), refused=how)

    if then.encoder.outputs != now.encoder.outputs:
        return refused("its columns become other numbers")
    before, after = then.encoder.transform(rows), now.encoder.transform(rows)
    if not np.array_equal(before, after, equal_nan=True):
        places = np.flatnonzero(~_same(before, after).all(0))
        return refused(f"{then.encoder.outputs[places[0]]!r} is encoded otherwise")
    given, again = then.predict(rows), now.predict(rows)
    if given.shape != again.shape:
        return refused("it predicts something else")
    if how := _strays(given, again):
        return refused(how)
    difference = apart.difference(given, again)
    moved = apart.otherwise(given, again, threshold)
    by = apart.called(difference, given) if difference else "the last digit"
    return Proof(rows=len(rows), difference=difference, moved=moved, by=by)


def _strays(given: Floats, again: Floats) -> str:
    """That too many rows are too far apart, or nothing."""
    far = np.abs(given - again).reshape(len(given), -1).max(1, initial=0)
    stray = ~(far <= room(given))  # what is no number strays
    if stray.sum() <= max(STRAY * len(stray), len(stray) >= TIES):
        return ""
    return f"{stray.sum()} of {len(stray)} rows are predicted otherwise, by up to {far.max():g}"


def room(given: Floats) -> float:
    """By how much these predictions may differ."""
    if given.ndim == 2:
        return PROBABILITY
    return SPREAD * float(np.ptp(given)) + SIZE * float(np.abs(given).max(initial=0))


def _same(before: Matrix, after: Matrix) -> Any:
    return (before == after) | (np.isnan(before) & np.isnan(after))

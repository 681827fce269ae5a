"""Models of scikit-learn that another library learned: what was said of it, and the proof."""

from typing import Any, NamedTuple

import numpy as np

from recipes.learners.learner import Floats

CHECKED = 1000  # rows
ALIKE = 1e-6  # of the size of the largest prediction; both compute in double precision


class Unlike(Exception):
    """scikit-learn predicts otherwise than what it was made from."""

    code = "error"


class Ran(NamedTuple):
    """Whether the other library learned, and the sentence for it."""

    accelerated: bool
    sentence: str


def prove(ours: Any, theirs: Any, who: str, way: str) -> None:
    """Of the same rows what each predicts. Raises Unlike, with the `way` out of it."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    apart = float(np.abs(ours - theirs).max())
    if not apart <= ALIKE * max(1.0, float(np.abs(theirs).max())):
        raise Unlike(
            f"The scikit-learn model predicts otherwise than the one of {who} that it was made "
            f"from, by up to {apart:.3g} on {len(ours):,} rows. {way}"
        )


def distances(model: Any, rows: Floats) -> Any:
    """What tells most of a model; for several classes those of pairs, which never jump."""
    if not hasattr(model, "decision_function"):
        return model.predict(rows)
    shape, model.decision_function_shape = model.decision_function_shape, "ovo"
    found = model.decision_function(rows)
    model.decision_function_shape = shape
    return found

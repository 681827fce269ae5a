"""The first load of a model whose file native code parses: in a child, as a bad one may end it.

The digests of a bundle find damage by accident; whoever changes a file on purpose writes new ones.
A fork takes milliseconds, so that nobody has to say whose bundles are to be believed.
"""

import contextlib
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from recipes.bundle import BadBundle
from recipes.data import sandbox
from recipes.learners.learner import Learner, Parsed

MEMORY, TIMES = 2 << 30, 20  # bytes that the child may take: so many, and so many times the file's
SILENCE = 300.0  # seconds that it may take
TRIED = (0.0, np.nan, -3e38, 3e38)  # rows that it predicts: a bad tree may be met only then


def survived(place: Path, learner: Learner, columns: int) -> None:
    """`learner` has one thread, on the CPU. What it raises itself it will raise here again, where
    it is caught. Raises BadBundle where its file ends the process that reads it."""
    if not isinstance(learner, Parsed) or not (place / learner.file).is_file():
        return

    def work(tell: sandbox.Tell) -> None:
        rows = np.repeat(np.array(TRIED, np.float32)[:, None], columns, axis=1)
        with contextlib.suppress(Exception), threadpool_limits(1):
            learner.load(place)
            learner.predict(rows)

    memory = MEMORY + TIMES * (place / learner.file).stat().st_size
    try:
        list(sandbox.lines(work, sandbox.Limits(memory=memory, silence=SILENCE)))
    except sandbox.Crashed as crash:
        raise BadBundle(
            f"{learner.file} of the bundle {place} is damaged: a process that tried it was lost, "
            f"{crash} Fetch the bundle again, or train the model anew."
        ) from None

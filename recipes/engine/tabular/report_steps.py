"""The steps of a model's report, how long they take, and how far they are."""

import time
from collections.abc import Callable
from typing import NamedTuple

import pyarrow as pa

from recipes.data.encode import Matrix
from recipes.engine.tabular import attribution, effects
from recipes.engine.tabular.contributions import BACKGROUND, is_exact, of_matrix
from recipes.engine.tabular.course import Course
from recipes.engine.tabular.diagnostics import LOOKED_AT
from recipes.engine.tabular.model import Model
from recipes.events import Journal
from recipes.learners.learner import NotAddingUp

JUDGE, IMPORTANCE, CONTRIBUTIONS = "judge", "importance", "contributions"
PARTIAL, DIAGNOSTICS, WRITE = "partial", "diagnostics", "write"
STEPS = {  # in their order
    JUDGE: "Judging the model.",
    IMPORTANCE: "Explaining the model: how much it needs each column.",
    CONTRIBUTIONS: "Explaining the model: what moves single predictions.",
    PARTIAL: "Explaining the model: how predictions move with a column.",
    DIAGNOSTICS: "Explaining the model: what may be wrong with it.",
    WRITE: "Writing the model.",
}
FEW, SOME = 10, 200  # rows by which a call and a row of it are told apart
A_TREE = 0.003  # seconds for the small tree of a column that is tried alone
WRITTEN = 0.3  # seconds for the bundle
PAUSE = 0.25  # seconds between two events
SPARE = 0.1  # of the time that the training took, for what the report may leave out
LEAST, MOST = 2.0, 60.0  # seconds of it

Told = Callable[[float], None]  # so large a part of a step is made


class Pace(NamedTuple):
    """What predicting costs, in seconds."""

    call: float
    row: float
    explained: float = 0.0  # a row's contributions, where the library has exact ones

    def of(self, calls: float, rows: float) -> float:
        return calls * (self.call + rows * self.row)


USUAL = Pace(call=0.001, row=5e-6)  # until there is a model to ask


def pace(model: Model, rows: pa.Table) -> Pace:
    """Measured on a few of these rows."""
    matrix = model.encoder.transform(rows.slice(0, SOME))
    few, some = (_seconds(model, matrix[:count]) for count in (FEW, SOME))
    more = max(1, len(matrix) - FEW)
    row = max(0.0, some - few) / more
    return Pace(max(0.0, few - FEW * row), row, _contributed(model, matrix[:FEW]))


def _seconds(model: Model, matrix: Matrix) -> float:
    began = time.monotonic()
    model.learner.predict(matrix)
    return time.monotonic() - began


def _contributed(model: Model, matrix: Matrix) -> float:
    if not is_exact(model):
        return 0.0
    began = time.monotonic()
    try:
        of_matrix(model, matrix)
    except NotAddingUp:
        return 0.0  # the report has none then
    return (time.monotonic() - began) / max(1, len(matrix))


def spare(passed: float) -> float:
    """Seconds for what the report may leave out, of a training that took so long."""
    return min(MOST, max(LEAST, SPARE * passed))


def expected(pace: Pace, columns: int, rows: int, passed: float = 0.0) -> dict[str, float]:
    """Seconds of each step for a model of so many columns, judged by so many rows, whose training
    took so long."""
    shuffled = min(columns, effects.SHUFFLED)
    rows = min(rows, effects.MOST_ROWS, effects.PREDICTED // max(1, shuffled * effects.REPEATS))
    importance = pace.of(1 + shuffled * effects.REPEATS, rows)
    explained = min(rows, attribution.ROWS) * pace.explained
    if not pace.explained:
        explained = min(rows, attribution.ESTIMATED) * BACKGROUND * (columns + 1) * pace.row
    a_column = pace.of(1, effects.POINTS * min(rows, effects.PARTIAL_ROWS))
    first = min(columns, effects.FIRST)
    more = min(columns, effects.PARTIAL) - first
    return {
        JUDGE: pace.of(2, rows),
        IMPORTANCE: min(importance, effects.SECONDS),
        CONTRIBUTIONS: min(explained, attribution.SECONDS),
        PARTIAL: first * a_column + min(more * a_column, spare(passed)),
        DIAGNOSTICS: min(columns, LOOKED_AT) * A_TREE + pace.of(2, rows),
        WRITE: WRITTEN,
    }


def guessed(columns: int, rows: int) -> float:
    """Seconds of the whole report, before there is a model."""
    return sum(expected(USUAL, columns, rows).values())


def measured(model: Model, rows: pa.Table, judged: int) -> float:
    """The same by a model that is there."""
    return sum(expected(pace(model, rows), len(model.encoder.columns), judged).values())


class Steps:
    """Tells the steps of one report as they are made.

    What is left of the step that runs is told by its own pace as soon as it has one.
    """

    def __init__(self, journal: Journal, course: Course, expected: dict[str, float]) -> None:
        self._journal, self._course, self._expected = journal, course, expected
        self._began = self._since = time.monotonic()
        self._at, self._last = JUDGE, 0.0

    def begin(self, name: str) -> None:
        self._at, self._since = name, time.monotonic()
        self._journal.write("phase", name="report", text=STEPS[name])
        self._tell(0.0)

    def told(self, part: float) -> None:
        """So large a part of the step is made, 0 to 1."""
        if time.monotonic() - self._last >= PAUSE:
            self._tell(part)

    def _tell(self, part: float) -> None:
        self._last = now = time.monotonic()
        names = list(STEPS)
        place = names.index(self._at)
        later = sum(self._expected[name] for name in names[place + 1 :])
        share, left = self._course.explained(now - self._began, self._left(part) + later)
        done = round(place + part, 3)
        self._journal.write(
            "progress", done=done, of=len(names), unit="step", eta=left, share=share
        )

    def _left(self, part: float) -> float:
        passed = time.monotonic() - self._since
        if part > 0:
            return passed / part * (1 - part)
        return max(0.0, self._expected[self._at] - passed)

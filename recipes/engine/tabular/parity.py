"""Before anything else than the own library on the CPU predicts: does it say the same, on the
user's own rows?"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from recipes.data.encode import Encoder, Matrix
from recipes.engine.metrics import Floats
from recipes.engine.tabular.apart import TOLERANCE, called, difference, otherwise
from recipes.engine.tabular.model import Model
from recipes.scorers.scorer import Scores

ROWS = 1_000  # of the table that are compared, each as it is and once more with a gap
EACH, ENOUGH, REPEATS = 0.2, 1.0, 3  # seconds: of a timed call; of all of them; and pairs of calls
Predict = Callable[[Matrix], Floats]


@dataclass(frozen=True, kw_only=True)
class Parity:
    """A report: what was compared, and what follows. docs/jobs.md has it in words.

    `difference` is None where there is none to name, `seconds` are None where nothing was timed.
    """

    engine: str
    device: str  # what a person calls it
    on: str = ""  # where the library said that it computed
    rows: int
    gaps: int  # missing values among them
    difference: float | None = None
    tolerance: float = TOLERANCE
    agrees: bool | None = None  # None: nothing could be compared
    used: bool = False
    why: str = ""
    versions: dict[str, str]
    seconds: dict[str, float | None]  # own and engine
    when: str

    def facts(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def speed(self) -> float:
        """How many times as fast as the own library; 0 where nothing was timed."""
        own, engine = self.seconds["own"], self.seconds["engine"]
        return own / engine if own and engine else 0.0

    def unused(self, why: str) -> "Parity":
        return replace(self, used=False, why=why)


@dataclass(frozen=True, kw_only=True)
class Who:
    """How sentences call what is tried and what it is compared with."""

    engine: str
    own: str
    on_gpu: bool = False  # it was to compute there


@dataclass(frozen=True)
class Sample:
    """The rows that are compared, and what the model's own learner says of them on the CPU."""

    matrix: Matrix
    rows: int
    gaps: int
    wanted: Floats
    seconds: float  # that it took
    threshold: float | None

    def report(self, engine: str, device: str, versions: dict[str, str]) -> Parity:
        """One that says nothing yet."""
        return Parity(
            engine=engine,
            device=device,
            rows=self.rows,
            gaps=self.gaps,
            versions=versions,
            seconds={"own": None, "engine": None},
            when=datetime.now(UTC).isoformat(timespec="seconds"),
        )


def sample(model: Model, first: pa.Table) -> Sample:
    """Of the table's own first rows, which drop nothing."""
    encoder = Encoder.of(model.encoder.state())  # the model's counts unseen values of the job
    rows = first.slice(0, ROWS)
    gappy = with_gaps(encoder, rows)
    matrix = np.concatenate([encoder.transform(rows), encoder.transform(gappy)])
    gaps = sum(column.null_count for one in (rows, gappy) for column in one.columns)
    began = time.perf_counter()
    wanted = model.learner.predict(matrix) if len(matrix) else np.empty(0)
    spent = time.perf_counter() - began
    return Sample(matrix, len(matrix), gaps, wanted, spent, model.about.get("threshold"))


def with_gaps(encoder: Encoder, rows: pa.Table) -> pa.Table:
    """The same rows, in each of them one more column missing, in turn: gaps go their own way."""
    free = [one for one in rows.column_names if one not in encoder.dropping]
    for place, name in enumerate(free):
        gap = pa.array(np.arange(len(rows)) % len(free) == place)
        column = rows.column(name).combine_chunks()
        kept = column.take(pa.array(np.arange(len(rows)), mask=np.asarray(gap)))
        rows = rows.set_column(rows.column_names.index(name), name, kept)
    return rows


def gate(told: Parity, rows: Sample, make: Callable[[], Scores], who: Who) -> "Gated":
    """Make it and compare. Whatever it raises, however its predictions look: then it is not used.

    `used` of the report says whether it passed.
    """
    if not rows.rows:
        why = "No row has what a prediction needs, so none could be compared."
        return Gated(told.unused(why), None)
    try:
        made = make()
    except Exception as failed:  # whatever a library raises
        return Gated(told.unused(f"{who.engine} cannot take this model: {said(failed)}"), None)
    try:
        given = made.predict(rows.matrix)
    except Exception as failed:  # whatever a library raises: the own one is there
        return Gated(told.unused(f"{who.engine} did not predict: {said(failed)}"), None)
    told = _judged(replace(told, on=made.computes_on()), rows, given, who)
    return Gated(told, made if told.used else None)


@dataclass(frozen=True)
class Gated:
    """A report, and what passed: None is what did not."""

    told: Parity
    scores: Scores | None


def _judged(told: Parity, rows: Sample, given: Floats, who: Who) -> Parity:
    if who.on_gpu and not told.on.startswith("cuda"):
        return told.unused(f"The library computed on the {told.on.upper()} in place of the GPU.")
    apart = difference(rows.wanted, given)
    told = replace(told, difference=apart, agrees=False)
    if apart is None:
        return told.unused(f"{who.engine}'s predictions are no numbers where {who.own}'s are.")
    by = called(apart, given)
    if apart > told.tolerance:
        return told.unused(f"{who.engine} predicts otherwise than {who.own}, by up to {by}.")
    if moved := otherwise(rows.wanted, given, rows.threshold):
        some = "a row" if moved == 1 else f"{moved:,} rows"
        return told.unused(f"{who.engine} gives {some} another class than {who.own}.")
    why = f"{who.engine} predicts as {who.own} does, to {by}."
    return replace(told, agrees=True, used=True, why=why)


def timed(told: Parity, rows: Sample, own: Predict, engine: Predict, most: int) -> Parity:
    """With the seconds of the rows, the best of some calls in turn, of up to `most` rows each."""
    copies = max(1, min(most // rows.rows, int(EACH / max(rows.seconds, 1e-6))))
    matrix = np.concatenate([rows.matrix] * copies)
    best, began = {"own": np.inf, "engine": np.inf}, time.perf_counter()
    for _ in range(REPEATS):
        for name, predict in (("own", own), ("engine", engine)):
            started = time.perf_counter()
            predict(matrix)
            best[name] = min(best[name], time.perf_counter() - started)
        if time.perf_counter() - began > ENOUGH:
            break
    return replace(told, seconds={name: one / copies for name, one in best.items()})


def said(failed: Exception) -> str:
    """What a library says of its failure, as a sentence."""
    text = " ".join(str(failed).split())[:300] or type(failed).__name__
    return text if text.endswith((".", "!", "?")) else f"{text}."

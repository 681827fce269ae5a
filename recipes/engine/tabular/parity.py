"""Before a GPU predicts: does it predict as the CPU does, on the user's own rows?"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from recipes.data.encode import Encoder, Matrix
from recipes.engine.metrics import Floats
from recipes.learners.learner import Learner, OnGpu

ROWS = 1_000  # of the table that are compared, each as it is and once more with a gap
TOLERANCE = 1e-4  # of a probability; of a number, for each of its size beyond 1


@dataclass(frozen=True, kw_only=True)
class Parity:
    """What was compared, and what follows. `difference` is None where there is none to name."""

    rows: int
    gaps: int  # missing values among them
    difference: float | None
    tolerance: float
    device: str
    on: str  # where the library said that it computed
    versions: dict[str, str]
    used: bool
    why: str

    def facts(self) -> dict[str, Any]:
        return asdict(self)


def gate(
    encoder: Encoder,
    first: pa.Table,
    learners: tuple[Learner, Learner],
    *,
    device: str,
    versions: dict[str, str],
) -> Parity:
    """Compare the learners, on the CPU and on the GPU, on these rows, which drop nothing.

    `first` are the table's own first rows. A GPU that raises fails the gate.
    """
    rows = first.slice(0, ROWS)
    gappy = with_gaps(encoder, rows)
    matrix = np.concatenate([encoder.transform(rows), encoder.transform(gappy)])
    told = Parity(
        rows=len(matrix),
        gaps=sum(column.null_count for one in (rows, gappy) for column in one.columns),
        difference=None,
        tolerance=TOLERANCE,
        device=device,
        on="",
        versions=versions,
        used=False,
        why="",
    )
    return _decided(told, matrix, *learners) if len(matrix) else _untried(told)


def with_gaps(encoder: Encoder, rows: pa.Table) -> pa.Table:
    """The same rows, in each of them one more column missing, in turn: gaps go their own way."""
    free = [one for one in rows.column_names if one not in encoder.dropping]
    for place, name in enumerate(free):
        gap = pa.array(np.arange(len(rows)) % len(free) == place)
        column = rows.column(name).combine_chunks()
        kept = column.take(pa.array(np.arange(len(rows)), mask=np.asarray(gap)))
        rows = rows.set_column(rows.column_names.index(name), name, kept)
    return rows


def _untried(told: Parity) -> Parity:
    return replace(told, why="No row has what a prediction needs, so none could be compared.")


def _decided(told: Parity, matrix: Matrix, cpu: Learner, gpu: Learner) -> Parity:
    wanted = cpu.predict(matrix)
    try:
        given = gpu.predict(matrix)
    except Exception as failed:  # whatever the library says: the CPU is there
        said = " ".join(str(failed).split())[:300] or type(failed).__name__
        return replace(told, why=f"The GPU did not predict: {said}")
    on = gpu.predicts_on() if isinstance(gpu, OnGpu) else "cpu"
    told = replace(told, on=on)
    if not on.startswith("cuda"):
        return replace(told, why=f"The library computed on the {on.upper()} in place of the GPU.")
    apart = difference(wanted, given)
    if apart is None:
        return replace(told, why="The GPU's predictions are no numbers where the CPU's are.")
    told = replace(told, difference=apart)
    if apart > told.tolerance:
        why = f"The GPU predicts otherwise than the CPU, by up to {apart:.2g}."
        return replace(told, why=why)
    why = f"The GPU predicts as the CPU does, to {apart:.2g}."
    return replace(told, used=True, why=why)


def difference(wanted: Floats, given: Floats) -> float | None:
    """The largest; of numbers beyond 1 as a share of their size. None: not comparable."""
    if wanted.shape != given.shape or not np.isfinite(given).all():
        return None
    apart = np.abs(wanted - given) / np.maximum(1.0, np.abs(wanted))
    return float(apart.max()) if apart.size else 0.0

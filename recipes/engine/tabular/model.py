"""A model of a table in memory: encoder and learner together, fitted or read from a bundle."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recipes import bundle
from recipes.algorithms import ALGORITHMS
from recipes.data.encode import Encoder
from recipes.engine.metrics import Floats
from recipes.engine.tabular import first_load
from recipes.learners.learner import Learner, Setup

ENCODER = "encoder.json"
BACKGROUND = "background.parquet"
BLOCK = 65_536  # rows that are encoded at once, at most
BYTES = 128 << 20  # that their matrix may take, with what a learner makes of it
COPIES = 4 + 8 + 4  # bytes of a number: as it is, in a learner's own precision, in between


@dataclass(frozen=True)
class Model:
    """What predicts. `about` is model.json, {} while it is trained.

    `background` are some training rows for a learner that is explained by comparing with them.
    """

    encoder: Encoder
    learner: Learner
    about: dict[str, Any]
    background: pa.Table | None = None

    @property
    def rows_at_once(self) -> int:
        """How many rows are encoded together: a wide matrix has fewer of them."""
        return rows_at_once(self.encoder)

    def predict(self, table: pa.Table) -> Floats:
        """Probabilities [rows, classes], or values [rows], of rows that drop nothing."""
        rows = self.rows_at_once
        made = [
            self.learner.predict(self.encoder.transform(table.slice(start, rows)))
            for start in range(0, max(1, len(table)), rows)
        ]
        return made[0] if len(made) == 1 else np.concatenate(made)

    def complete(self, table: pa.Table) -> "pa.ChunkedArray | pa.BooleanArray":
        """Which rows get a prediction: those without a gap where gaps drop the row."""
        return complete(table, self.encoder.dropping)

    def save(self, folder: Path) -> None:
        (folder / ENCODER).write_text(json.dumps(self.encoder.state(), allow_nan=False))
        self.learner.save(folder)
        if self.background is not None:
            pq.write_table(self.background, folder / BACKGROUND, compression="zstd")


def rows_at_once(encoder: Encoder) -> int:
    return max(1, min(BLOCK, BYTES // (COPIES * max(1, len(encoder.outputs)))))


def complete(table: pa.Table, columns: list[str]) -> Any:
    """A boolean a row: none of these columns is missing, which what is not finite is too."""
    there = pa.array(np.ones(len(table), bool))
    for name in columns:
        column = table.column(name)
        there = pc.and_(there, column.is_valid())
        if pa.types.is_floating(column.type):
            there = pc.and_(there, pc.is_finite(column).fill_null(False))
    return there


def load(place: Path, threads: int, device: str = "cpu", *, tried: bool = False) -> Model:
    """The model of a bundle, to predict on `device` (cpu or cuda). Raises BadBundle.

    `tried`: this process has written it, or loaded it before.
    """
    about = bundle.read_model(place)
    try:
        encoder = Encoder.of(json.loads((place / ENCODER).read_text()))
        if not tried:
            survived(place, about, encoder)
        learner = _built(about, encoder, threads, device)
        learner.load(place)
        kept = place / BACKGROUND
        background = pq.read_table(kept) if kept.is_file() else None
    except bundle.BadBundle:
        raise
    except Exception as wrong:
        raise bundle.BadBundle(f"The bundle in {place} cannot be loaded: {wrong}.") from wrong
    return Model(encoder, learner, about, background)


def survived(place: Path, about: dict[str, Any], encoder: Encoder) -> None:
    """Raises BadBundle where the model's file would end this process."""
    first_load.survived(place, _built(about, encoder, 1, "cpu"), len(encoder.outputs))


def _built(about: dict[str, Any], encoder: Encoder, threads: int, device: str) -> Learner:
    setup = Setup(
        classes=len(about["classes"]),
        params=about["params"],
        seed=about["seed"],
        threads=threads,
        device=device,
        names=encoder.outputs,
        ranks=encoder.ranks,
    )
    build = ALGORITHMS[about["algorithm"]].learner
    if build is None:
        raise ValueError(f"{about['algorithm']} does not learn from tables")
    return build(setup)

"""The rows of a second dataset, on which alone a training is tested."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recipes import drift
from recipes.data import table as source
from recipes.data.listing import BadData
from recipes.engine.metrics import Floats, Ints
from recipes.engine.tabular.model import complete
from recipes.job import BadJob


@dataclass(frozen=True)
class Second:
    """Where it lies, and what it is called."""

    folder: Path
    name: str
    fingerprint: str

    @property
    def called(self) -> str:
        return f"the test set {self.name}" if self.name else "the test set"


@dataclass(frozen=True)
class TestRows:
    """Inputs and truth, row by row, of the rows that can test; `numbers` are their places."""

    table: pa.Table
    target: Floats
    numbers: Ints
    notes: list[str]


def named(spec: dict[str, Any], split: dict[str, Any]) -> Second | None:
    """What the spec of a training names as `test`. Raises BadJob, BadData."""
    if split["policy"] != "dataset":
        return None
    told = spec.get("test")
    if not told:
        raise BadJob("The split tests on a second dataset, and the job names none as 'test'.")
    name = str(told.get("name") or split["test_dataset"])
    return Second(source.unchanged(told), name, str(told.get("fingerprint") or ""))


def opened(second: Second, learned: dict[str, str], written: set[str]) -> pq.ParquetFile:
    """Its file, which has these columns in types that fit. Raises BadData naming the others."""
    file = source.opened(second.folder)
    sentence = drift.trouble(learned, source.types_of(file), written, table=second.called)
    if sentence:
        raise BadData(sentence)
    return file


def read(
    second: Second,
    file: pq.ParquetFile,
    *,
    inputs: list[str],
    dropping: list[str],
    target: str,
    classes: list[str],
) -> TestRows:
    """The rows with a target that the training knows. Raises BadData where there is none."""
    whole = file.read(columns=[*inputs, target])
    values, strange = _truth(whole.column(target), classes)
    known = np.isfinite(values)
    there = complete(whole, dropping).to_numpy(zero_copy_only=False)
    kept = np.flatnonzero(known & there)
    if not len(kept):
        raise BadData(
            f"No row of {second.called} can test: none has a value of {target!r} that the training "
            "knows."
        )
    return TestRows(
        table=whole.select(inputs).take(pa.array(kept)),
        target=values[kept],
        numbers=kept,
        notes=_notes(second, len(whole) - len(kept), strange, target),
    )


def _truth(column: pa.ChunkedArray, classes: list[str]) -> tuple[Floats, list[str]]:
    """The target of each row, NaN where it is missing or no class of the training, and those."""
    if not classes:
        return column.cast(pa.float64(), safe=False).to_numpy().astype(np.float64), []
    text = source.as_text(column)
    found = pc.index_in(text, value_set=pa.array(classes)).cast(pa.float64())
    strange = text.filter(pc.and_(found.is_null(), text.is_valid())).unique().to_pylist()
    return found.to_numpy().astype(np.float64), sorted(strange)


def _notes(second: Second, gone: int, strange: list[str], target: str) -> list[str]:
    if not gone:
        return []
    some = "1 row of {} is" if gone == 1 else f"{gone:,} rows of {{}} are"
    why = f"{target!r} is missing there, or a value that drops the row"
    if strange:
        why += f", or {target!r} is none of the training's ({', '.join(map(repr, strange[:5]))})"
    return [f"{some.format(second.called)} left out: {why}."]

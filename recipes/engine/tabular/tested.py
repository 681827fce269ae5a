"""The rows of a second dataset that test.

Only their places and their truth are held: what predicts them reads them a block at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recipes.data import places
from recipes.data import table as source
from recipes.data.listing import BadData
from recipes.engine.metrics import Floats, Ints
from recipes.engine.tabular.model import complete
from recipes.engine.tabular.sampling import Drawn
from recipes.engine.tabular.second import Second
from recipes.tasks import table_split

# Whatever the split's seed: what is tested on as many rows of a dataset is tested on the same.
SEED = 20_000
NAMED = 5  # classes that the training does not know


@dataclass(frozen=True)
class Asked:
    """What the rows of a test need: values of the `inputs`, none of them missing where that drops
    a row, and a target of these classes, or a number where there are none."""

    inputs: list[str]
    dropping: list[str]
    target: str
    classes: list[str]


@dataclass(frozen=True)
class Tested:
    """The rows that test: `numbers` are their places in the file, in order; `sample` says of how
    many they are, where not all that can test do."""

    name: str
    file: pq.ParquetFile
    inputs: list[str]
    target: Floats
    numbers: Ints
    sample: dict[str, Any] | None
    notes: list[str]

    def blocks(self) -> Iterator[pa.Table]:
        """Their inputs."""
        return (block for _, block in places.blocks(self.file, self.inputs, self.numbers))

    def told(self) -> dict[str, Any]:
        """What a report says of them."""
        return {"dataset": self.name, "sample": self.sample}


def read(second: Second, file: pq.ParquetFile, asked: Asked, most: int) -> Tested:
    """The rows with a target that the training knows, at most so many, drawn at random. Raises
    BadData where there is none."""
    drawn, of, able = Drawn(most, SEED, ""), file.metadata.num_rows, 0
    strange: set[str] = set()
    for rows, block in places.blocks(file, list(dict.fromkeys([*asked.dropping, asked.target]))):
        values, others = _truth(block.column(asked.target), asked.classes)
        there = complete(block, asked.dropping).to_numpy(zero_copy_only=False)
        kept = np.flatnonzero(np.isfinite(values) & there)
        drawn.take(rows[kept], block.take(pa.array(kept)))
        able, strange = able + len(kept), set(sorted({*strange, *others})[:NAMED])
    if not able:
        raise BadData(
            f"No row of {second.called} can test: none has a value of {asked.target!r} that the "
            "training knows."
        )
    numbers = drawn.rows()
    sample = {"how": "random", "rows": len(numbers), "of": of} if len(numbers) < able else None
    return Tested(
        name=second.name,
        file=file,
        inputs=asked.inputs,
        target=_targets(file, asked, numbers),
        numbers=numbers,
        sample=sample,
        notes=[
            *_left_out(second, of - able, sorted(strange), asked.target),
            *_drawn(second, sample),
        ],
    )


def _targets(file: pq.ParquetFile, asked: Asked, numbers: Ints) -> Floats:
    found = np.empty(len(numbers))
    at = 0
    for rows, block in places.blocks(file, [asked.target], numbers):
        found[at : at + len(rows)] = _truth(block.column(asked.target), asked.classes)[0]
        at += len(rows)
    return found


def _truth(column: pa.ChunkedArray, classes: list[str]) -> tuple[Floats, list[str]]:
    """The target of each row, NaN where it is missing or no class of the training, and those."""
    if not classes:
        return column.cast(pa.float64(), safe=False).to_numpy().astype(np.float64), []
    text = source.as_text(column)
    found = pc.index_in(text, value_set=pa.array(classes)).cast(pa.float64())
    strange = text.filter(pc.and_(found.is_null(), text.is_valid())).unique().to_pylist()
    return found.to_numpy().astype(np.float64), [str(one) for one in strange]


def _left_out(second: Second, gone: int, strange: list[str], target: str) -> list[str]:
    if not gone:
        return []
    some = "1 row of {} is" if gone == 1 else f"{gone:,} rows of {{}} are"
    why = f"{target!r} is missing there, or a value that drops the row"
    if strange:
        why += f", or {target!r} is none of the training's ({', '.join(map(repr, strange))})"
    return [f"{some.format(second.called)} left out: {why}."]


def _drawn(second: Second, sample: dict[str, Any] | None) -> list[str]:
    if sample is None:
        return []
    said = table_split.sampled(**sample)
    return [f"Of {second.called} {said}, are judged: the node has no memory free for more."]

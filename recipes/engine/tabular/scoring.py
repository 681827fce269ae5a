"""A score job on a table: streamed by row groups, so that memory stays bounded."""

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from threadpoolctl import threadpool_limits

from recipes import drift
from recipes.data import table as source
from recipes.data.listing import BadData
from recipes.engine.facts import versions
from recipes.engine.metrics import Floats
from recipes.engine.pace import Count
from recipes.engine.peers import Peers, device_name
from recipes.engine.tabular.model import BLOCK, Model, load
from recipes.engine.tabular.outcome import chosen
from recipes.events import Journal
from recipes.job import BadJob, Job

DISTINCT = 2_000_000  # values that are counted at most, over all columns


def score_table(job: Job, folder: Path, peers: Peers) -> None:
    """Write `output/table.parquet`: the input's columns, `prediction` and probabilities."""
    if peers.rank:
        return
    with threadpool_limits(job.compute.threads), closing(Journal(folder)) as journal:
        journal.write(
            "started",
            device=device_name(job.compute, peers.device),
            ranks=1,
            threads=job.compute.threads,
            precision="fp32",
            versions=versions("table"),
        )
        if not job.spec.get("dataset"):
            raise BadJob("The job names no dataset.")
        journal.write("phase", name="read", text="Reading the model and the table's columns.")
        model = load(Path(job.spec["bundle"]), max(1, job.compute.threads))
        file = source.opened(source.unchanged(job.spec["dataset"]))
        check(model, file.schema_arrow)
        rows = file.metadata.num_rows
        journal.write("phase", name="score", text=f"Scoring {rows:,} rows.")
        _write(model, file, folder, Count(journal, 1, rows, unit="row"), journal)


def check(model: Model, schema: pa.Schema) -> None:
    """Raises BadData where the table is not the one that was learned from, naming the columns."""
    wanted = {one["name"]: one["type"] for one in model.about["columns"]}
    if sentence := drift.trouble(wanted, {one.name: kind_of(one.type) for one in schema}):
        raise BadData(sentence)


def kind_of(type_: pa.DataType) -> str:
    """A column's type as columns.json calls it; the Arrow type itself where it has no name."""
    tests = {
        "integer": lambda one: pa.types.is_integer(one) or pa.types.is_decimal(one),
        "number": pa.types.is_floating,
        "boolean": pa.types.is_boolean,
        "date": pa.types.is_date,
        "datetime": pa.types.is_timestamp,
        "text": lambda one: pa.types.is_string(one) or pa.types.is_large_string(one),
    }
    return next((name for name, test in tests.items() if test(type_)), str(type_))


def _write(
    model: Model, file: pq.ParquetFile, folder: Path, count: Count, journal: Journal
) -> None:
    output, draft = folder / "output", folder / ".output"
    for old in (output, draft):
        shutil.rmtree(old, ignore_errors=True)
    draft.mkdir()
    told = _Told()
    writer: pq.ParquetWriter | None = None
    rows = 0
    for block in _blocks(file):
        made = _scored(model, block, told)
        writer = writer or pq.ParquetWriter(draft / source.FILE, made.schema, compression="zstd")
        writer.write_table(made, row_group_size=BLOCK)
        rows += len(block)
        count.add(len(block))
    if writer is None:
        raise BadData("The table has no rows to score.")
    writer.close()
    draft.rename(output)
    for text in told.sentences(model):
        journal.write("note", level="warning", text=text)
    journal.write(
        "finished",
        rows=rows,
        columns=told.columns(),
        file=f"output/{source.FILE}",
        damaged=told.dropped,
    )


def _blocks(file: pq.ParquetFile) -> Iterator[pa.Table]:
    for batch in file.iter_batches(batch_size=BLOCK):
        if len(batch):
            yield pa.Table.from_batches([batch])


def _scored(model: Model, block: pa.Table, told: "_Told") -> pa.Table:
    """The block with its predictions; null where a gap drops the row."""
    there = np.flatnonzero(model.complete(block).to_numpy(zero_copy_only=False))
    inputs = block.select([one.name for one in model.encoder.columns]).take(pa.array(there))
    given = model.predict(inputs) if len(there) else None
    made = block
    for name, values in _outputs(model, given):
        whole = _spread(values, there, len(block))
        name = _free(name, block.column_names)
        made = made.append_column(name, whole)
    told.take(made, len(block) - len(there))
    return made


def _outputs(model: Model, given: Floats | None) -> Iterator[tuple[str, pa.Array]]:
    classes, threshold = model.about["classes"], model.about["threshold"]
    if not classes:
        yield "prediction", pa.array([] if given is None else given, pa.float64())
        return
    if given is None:
        given = np.empty((0, len(classes)))
    names = pa.array(classes, pa.string())
    yield "prediction", names.take(pa.array(chosen(given, threshold)))
    for place, name in enumerate(classes):
        yield f"proba_{name}", pa.array(given[:, place])


def _spread(values: pa.Array, there: Any, rows: int) -> pa.Array:
    if len(there) == rows:
        return values
    places = np.full(rows, -1)
    places[there] = np.arange(len(there))
    return values.take(pa.array(places, mask=places < 0))


def _free(name: str, taken: list[str]) -> str:
    """The input's own columns keep their names."""
    while name in taken:
        name += "_"
    return name


class _Told:
    """What is said of a scoring in the end."""

    def __init__(self) -> None:
        self.dropped = 0
        self._types: dict[str, pa.DataType] = {}
        self._missing: Counter[str] = Counter()
        self._distinct: dict[str, set[Any] | None] = {}

    def take(self, block: pa.Table, dropped: int) -> None:
        self.dropped += dropped
        for name in block.column_names:
            column = block.column(name)
            self._types[name] = column.type
            self._missing[name] += column.null_count
            seen = self._distinct.setdefault(name, set())
            if seen is None:
                continue
            seen.update(pc.unique(column.drop_null()).to_pylist())
            self._distinct[name] = seen if len(seen) <= DISTINCT // block.num_columns else None

    def columns(self) -> list[dict[str, Any]]:
        """A record a column; `distinct` is null where there are too many to count."""
        return [
            {
                "name": name,
                "type": kind_of(type_),
                "missing": self._missing[name],
                "distinct": None if (seen := self._distinct[name]) is None else len(seen),
            }
            for name, type_ in self._types.items()
        ]

    def sentences(self, model: Model) -> list[str]:
        made = [
            f"{count:,} values of {name!r} are no category that the model learned: they count as "
            "unknown."
            for name, count in model.encoder.unseen().items()
        ]
        if self.dropped:
            columns = ", ".join(map(repr, model.encoder.dropping[:5]))
            made.append(f"{self.dropped:,} rows have no prediction: {columns} is missing there.")
        return made

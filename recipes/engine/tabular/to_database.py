"""The rows of a scoring, from their Parquet into a table of a database."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recipes.data.table import kind_of
from recipes.engine.pace import Count
from recipes.events import Journal
from recipes.job import Job
from recipes.sql import writing
from recipes.sql.access import Access, Trouble, taken
from recipes.sql.opening import opened

BATCH, HELD = 4_096, 4 << 20  # rows and bytes that are sent at once


@dataclass(frozen=True)
class Destination:
    """Where the job's `output` is. The rows come in one transaction, when all are predicted."""

    access: Access
    target: writing.Target
    name: str  # of the connection

    def check(self, schema: pa.Schema) -> None:
        """Raises Trouble before a row is predicted: the table is there, or is another one."""
        with opened(self.access) as connection:
            writing.check(connection, self.target, columns_of(schema))

    def write(self, path: Path, journal: Journal) -> dict[str, Any]:
        """What `finished` says of it; the file goes. Raises Trouble: the table is as it was."""
        with pq.ParquetFile(path) as file:
            rows = file.metadata.num_rows
            place = f"{self.target.table} of {self.name}"
            journal.write("phase", name="write", text=f"Writing {rows:,} rows to {place}.")
            lost = Lost()
            with opened(self.access, write=True) as connection:
                columns = columns_of(file.schema_arrow)
                sent = batches(file, Count(journal, 1, rows, unit="row"), lost)
                writing.write(connection, self.target, columns, sent)
        if lost.texts:
            said = f"Of texts a NUL, which no database takes, was taken out: {lost.texts:,} in all."
            journal.write("note", level="warning", text=said)
        path.unlink()
        return {"file": "", "table": {"connection": self.name, **asdict(self.target)}}


def destination(job: Job) -> Destination | None:
    """None where the job writes no table of a database. Raises Trouble."""
    output = job.spec.get("output")
    if not isinstance(output, Mapping):
        return None
    if output.get("kind") != "sql":
        raise Trouble(f"Rows cannot be written to {output.get('kind')!r}.")
    target = writing.Target(
        table=str(output.get("table") or ""),
        schema=str(output.get("schema") or ""),
        mode=str(output.get("mode") or "create"),
    )
    access = taken(job.access)
    return Destination(access, target, str(output.get("name") or access.place))


def columns_of(schema: pa.Schema) -> dict[str, str]:
    """As `recipes/sql/writing.py` calls their types."""
    return {
        one.name: "decimal" if pa.types.is_decimal(one.type) else kind_of(one.type)
        for one in schema
    }


@dataclass
class Lost:
    """What a database could not take as it is."""

    texts: int = 0


def batches(file: pq.ParquetFile, count: Count, lost: Lost) -> Iterator[list[tuple[Any, ...]]]:
    """Some rows at a time, as many as HELD has room for."""
    for group in file.iter_batches(batch_size=BATCH):
        rows = max(1, min(len(group), HELD * len(group) // max(1, group.nbytes)))
        for start in range(0, len(group), rows):
            some = group.slice(start, rows)
            columns = [_clean(one, lost).to_pylist() for one in some.columns]
            yield list(zip(*columns, strict=True))
            count.add(len(some))


def _clean(values: pa.Array, lost: Lost) -> pa.Array:
    if not pa.types.is_string(values.type):
        return values
    found = pc.sum(pc.match_substring(values, "\0")).as_py() or 0
    lost.texts += found
    return pc.replace_substring(values, "\0", "") if found else values

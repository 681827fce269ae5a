"""The rows of a scoring, from their Parquet into a table of a database."""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recipes.data.table import kind_of
from recipes.engine.pace import Count
from recipes.events import Journal
from recipes.job import Job
from recipes.sql import ledger, target, writing
from recipes.sql.access import Access, Trouble, taken
from recipes.sql.ledger import Once
from recipes.sql.opening import opened
from recipes.sql.target import Columns, Target

BATCH, HELD = 4_096, 4 << 20  # rows and bytes that are sent at once
PAUSES = (0, 2, 5, 10, 20)  # seconds between two questions to a database that went away
MARK = re.compile("[0-9a-f]{1,64}")


@dataclass
class Destination:
    """Where the job's `output` is. The rows come in one transaction, when all are predicted."""

    access: Access
    target: Target
    name: str  # of the connection
    once: Once = field(default_factory=Once)

    def check(self, schema: pa.Schema, journal: Journal) -> None:
        """Raises Trouble before a row is predicted: the table is there, or is another one.

        Says where the database cannot keep that this job writes once.
        """
        if self.once.mark:
            said = ledger.prepared(self.access, self.target.schema)
            self.once = replace(self.once, kept=not said)
        with opened(self.access) as connection:
            if not writing.written(connection, self.target, self.once):
                target.check(connection, self.target, columns_of(schema))
        if self.once.mark and not self.once.kept:
            journal.write("note", level="warning", text=said)

    def write(self, path: Path, journal: Journal) -> dict[str, Any]:
        """What `finished` says of it; the file goes. Raises Trouble: the table is as it was."""
        with pq.ParquetFile(path) as file:
            rows = file.metadata.num_rows
            place = f"{self.target.table} of {self.name}"
            journal.write("phase", name="write", text=f"Writing {rows:,} rows to {place}.")
            lost = Lost()
            sent = batches(file, Count(journal, 1, rows, unit="row"), lost)
            if not self._sent(columns_of(file.schema_arrow), sent):
                said = f"An attempt before this one has written the rows to {place}: they are there"
                journal.write("note", level="info", text=f"{said} once.")
        if lost.texts:
            said = f"Of texts a NUL, which no database takes, was taken out: {lost.texts:,} in all."
            journal.write("note", level="warning", text=said)
        path.unlink()
        return {"file": "", "table": {"connection": self.name, **asdict(self.target)}}

    def _sent(self, columns: Columns, rows: Iterator[list[tuple[Any, ...]]]) -> bool:
        """False where they were there already."""
        try:
            with opened(self.access, write=True) as connection:
                return writing.write(connection, self.target, columns, rows, self.once)
        except ledger.Written:
            if not self._committed():  # it is not this job's line that the ledger refuses
                raise Trouble(
                    f"The table {ledger.NAME!r} refuses the line of this job: nothing was written. "
                    "Give it back the columns that Trackside made, or drop it."
                ) from None
            return False
        except Trouble:
            if not self._committed():
                raise
            return True

    def _committed(self) -> bool:
        """Whether the rows are there although the line broke before the database said so.

        The commit may be under way there still: who asks for the line of this job waits for it.
        """
        for pause in PAUSES if self.once.mark else ():
            time.sleep(pause)
            with suppress(Trouble):
                with opened(self.access) as connection:
                    there = writing.written(connection, self.target, self.once)
                if there or not self.once.kept:
                    return there
                with opened(self.access, write=True) as connection:
                    return ledger.taken(connection, self.target.schema, self.once)
        return False


def destination(job: Job) -> Destination | None:
    """None where the job writes no table of a database. Raises Trouble."""
    output = job.spec.get("output")
    if not isinstance(output, Mapping):
        return None
    if output.get("kind") != "sql":
        raise Trouble(f"Rows cannot be written to {output.get('kind')!r}.")
    to = Target(
        table=str(output.get("table") or ""),
        schema=str(output.get("schema") or ""),
        mode=str(output.get("mode") or "create"),
    )
    access = taken(job.access)
    mark = str(output.get("once") or "")
    if mark and not MARK.fullmatch(mark):
        raise Trouble(f"What marks the rows of a job is 1 to 64 of 0-9 and a-f, not {mark[:80]!r}.")
    return Destination(access, to, str(output.get("name") or access.place), Once(mark))


def columns_of(schema: pa.Schema) -> dict[str, str]:
    """As `recipes/sql/target.py` calls their types."""
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

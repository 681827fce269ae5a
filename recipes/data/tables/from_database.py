"""Rows of a database as a Parquet file, which is then taken in as one that was uploaded.

They stream: a batch at a time lies in memory, whatever the size of the table.
"""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from recipes.data import sandbox
from recipes.data.sandbox import BadInput, Crashed, Line, Refused, Tell, lines
from recipes.data.tables import names
from recipes.data.tables.convert import FULL
from recipes.data.tables.forms import ARROW
from recipes.data.tables.parquet_rows import MAY
from recipes.data.tables.problems import Problems
from recipes.data.tables.writing import Writer
from recipes.events import Journal
from recipes.leaving import LAST
from recipes.sql import dialects
from recipes.sql.access import Access, Trouble
from recipes.sql.browsing import rows_of
from recipes.sql.opening import end, opened
from recipes.sql.values import Field

MOST = 16_384  # rows of a batch
OFTEN = 2.0  # seconds between two sentences
INSTANT = pa.timestamp("us", "UTC")
# Less than the gigabyte that one of Arrow's pools reserves where it can, and leaves nothing then
MEMORY = 960 << 20
CHILD = sandbox.Limits(memory=MEMORY, silence=900.0, cpu=24 * 3600, file=1 << 62, network=True)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Of what is written: a query has no end that anybody knows before."""

    bytes: int = 1 << 62  # of the file
    free: int = 0  # bytes that stay free where it lies


def fetch(
    access: Access,
    source: Mapping[str, Any],
    path: Path,
    journal: Journal,
    limits: Limits,
) -> list[Line]:
    """Write all rows to `path`, in one transaction of the database; what to tell as problems.

    What the server sends is read in a child, so that no row is too large for this process. Raises
    Refused, also where there is no row.
    """
    known = []
    ends: list[Callable[[], None]] = []
    try:
        for line in lines(lambda tell: _safely(access, source, path, limits, tell), CHILD):
            if "session" in line:
                ends.append(partial(end, access, line["session"]))
                LAST.extend(ends)
            elif "rows" in line:
                journal.write("phase", name="read", text=f"{line['rows']:,} rows are read.")
            else:
                known.append(line)
    except Crashed as crash:
        for one in ends:
            one()
        raise Refused(f"Reading the database was given up: {crash}") from crash
    finally:
        LAST[:] = [one for one in LAST if one not in ends]
    return known


def _safely(
    access: Access, source: Mapping[str, Any], path: Path, limits: Limits, tell: Tell
) -> None:
    """The child's work: tells now and then how many rows there are, and problems at the end."""
    pa.set_memory_pool(pa.system_memory_pool())  # the others reserve as much as it may have
    try:
        for problem in _read(access, source, path, limits, tell):
            tell(problem)
    except Trouble as trouble:
        raise BadInput(str(trouble)) from None
    except MemoryError:
        raise BadInput("A row of it needs more memory than an import may take.") from None
    except OSError as error:
        if error.errno in FULL:
            raise BadInput("The disk is full: nothing was imported.") from None
        raise


def _read(
    access: Access, source: Mapping[str, Any], path: Path, limits: Limits, tell: Tell
) -> list[Line]:
    told = Problems("row")
    said = time.monotonic()
    with opened(access) as connection, Writer(path) as writer:
        if number := dialects.of(connection).session(connection):
            tell({"session": number})
        found = dialects.read(connection, rows_of(connection, source))
        called = names.settled([one.name for one in found.fields], told)
        schema = pa.schema(list(map(_kept, called, found.fields)))
        done = 0
        for batch in _batches(found, schema):
            writer.add(batch)
            _check_room(path, limits)
            done += batch.num_rows
            if time.monotonic() - said > OFTEN:
                said = time.monotonic()
                tell({"rows": done})
        writer.close(schema)
    _check_room(path, limits)
    if not writer.rows:
        raise BadInput("The database gives no row: there is nothing to import.")
    for what, count in found.lost.items():
        told.add("the table", f"A day {what}: {count:,} in all.")
    return told.all()


def _check_room(path: Path, limits: Limits) -> None:
    """Raises BadInput where the rows are more than may be kept."""
    written = path.stat().st_size if path.exists() else 0
    if written > limits.bytes:
        raise BadInput(
            f"The rows are more than the {limits.bytes >> 20:,} MB that a dataset may have. "
            "Take fewer of them, by a query."
        )
    if shutil.disk_usage(path.parent).free < limits.free:
        raise BadInput(
            f"The storage would have less than the {limits.free >> 20:,} MB left which are kept "
            "for jobs that run: nothing was imported."
        )


def _batches(found: dialects.Rows, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """One row at first, then as many at a time as there is room for."""
    for rows in found.all(MOST):
        arrays = [
            pa.array(map(field.value, values), kept.type)
            for field, kept, values in zip(
                found.fields, schema, zip(*rows, strict=True), strict=True
            )
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _kept(name: str, field: Field) -> pa.Field:
    type_ = INSTANT if field.kept == "instant" else ARROW[field.kept]
    may = {MAY: ",".join(sorted(field.may)).encode()} if field.may else None
    return pa.field(name, type_, metadata=may)

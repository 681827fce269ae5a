"""Rows of a database as a Parquet file, which is then taken in as one that was uploaded.

They stream: a batch at a time lies in memory, whatever the size of the table.
"""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from recipes.data.sandbox import Line, Refused
from recipes.data.tables import names
from recipes.data.tables.convert import FULL
from recipes.data.tables.forms import ARROW
from recipes.data.tables.parquet_rows import MAY
from recipes.data.tables.problems import Problems
from recipes.data.tables.writing import Writer
from recipes.events import Journal
from recipes.sql import dialects
from recipes.sql.access import Access
from recipes.sql.browsing import rows_of
from recipes.sql.opening import opened
from recipes.sql.values import Field

FIRST, MOST, GROWS = 64, 16_384, 4  # rows of a batch
HELD = 4 << 20  # bytes that a batch should have
OFTEN = 2.0  # seconds between two sentences
INSTANT = pa.timestamp("us", "UTC")


def fetch(access: Access, source: Mapping[str, Any], path: Path, journal: Journal) -> list[Line]:
    """Write all rows to `path`, in one transaction of the database; what to tell as problems.

    Raises Trouble, and Refused where there is no row.
    """
    told = Problems("row")
    try:
        with opened(access) as connection, Writer(path) as writer:
            found = dialects.read(connection, rows_of(connection, source))
            called = names.settled([one.name for one in found.fields], told)
            schema = pa.schema(list(map(_kept, called, found.fields)))
            for batch in _batches(found, schema, journal):
                writer.add(batch)
            writer.close(schema)
    except OSError as error:
        if error.errno in FULL:
            raise Refused("The disk is full: nothing was imported.") from None
        raise
    if not writer.rows:
        raise Refused("The database gives no row: there is nothing to import.")
    for what, count in found.lost.items():
        told.add("the table", f"A day {what}: {count:,} in all.")
    return told.all()


def _batches(found: dialects.Rows, schema: pa.Schema, journal: Journal) -> Iterator[pa.RecordBatch]:
    """As many rows at a time as HELD has room for."""
    size, done, said = FIRST, 0, time.monotonic()
    while rows := found.batch(size):
        arrays = [
            pa.array(map(field.value, values), kept.type)
            for field, kept, values in zip(
                found.fields, schema, zip(*rows, strict=True), strict=True
            )
        ]
        batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
        yield batch
        done += len(rows)
        fits = HELD * len(rows) // max(1, batch.nbytes)
        size = max(1, min(MOST, size * GROWS, fits))
        if time.monotonic() - said > OFTEN:
            said = time.monotonic()
            journal.write("phase", name="read", text=f"{done:,} rows are read.")


def _kept(name: str, field: Field) -> pa.Field:
    type_ = INSTANT if field.kept == "instant" else ARROW[field.kept]
    may = {MAY: ",".join(sorted(field.may)).encode()} if field.may else None
    return pa.field(name, type_, metadata=may)

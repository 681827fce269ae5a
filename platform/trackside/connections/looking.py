"""Looks into a database for a person who waits: tables, columns, the first rows. Every look is
short, reads alone, and few go on at once.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recipes.sql import browsing, dialects
from recipes.sql.access import Access, Trouble
from recipes.sql.opening import opened
from recipes.sql.values import as_text
from trackside.connections.access import NoAccess, way
from trackside.connections.models import Connection

if TYPE_CHECKING:
    from sqlalchemy import Connection as Open

SECONDS = 10.0  # of one statement
ROWS, LONGEST = 50, 200  # of a preview, and of a text in it
AT_ONCE = threading.BoundedSemaphore(4)  # in this process


class NoLook(Exception):
    """Nothing can be shown: a sentence without a secret."""


@dataclass(frozen=True)
class Preview:
    """`columns` are `{"name", "type" (ours), "words" (the database's, "" where unknown)}`."""

    columns: list[dict[str, str]]
    rows: list[list[str | None]]
    more: bool


def tested(connection: Connection) -> str:
    """What is wrong with a connection, "" for nothing: for administrators, with its place."""
    try:
        with _open(connection, called="") as line:
            _schema(connection, line, connection.schema)
    except NoLook as no:
        return str(no)
    return ""


def schemas(connection: Connection) -> list[str]:
    """Those that are offered, the usual one first. Raises NoLook."""
    if connection.schema:
        return [connection.schema]
    with _open(connection) as line:
        return browsing.schemas(line)


def tables(connection: Connection, schema: str = "") -> list[dict[str, str]]:
    """`{"name", "kind": table|view}`. Raises NoLook."""
    with _open(connection) as line:
        return browsing.tables(line, _schema(connection, line, schema))


def columns(connection: Connection, schema: str, table: str) -> list[dict[str, Any]]:
    """`{"name", "type": the database's word, "nullable"}`. Raises NoLook."""
    with _open(connection) as line:
        return browsing.columns(line, _schema(connection, line, schema), table)


def checked(connection: Connection, wish: Mapping[str, Any]) -> dict[str, Any]:
    """The source of a job's spec: a table of the catalogue, or a query that is one SELECT.

    Raises NoLook.
    """
    named = {"connection": connection.pk, "name": connection.name}
    with _open(connection) as line:
        if wish.get("query"):
            return {**named, "query": browsing.rows_of(line, {"query": wish["query"]}).sql}
        schema = _schema(connection, line, str(wish.get("schema") or ""))
        table = browsing.known_table(line, schema, str(wish.get("table") or ""))
    return {**named, "schema": schema, "table": table}


def preview(connection: Connection, wish: Mapping[str, Any], rows: int = ROWS) -> Preview:
    """The first rows of a table or a query. Raises NoLook."""
    with _open(connection) as line:
        source: dict[str, Any] = (
            {"query": wish["query"]}
            if wish.get("query")
            else {
                "schema": _schema(connection, line, str(wish.get("schema") or "")),
                "table": str(wish.get("table") or ""),
            }
        )
        statement = browsing.rows_of(line, source)
        found = dialects.read(line, statement, rows + 1)
        read = found.batch(rows + 1)
    words = [*statement.declared, *[""] * len(found.fields)]
    told = [
        {"name": one.name, "type": one.type, "words": words[place].lower()}
        for place, one in enumerate(found.fields)
    ]
    cut = [
        [_cut(as_text(one.value(raw))) for one, raw in zip(found.fields, row, strict=True)]
        for row in read[:rows]
    ]
    return Preview(told, cut, len(read) > rows)


def _cut(text: str | None) -> str | None:
    return text if text is None or len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _schema(connection: Connection, line: "Open", schema: str) -> str:
    """As the catalogue has it, and as an administrator lets it be seen. Raises Trouble."""
    wanted = schema or connection.schema
    if connection.schema and wanted != connection.schema:
        raise Trouble(f"{connection.name} offers the schema {connection.schema!r} alone.")
    return browsing.known_schema(line, wanted) or ""


@contextmanager
def _open(connection: Connection, **more: str) -> Iterator["Open"]:
    if not AT_ONCE.acquire(blocking=False):
        raise NoLook("Others are looking into databases right now. Try again in a moment.")
    try:
        with opened(Access(**{**way(connection), **more}), seconds=SECONDS) as line:
            yield line
    except (NoAccess, Trouble) as trouble:
        raise NoLook(str(trouble)) from None
    finally:
        AT_ONCE.release()

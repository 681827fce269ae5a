"""Looks into a database for a person who waits: tables, columns, the first rows.

Each look is a process of its own (`recipes/sql/look.py`), which is ended by the clock and by what
it takes; few go on at once. The web itself opens no database but its own.
"""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trackside.connections import child
from trackside.connections.access import NoAccess, way
from trackside.connections.models import Connection

SECONDS = 10.0  # of a look, whatever the database does
ROWS = 50  # of a preview
AT_ONCE = threading.BoundedSemaphore(4)  # in this process
TESTS = threading.BoundedSemaphore(2)  # besides: administrators do not wait for others' looks
LATE = "The database took too long to answer."
_log = logging.getLogger(__name__)


class NoLook(Exception):
    """Nothing can be shown: a sentence without a secret."""


@dataclass(frozen=True)
class Offered:
    """`tables` are `{"name", "kind": table|view}`, those of `schema`; the usual schema is first."""

    schemas: list[str]
    schema: str
    tables: list[dict[str, str]]


@dataclass(frozen=True)
class Preview:
    """`columns` are `{"name", "type" (ours), "words" (the database's, "" where unknown)}`."""

    columns: list[dict[str, str]]
    rows: list[list[str | None]]
    more: bool


@dataclass(frozen=True)
class Tested:
    """For administrators, with the database's place; "" where nothing is wrong."""

    trouble: str = ""  # it does not work
    warning: str = ""  # it does, but its user may too much or too little


def tested(connection: Connection) -> Tested:
    """Whether the connection works."""
    try:
        told = {**_way(connection), "called": ""}
        may = _asked("tested", told, {"schema": connection.schema}, TESTS)
    except NoLook as no:
        return Tested(trouble=str(no))
    said = [_too_much(may["powers"])] if may["powers"] else []
    if connection.writable and not may["keeps"]:
        said.append(_twice(connection))
    return Tested(warning=" ".join(said))


def _too_much(may: list[str]) -> str:
    """No transaction that only reads holds a function from reading files or ending sessions."""
    return (
        f"Its user may do more than tables need: {', '.join(may)}. Whoever writes a query by it "
        "may do the same, such as read files of the server: give it a user with SELECT alone."
    )


def _twice(connection: Connection) -> str:
    where = f"the schema {connection.schema}" if connection.schema else "its usual schema"
    return (
        f"Its user may make no tables in {where}: a scoring whose machine is lost in its last "
        "moment may write its rows twice. Let it make tables there, or make the table "
        "trackside_written for it (docs/connections.md)."
    )


def offered(connection: Connection, schema: str = "", *, loose: bool = False) -> Offered:
    """Its schemas, and the tables of one; the usual one's where `schema` is "", or is not there
    and `loose` lets that pass. Raises NoLook."""
    if not loose:
        _allowed(connection, schema)
    wish = {"schema": schema, "only": connection.schema, "loose": loose}
    return Offered(**_look(connection, "offered", wish))


def columns(connection: Connection, schema: str, table: str) -> list[dict[str, Any]]:
    """`{"name", "type": the database's word, "nullable"}`. Raises NoLook."""
    wish = {"schema": _allowed(connection, schema), "table": table}
    found: list[dict[str, Any]] = _look(connection, "columns", wish)
    return found


def checked(connection: Connection, wish: Mapping[str, Any]) -> dict[str, Any]:
    """The source of a job's spec: a table of the catalogue, or a query that is one SELECT.

    Raises NoLook.
    """
    found: dict[str, Any] = _look(connection, "checked", _source(connection, wish))
    return {"connection": connection.pk, "name": connection.name, **found}


def preview(connection: Connection, wish: Mapping[str, Any], rows: int = ROWS) -> Preview:
    """The first rows of a table or a query. Raises NoLook."""
    source = {**_source(connection, wish), "rows": rows}
    return Preview(**_look(connection, "preview", source))


def _source(connection: Connection, wish: Mapping[str, Any]) -> dict[str, str]:
    if query := wish.get("query"):
        return {"query": str(query)}
    schema = _allowed(connection, str(wish.get("schema") or ""))
    return {"schema": schema, "table": str(wish.get("table") or "")}


def _allowed(connection: Connection, schema: str) -> str:
    """What an administrator lets be seen. Raises NoLook."""
    if connection.schema and schema not in ("", connection.schema):
        raise NoLook(f"{connection.name} offers the schema {connection.schema!r} alone.")
    return schema or connection.schema


def _way(connection: Connection) -> dict[str, Any]:
    try:
        return way(connection)
    except NoAccess as no:
        raise NoLook(str(no)) from None


def _look(connection: Connection, ask: str, wish: Mapping[str, Any]) -> Any:
    return _asked(ask, _way(connection), wish, AT_ONCE)


def _asked(
    ask: str, access: Mapping[str, Any], wish: Mapping[str, Any], places: threading.Semaphore
) -> Any:
    """Raises NoLook."""
    if not places.acquire(blocking=False):
        raise NoLook("Others are looking into databases right now. Try again in a moment.")
    asked = {"ask": ask, "access": access, "wish": wish, "seconds": SECONDS}
    try:
        told = child.answer("recipes.sql.look", asked, SECONDS)
    except child.Late:
        raise NoLook(LATE) from None
    except child.Large:
        raise NoLook("There is more of it than can be shown.") from None
    except child.Lost as lost:
        _log.warning("A look into a database: %s", lost)
        raise NoLook("What the database answers cannot be shown.") from None
    finally:
        places.release()
    if "answer" in told:
        return told["answer"]
    if "trouble" not in told:
        _log.error("A look into a database broke:\n%s", told.get("broke"))
    raise NoLook(str(told.get("trouble") or "What the database answers cannot be shown."))

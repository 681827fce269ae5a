"""A table that a job writes: made, emptied or added to, whole or not at all.

PostgreSQL and SQLite take back all that was not committed. MySQL commits a table as soon as it is
made: there the rows go into one of another name, which takes the place of the old one in one step.
Only a table whose comment begins with MADE is ever dropped. What a job has written it writes not
again: its line in the ledger was committed with its rows, and a table that it made bears its mark.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from recipes.sql import dialects, ledger
from recipes.sql.access import Trouble
from recipes.sql.ledger import Once
from recipes.sql.target import (
    MADE,
    Columns,
    Target,
    check,
    check_ours,
    columns_there,
    comment,
    ours,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table
    from sqlalchemy.types import TypeEngine

DRAFT, BEFORE = "_trackside_new", "_trackside_old"  # what tables are called meanwhile
WAITS = 3600  # seconds for another job that makes or empties the same table
NEVER = Once()  # nobody asks again


def written(connection: Connection, target: Target, once: Once) -> bool:
    """Whether an attempt of this job has committed its rows."""
    if ledger.has(connection, target.schema, once):
        return True
    return bool(once.mark) and comment(connection, target, target.table) == _bears(once)


def write(
    connection: Connection,
    target: Target,
    columns: Columns,
    rows: Iterable[list[tuple[Any, ...]]],
    once: Once = NEVER,
) -> bool:
    """All rows, in the order of `columns`; nothing of them is there unless the caller commits.

    False where this job has written them before. Raises ledger.Written where it does meanwhile.
    """
    fits = _begun(connection, target, columns, once)
    if fits:
        table = _table(connection, target, columns, once)
        if target.mode == "replace":
            connection.execute(table.delete())
        for some in rows:
            dialects.of(connection).insert(connection, table, some)
    elif fits is not None:
        _write_anew(connection, target, columns, rows, once)
    elif ledger.has(connection, target.schema, once):
        return False
    ledger.put(connection, target.schema, once, target.table)
    return fits is not None


def _write_anew(
    connection: Connection,
    target: Target,
    columns: Columns,
    rows: Iterable[list[tuple[Any, ...]]],
    once: Once,
) -> None:
    """Into a table that is made, beside the one whose place it is to take."""
    kind = dialects.of(connection)
    table = _table(connection, target, columns, once)
    if kind.undoes and not (kind.holds_up and columns_there(connection, target)):
        if target.mode == "replace":
            _drop(connection, target, table)
        _fill(connection, table, rows)
        return
    made = _table(connection, target, columns, once, DRAFT)
    _drop(connection, target, made)
    try:
        _fill(connection, made, rows)
    except BaseException:
        _clear(connection, target)
        raise
    _exchange(connection, target, made, table)


def _begun(connection: Connection, target: Target, columns: Columns, once: Once) -> bool | None:
    """Whether the rows go into the table as it is; None where this job has written them.

    Who makes or empties a table is alone with it: what others have made by then is looked at once
    more, and no rows of theirs come between. Who appends to one keeps nobody away.
    """
    kind = dialects.of(connection)
    schema = target.schema or connection.dialect.default_schema_name
    lock = f"trackside:{schema}.{target.table}"

    def looked() -> bool | None:
        return None if written(connection, target, once) else check(connection, target, columns)

    fits = looked()
    if fits is None or (fits and target.mode == "append"):
        return fits
    if not kind.alone(connection, lock, WAITS):
        raise Trouble("Others write this table. Try again when they are done.")
    fits = looked()
    _clear(connection, target)
    return fits


def _clear(connection: Connection, target: Target) -> None:
    """What a lost attempt left, where a database takes nothing back by itself."""
    from sqlalchemy.exc import SQLAlchemyError

    if dialects.of(connection).undoes:
        return
    for suffix in (DRAFT, BEFORE):
        with suppress(SQLAlchemyError):  # it is in nobody's way
            connection.rollback()
            left = _table(connection, target, {}, suffix=suffix)
            if ours(connection, target, left.name):
                left.drop(connection)


def _fill(connection: Connection, made: Table, rows: Iterable[list[tuple[Any, ...]]]) -> None:
    _make(connection, made)
    for some in rows:
        dialects.of(connection).insert(connection, made, some)


def _exchange(connection: Connection, target: Target, made: Table, table: Table) -> None:
    """The draft becomes the table in one step, and what it was goes."""
    quote = connection.dialect.identifier_preparer
    new, now = quote.format_table(made), quote.format_table(table)
    if dialects.of(connection).undoes:
        _drop(connection, target, table)
        connection.exec_driver_sql(f"ALTER TABLE {new} RENAME TO {quote.quote(table.name)}")
        return
    connection.commit()
    if target.mode != "replace" or columns_there(connection, target) is None:
        connection.exec_driver_sql(f"RENAME TABLE {new} TO {now}")  # refused where there is one
        return
    check_ours(connection, target)
    before = _table(connection, target, {}, suffix=BEFORE)
    _drop(connection, target, before)
    old = quote.format_table(before)
    connection.exec_driver_sql(f"RENAME TABLE {now} TO {old}, {new} TO {now}")
    before.drop(connection)


def _make(connection: Connection, table: Table) -> None:
    from sqlalchemy.schema import CreateTable

    if connection.dialect.supports_comments:
        table.create(connection)
        return
    said = str(CreateTable(table).compile(dialect=connection.dialect)).rstrip()
    connection.exec_driver_sql(f"{said.removesuffix(')')} /* {table.comment} */)")


def _drop(connection: Connection, target: Target, table: Table) -> None:
    """If it is there. Raises Trouble where it is somebody else's."""
    import sqlalchemy

    if not sqlalchemy.inspect(connection).has_table(table.name, target.schema or None):
        return
    if not ours(connection, target, table.name):
        raise Trouble(f"There is a table {table.name!r} that Trackside did not make: rename it.")
    table.drop(connection)


def _bears(once: Once) -> str:
    """The comment of a table that a job makes."""
    return f"{MADE} ({once.mark})" if once.mark else MADE


def draft_of(table: str, suffix: str = DRAFT) -> str:
    """Its name meanwhile: two tables whose names begin alike have two. It is no longer than the
    shortest bound of a name, in bytes."""
    begin = table.encode()[:30].decode(errors="ignore")
    return f"{begin}_{hashlib.sha256(table.encode()).hexdigest()[:8]}{suffix}"


def _table(
    connection: Connection,
    target: Target,
    columns: Columns,
    once: Once = NEVER,
    suffix: str = "",
) -> Table:
    from sqlalchemy import Column, MetaData, Table
    from sqlalchemy.sql import quoted_name

    name = draft_of(target.table, suffix) if suffix else target.table
    return Table(
        quoted_name(name, True),
        MetaData(),
        *(Column(quoted_name(one, True), _types()[kind]) for one, kind in columns.items()),
        schema=quoted_name(target.schema, True) if target.schema else None,
        comment=_bears(once),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
        mariadb_charset="utf8mb4",
        mariadb_engine="InnoDB",
    )


def _types() -> dict[str, TypeEngine[Any]]:
    from sqlalchemy import types
    from sqlalchemy.dialects import mysql

    families = ("mysql", "mariadb")
    return {
        "text": types.Text().with_variant(mysql.LONGTEXT(), *families),
        "integer": types.BigInteger(),
        # SQLite would make an inexact number of it
        "decimal": types.Numeric(38, 0).with_variant(types.Text(), "sqlite"),
        "number": types.Double(),
        "boolean": types.Boolean(),
        "date": types.Date(),
        "datetime": types.DateTime().with_variant(mysql.DATETIME(fsp=6), *families),
    }

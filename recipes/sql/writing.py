"""A table that a job writes: made, emptied or added to, whole or not at all.

PostgreSQL and SQLite take back all that was not committed. MySQL commits a table as soon as it is
made: there the rows go into one of another name, which takes the place of the old one in one step.
Only a table that bears MADE is ever dropped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recipes.sql.access import Trouble
from recipes.sql.browsing import known_schema
from recipes.sql.dialects import dialect

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table
    from sqlalchemy.types import TypeEngine

MODES = ("create", "replace", "append")
DRAFT, BEFORE = "_trackside_new", "_trackside_old"  # what MySQL's tables are called meanwhile
MADE = "Made by Trackside"  # the comment of a table that is ours
NAMED = 5  # columns in a sentence
Columns = Mapping[str, str]  # name: text, integer, decimal, number, boolean, date or datetime
# The Python type of a database's column that takes values of ours: the first is what we make.
# SQLite's NUMERIC and MySQL's TINYINT(1) tell by themselves; of JSON or an address it is `object`.
FITS: dict[str, tuple[str, ...]] = {
    "text": ("str",),
    "integer": ("int", "Decimal", "float"),
    "decimal": ("Decimal", "str"),
    "number": ("float", "Decimal"),
    "boolean": ("bool", "int"),
    "date": ("date", "datetime"),
    "datetime": ("datetime",),
}


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where the rows go. Raises Trouble for a mode or a name that there is not."""

    table: str
    schema: str = ""
    mode: str = "create"

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise Trouble(f"A table is written by {', '.join(MODES)}, not by {self.mode!r}.")
        if not self.table.strip() or "\0" in self.table:
            raise Trouble("The table has no name.")


def check(connection: Connection, target: Target, columns: Columns) -> bool:
    """Whether the table is there and takes such rows. Raises Trouble where they cannot go."""
    kind = dialect(_kind(connection))
    _check_names(kind.longest, (target.table, *columns))
    there = _there(connection, target)
    if there is None:
        return False
    if target.mode == "create":
        raise Trouble(f"There is a table {target.table!r} already. Replace it, or append to it.")
    wrong = _differences(there, columns)
    if wrong and target.mode == "append":
        more = f"; and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        said = "; ".join(wrong[:NAMED]) + more
        raise Trouble(f"The rows do not fit the table {target.table!r}: {said}.")
    same = not wrong and {one["name"] for one in there} == {*columns}
    if engine := "" if kind.undoes else _keeps_halves(connection, target):
        if target.mode == "append":
            said = f"{engine} keeps {target.table!r} and takes nothing back: make it InnoDB."
            raise Trouble(f"The rows could be written by half. {said}")
        same = False
    if target.mode == "replace" and not same:
        _check_ours(connection, target)
    return same or target.mode == "append"


def _check_names(longest: int, names: Iterable[str]) -> None:
    for name in names:
        if len(name.encode()) > longest:
            said = f"{name[:40]!r} has more than the {longest} bytes that a name has there."
            raise Trouble(f"The database cannot take the rows: {said}")


def _check_ours(connection: Connection, target: Target) -> None:
    if not _ours(connection, target, target.table):
        raise Trouble(
            f"{target.table!r} was not made by Trackside and would be made anew: it is not "
            "replaced. Name another table, or append to it."
        )


def write(
    connection: Connection,
    target: Target,
    columns: Columns,
    rows: Iterable[list[tuple[Any, ...]]],
) -> None:
    """All rows, in the order of `columns`; nothing of them is there unless the caller commits."""
    kind = dialect(_kind(connection))
    fits = check(connection, target, columns)
    table = _table(connection, target, columns)
    if fits:
        if target.mode == "replace":
            connection.execute(table.delete())
        for some in rows:
            kind.insert(connection, table, some)
        return
    made = table if kind.undoes else _table(connection, target, columns, DRAFT)
    if target.mode == "replace" or made is not table:
        _drop(connection, target, made)
    _make(connection, made)
    for some in rows:
        kind.insert(connection, made, some)
    if made is not table:
        connection.commit()
        _exchange(connection, target, made, table)


def _exchange(connection: Connection, target: Target, made: Table, table: Table) -> None:
    """The draft becomes the table in one step, and what it was goes."""
    quote = connection.dialect.identifier_preparer
    new, now = quote.format_table(made), quote.format_table(table)
    if target.mode == "create" or _there(connection, target) is None:
        connection.exec_driver_sql(f"RENAME TABLE {new} TO {now}")  # refused where there is one
        return
    before = _table(connection, target, {}, BEFORE)
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
    connection.exec_driver_sql(f"{said.removesuffix(')')} /* {MADE} */)")


def _drop(connection: Connection, target: Target, table: Table) -> None:
    """If it is there. Raises Trouble where it is somebody else's."""
    import sqlalchemy

    if not sqlalchemy.inspect(connection).has_table(table.name, target.schema or None):
        return
    if not _ours(connection, target, table.name):
        raise Trouble(f"There is a table {table.name!r} that Trackside did not make: rename it.")
    table.drop(connection)


def _ours(connection: Connection, target: Target, name: str) -> bool:
    """Whether a table that is there was made here."""
    import sqlalchemy

    if connection.dialect.supports_comments:
        told = sqlalchemy.inspect(connection).get_table_comment(name, target.schema or None)
        return told["text"] == MADE
    said = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
    made = str(connection.exec_driver_sql(said, (name,)).scalar() or "")
    return made.endswith(f"/* {MADE} */)")


def draft_of(table: str, suffix: str = DRAFT) -> str:
    """Its name meanwhile: two tables whose names begin alike have two."""
    return f"{table[:30]}_{hashlib.sha256(table.encode()).hexdigest()[:8]}{suffix}"


def _kind(connection: Connection) -> str:
    return connection.dialect.name.replace("mariadb", "mysql")


def _there(connection: Connection, target: Target) -> list[dict[str, Any]] | None:
    """The columns of the table as the catalogue has them; None where there is none."""
    import sqlalchemy

    look = sqlalchemy.inspect(connection)
    schema = known_schema(connection, target.schema)
    if target.table in look.get_view_names(schema):
        raise Trouble(f"{target.table!r} is a view: rows are written to tables.")
    if target.table not in look.get_table_names(schema):
        return None
    return [dict(one) for one in look.get_columns(target.table, schema)]


def _keeps_halves(connection: Connection, target: Target) -> str:
    """The engine of a table in MySQL, if it knows no transactions."""
    import sqlalchemy

    look = sqlalchemy.inspect(connection)
    told = look.get_table_options(target.table, target.schema or None)
    engine = next((str(told[name]) for name in told if name.endswith("_engine")), "")
    return "" if engine.lower() == "innodb" else engine


def _differences(there: list[dict[str, Any]], columns: Columns) -> list[str]:
    known = {one["name"]: one for one in there}
    wrong = [f"it has no column {name!r}" for name in columns if name not in known]
    wrong += [
        f"its column {name!r} needs a value"
        for name, one in known.items()
        if name not in columns and not one.get("nullable", True) and one.get("default") is None
        and one.get("autoincrement") is not True
    ]  # fmt: skip
    for name, kind in columns.items():
        if name in known and known[name]["type"].python_type.__name__ not in FITS[kind]:
            wrong.append(f"{name!r} is {known[name]['type']!s} there and {kind} here")
    return wrong


def _table(connection: Connection, target: Target, columns: Columns, suffix: str = "") -> Table:
    from sqlalchemy import Column, MetaData, Table
    from sqlalchemy.sql import quoted_name

    name = draft_of(target.table, suffix) if suffix else target.table
    return Table(
        quoted_name(name, True),
        MetaData(),
        *(Column(quoted_name(one, True), _types()[kind]) for one, kind in columns.items()),
        schema=quoted_name(target.schema, True) if target.schema else None,
        comment=MADE,
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

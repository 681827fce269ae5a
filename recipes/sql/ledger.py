"""Which jobs have written their rows: a small table of ours beside theirs.

A job that is lost between its commit and its end is tried again. Its line here came with its rows,
in one transaction, so the second attempt knows that they are there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from recipes.sql import dialects
from recipes.sql.access import Access, Trouble
from recipes.sql.opening import opened

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

NAME = "trackside_written"
MEANS = (
    "Should this job's machine be lost in the moment after its rows are written, it runs once "
    f"more and may write them twice: what would keep that away is the table {NAME!r}"
)


@dataclass(frozen=True)
class Once:
    """What is the same in all attempts of one job, and in no other job: `mark`, "" for nothing.

    `kept`: there is a ledger that this user may write to.
    """

    mark: str = ""
    kept: bool = False


class Written(Exception):
    """Another attempt of the job was quicker: nothing of this one may stay."""


def prepared(access: Access, schema: str) -> str:
    """Make the ledger where there is none. A sentence where there can be none, else ""."""
    said = ""
    for _ in range(2):  # jobs that make it at once: to the second one it is there
        try:
            if _usable(access, schema):
                return ""
            with opened(access, write=True) as connection:
                _table(connection, schema).create(connection)
            return ""
        except Trouble as trouble:
            said = str(trouble)
    return f"{MEANS}, which cannot be used. {said}"


def _usable(access: Access, schema: str) -> bool:
    """False where it is not there. Raises Trouble where nothing can be written to it."""
    with opened(access) as connection:
        if not _there(connection, schema):
            return False
    if dialects.dialect(access.kind).grants:
        with opened(access, write=True) as connection:
            table = _table(connection, schema)
            nothing = table.select().where(table.c.job.is_(None))
            connection.execute(table.insert().from_select(list(table.c.keys()), nothing))
    return True


def possible(connection: Connection, schema: str) -> bool:
    """Whether there is a ledger or the user may make one; True where that cannot be told."""
    from sqlalchemy.exc import SQLAlchemyError

    named = schema or connection.dialect.default_schema_name
    asks = dialects.of(connection).makes
    if not asks or _there(connection, schema):
        return True
    try:
        return bool(connection.exec_driver_sql(asks, (named,)).scalar())
    except SQLAlchemyError:  # what speaks like one of them need not have its catalogue
        return True


def has(connection: Connection, schema: str, once: Once) -> bool:
    """Whether the rows of this job were written."""
    if not once.kept or not _there(connection, schema):
        return False
    table = _table(connection, schema)
    found = connection.execute(table.select().where(table.c.job == once.mark))
    return found.first() is not None


def put(connection: Connection, schema: str, once: Once, written: str) -> None:
    """To be committed with the rows. Raises Written where another attempt has done so meanwhile."""
    from sqlalchemy.exc import IntegrityError

    if not once.kept:
        return
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    line = {"job": once.mark, "written_table": written[:255], "written_at": now}
    try:
        connection.execute(_table(connection, schema).insert(), line)
    except IntegrityError:
        raise Written from None


def taken(connection: Connection, schema: str, once: Once) -> bool:
    """Whether another line stands in the place of this job's, which a transaction that has put it
    decides: it is waited for. Nothing stays."""
    try:
        put(connection, schema, once, "")
    except Written:
        connection.rollback()
        return has(connection, schema, once)
    connection.rollback()
    return False


def _there(connection: Connection, schema: str) -> bool:
    import sqlalchemy

    return NAME in sqlalchemy.inspect(connection).get_table_names(schema or None)


def _table(connection: Connection, schema: str) -> Table:
    from sqlalchemy import Column, MetaData, Table, types
    from sqlalchemy.sql import quoted_name

    return Table(
        NAME,
        MetaData(),
        Column("job", types.String(64), primary_key=True),
        Column("written_table", types.String(255), nullable=False),
        Column("written_at", types.DateTime(), nullable=False),
        schema=quoted_name(schema, True) if schema else None,
        comment="Which jobs of Trackside have written their rows: lines of past days may go",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
        mariadb_charset="utf8mb4",
        mariadb_engine="InnoDB",
    )

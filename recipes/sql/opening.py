"""The only place that connects to a database that is not the platform's own."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from recipes.sql.access import READS, Access, Trouble
from recipes.sql.dialects import Dialect, dialect

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

LONGEST = 300  # characters of the database's own words


@contextmanager
def opened(
    access: Access, *, seconds: float | None = None, write: bool = False
) -> Iterator[Connection]:
    """A connection in one transaction: it reads alone, or is committed at the end where it writes.

    `seconds` limits each statement. All that the database says against it raises Trouble.
    """
    import sqlalchemy
    from sqlalchemy.pool import NullPool

    kind = dialect(access.kind)
    if write and not access.writable:
        raise Trouble("The connection is for reading alone: an administrator can change that.")
    engine = sqlalchemy.create_engine(
        kind.url, creator=lambda: kind.connect(access, seconds, write), poolclass=NullPool
    )
    with _told(kind, access):
        connection = _connected(engine, access)
        info = connection.info
        try:
            kind.begin(connection, seconds, write)
            yield connection
            if write:
                connection.commit()
        except BaseException:
            connection.invalidate()  # what is under way there ends with it
            raise
        finally:
            connection.close()
            if cursor := info.pop(READS, None):
                cursor.close()


def _connected(engine: Engine, access: Access) -> Connection:
    """Drivers stumble in their own ways over what is no database."""
    try:
        return engine.connect()
    except (OSError, ValueError, LookupError, RuntimeError, AssertionError, struct.error):
        raise Trouble(f"What answers at {access.place} does not speak as a database.") from None


@contextmanager
def _told(kind: Dialect, access: Access) -> Iterator[None]:
    """Errors of driver and database as sentences; never with what was sent."""
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    try:
        yield
    except DBAPIError as error:
        raise Trouble(_sentence(kind, error.orig or error, access)) from None
    except SQLAlchemyError as error:
        raise Trouble(f"The database cannot be used: {type(error).__name__}.") from None
    except Exception as error:
        if type(error).__module__.split(".")[0] in ("psycopg", "pymysql", "sqlite3"):
            raise Trouble(_sentence(kind, error, access)) from None
        raise


def _sentence(kind: Dialect, error: BaseException, access: Access) -> str:
    if sentence := kind.sentence(error, access):
        return sentence
    words = error.args[-1] if error.args else error
    first = next((one for one in str(words).splitlines() if one.strip()), type(error).__name__)
    said = first.strip()[:LONGEST].rstrip(".")
    if access.password:
        said = said.replace(access.password, "***")
    return f"The database says: {said}."

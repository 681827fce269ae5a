"""The only place that connects to a database that is not the platform's own.

Call from a process that may be lost: `look.py` and the jobs are such.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING

from recipes.sql.access import READS, SECONDS, Access, Trouble
from recipes.sql.dialects import Dialect, dialect

if TYPE_CHECKING:
    from sqlalchemy import Connection

LONGEST = 300  # characters of the database's own words
DRIVERS = ("psycopg", "psycopg_binary", "pymysql", "sqlite3", "sqlalchemy")
# How they stumble over what is no database, or no text
STUMBLES = (
    *(OSError, ValueError, LookupError, ArithmeticError, RuntimeError, AssertionError),
    *(TypeError, AttributeError, struct.error),
)


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
    with _told(kind, access, reached=False):
        connection = engine.connect()
    with _told(kind, access):
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


def end(access: Access, session: int) -> None:
    """What this user asks there by another connection; without SQLAlchemy, which takes a while."""
    with suppress(Exception):
        line = dialect(access.kind).connect(access, SECONDS, False)
        with line, line.cursor() as cursor:
            cursor.execute(f"KILL {int(session)}")


@contextmanager
def _told(kind: Dialect, access: Access, reached: bool = True) -> Iterator[None]:
    """Errors of driver and database as sentences; never with what was sent."""
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    try:
        yield
    except Trouble:
        raise
    except DBAPIError as error:
        raise Trouble(_sentence(kind, error.orig or error, access, reached)) from None
    except SQLAlchemyError as error:
        raise Trouble(f"The database cannot be used: {type(error).__name__}.") from None
    except Exception as error:
        if type(error).__module__.split(".")[0] in DRIVERS:
            raise Trouble(_sentence(kind, error, access, reached)) from None
        if isinstance(error, STUMBLES) and _in_a_driver(error.__traceback__):
            raise Trouble(f"What answers at {access.place} does not speak as a database.") from None
        raise


def _in_a_driver(at: TracebackType | None) -> bool:
    """Whether it happened to one of them, and not to who uses the connection."""
    while at:
        if at.tb_frame.f_globals.get("__name__", "").split(".")[0] in DRIVERS:
            return True
        at = at.tb_next
    return False


def _sentence(kind: Dialect, error: BaseException, access: Access, reached: bool) -> str:
    if sentence := kind.sentence(error, access):
        return access.veiled(sentence)
    if access.called and not reached:
        return f"{access.called} cannot be reached: when an administrator tests it, it says why."
    words = error.args[-1] if error.args else error
    first = next((one for one in str(words).splitlines() if one.strip()), type(error).__name__)
    said = first.strip()[:LONGEST].rstrip(".")
    if access.password:
        said = said.replace(access.password, "***")
    return access.veiled(f"The database says: {said}.")

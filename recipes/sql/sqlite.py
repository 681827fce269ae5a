"""SQLite, by Python's own module. It has no types of columns, only of values: they are looked at
once more before they are read."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from recipes.sql import own_files
from recipes.sql.access import SECONDS, Access
from recipes.sql.values import DAYS, Field, Statement, by_bytes, digits, text

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

LOOKED = 5_000  # rows at once, at most
VALUE = 64 << 20  # bytes of one value, also on the way to it
WAITS = 60  # seconds that who writes waits for others
CATALOGUE = (  # the pragmas that only tell
    *("database_list", "table_list", "table_info", "table_xinfo", "foreign_key_list"),
    *("index_list", "index_info", "index_xinfo"),
)
STEPS = 10_000  # of its machine, between two looks at the clock


class SQLite:
    url = "sqlite://"
    longest = 1_000
    undoes = True
    holds_up = False
    grants = False
    columns = ""
    makes = ""
    powers = ""

    def connect(self, access: Access, seconds: float | None, write: bool) -> Any:
        import sqlite3

        place = f"file:{quote(access.database)}?mode={'rw' if write else 'ro'}"
        with own_files.checked(access):
            raw = sqlite3.connect(
                place, uri=True, timeout=WAITS if write else SECONDS, isolation_level=None
            )
            raw.text_factory = lambda read: read.decode("utf-8", "replace")
            raw.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, VALUE)
            if seconds:
                until = time.monotonic() + seconds
                raw.set_progress_handler(lambda: int(time.monotonic() > until), STEPS)
            raw.execute("SELECT count(*) FROM sqlite_master").fetchall()  # opens its journal too
        return raw

    def begin(self, connection: Connection, seconds: float | None, write: bool) -> None:
        if not write:
            connection.exec_driver_sql("PRAGMA query_only = ON")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
        if not write:
            raw: Any = connection.connection.driver_connection
            raw.set_authorizer(_allowed)

    def read(self, connection: Connection, said: Statement, most: int | None) -> Any:
        raw: Any = connection.connection.driver_connection
        fields = _looked(raw, said, most)
        cursor = raw.execute(said.sql)
        left = [most]

        def batch(size: int) -> list[tuple[Any, ...]]:
            wanted = size if left[0] is None else min(size, left[0])
            rows = cursor.fetchmany(wanted) if wanted else []
            left[0] = None if left[0] is None else left[0] - len(rows)
            return list(rows)

        return fields, batch, {}

    def session(self, connection: Connection) -> int:
        return 0

    def insert(self, connection: Connection, table: Table, rows: list[tuple[Any, ...]]) -> None:
        names = [one.name for one in table.columns]
        values = [[str(one) if isinstance(one, Decimal) else one for one in row] for row in rows]
        connection.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in values])

    def alone(self, connection: Connection, name: str, seconds: int) -> bool:
        return True  # who writes is alone with the file

    def sentence(self, error: BaseException, access: Access) -> str:
        for words, sentence in (
            ("unable to open database file", own_files.absent(access)),
            ("file is not a database", f"{access.place} is no SQLite database."),
            ("not authorized", "Only reading is allowed here."),
            ("readonly database", f"{access.place} may only be read."),
            ("database is locked", f"{access.place} is being written to. Try again."),
            ("string or blob too big", f"A value has more than {VALUE >> 20} MB: it is no table."),
            ("interrupted", "The database took too long to answer."),
        ):  # fmt: skip
            if words in str(error):
                return sentence
        return ""

    def hidden(self, schema: str) -> bool:
        return schema == "temp"


def _looked(raw: Any, said: Statement, most: int | None) -> list[Field]:
    """The columns by what all their values are."""
    cursor = raw.execute(said.sql)
    names = [one[0] for one in cursor.description or ()]
    kinds: list[set[type]] = [set() for _ in names]
    bits: list[bool] = [True] * len(names)
    seen = 0
    for rows in by_bytes(cursor.fetchmany, LOOKED):
        seen += len(rows)
        for place, column in enumerate(zip(*rows, strict=True)):
            kinds[place] |= set(map(type, column))
            bits[place] = bits[place] and set(column) <= {None, 0, 1}
        if most is not None and seen >= most:
            break
    cursor.close()
    declared = [*said.declared, *[""] * len(names)]
    return [
        _field(name, kind - {type(None)}, declared[place].upper(), bits[place])
        for place, (name, kind) in enumerate(zip(names, kinds, strict=True))
    ]


def _field(name: str, kinds: set[type], declared: str, bits: bool) -> Field:
    if kinds == {int}:
        return Field(name, "boolean" if bits and declared.startswith("BOOL") else "integer")
    if kinds and kinds <= {int, float}:
        return Field(name, "number")
    if kinds == {str}:  # its dates are text
        exact = declared.startswith(("NUMERIC", "DECIMAL"))
        return digits(name) if exact else Field(name, "text", DAYS)
    return text(name)


def _allowed(action: int, first: str | None, *_: str | None) -> int:
    """Reading, and what the catalogue is read with: no ATTACH, no setting, no other file."""
    import sqlite3

    reads = (
        sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_RECURSIVE, sqlite3.SQLITE_TRANSACTION,
    )  # fmt: skip
    catalogue = action == sqlite3.SQLITE_PRAGMA and (first or "").lower() in CATALOGUE
    return sqlite3.SQLITE_OK if action in reads or catalogue else sqlite3.SQLITE_DENY

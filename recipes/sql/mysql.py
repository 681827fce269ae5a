"""MySQL and MariaDB, by PyMySQL."""

from __future__ import annotations

import hashlib
import ssl
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from recipes.sql.access import SECONDS, Access
from recipes.sql.values import Field, Statement, digits, text

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

WHOLE = (1, 2, 3, 9, 13)  # tiny, small, int, medium, year
BIG, BIT, HOURS = 8, 16, 11
DECIMALS, FLOATS = (0, 246), (4, 5)
DATES, TIMES = (10, 14), (7, 12, 17, 18)
UNSIGNED = 32
SILENT = 120  # seconds that who writes may say nothing
INFINITE = (float("inf"), float("-inf"))  # which it cannot hold: missing
NO_DAY = "is no day of the calendar and is missing"
OWN = ("information_schema", "performance_schema", "mysql", "sys")
SENTENCES = {  # by the server's numbers, and PyMySQL's
    1044: "The user may not use the database {database!r}.",
    1045: "{place} refuses user or password.",
    1049: "{place} has no database {database!r}.",
    1205: "Others use the table. Try again when they are done.",
    1792: "Only reading is allowed here: the query would write.",
    2061: "{place} asks for the password itself. Choose that TLS is required, better verified.",
    1969: "The database took too long to answer.",
    3024: "The database took too long to answer.",
}
POWERS = """
SELECT privilege_type FROM information_schema.user_privileges
WHERE REPLACE(grantee, '''', '') = CURRENT_USER() AND privilege_type IN
('FILE', 'SUPER', 'PROCESS', 'SHUTDOWN', 'CREATE USER', 'REPLICATION SLAVE')
"""
# SQLAlchemy asks how a view is made, which who may read it need not be told
COLUMNS = """
SELECT table_name, column_name, column_type, is_nullable = 'YES' FROM information_schema.columns
WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position
"""
# By a role it may, as far as is known
MAKES = """
SELECT count(*) > 0 FROM (
SELECT grantee, privilege_type FROM information_schema.user_privileges UNION ALL
SELECT grantee, privilege_type FROM information_schema.schema_privileges WHERE %s LIKE table_schema
UNION ALL SELECT CURRENT_USER(), 'CREATE' FROM information_schema.applicable_roles
) AS known WHERE privilege_type = 'CREATE' AND REPLACE(grantee, '''', '') = CURRENT_USER()
"""


class MySQL:
    url = "mysql+pymysql://"
    longest = 64
    undoes = False
    holds_up = False
    grants = True
    columns = COLUMNS
    makes = MAKES
    powers = POWERS

    def connect(self, access: Access, seconds: float | None, write: bool) -> Any:
        import pymysql

        from recipes.sql import mysql_login

        socket = access.host if access.host.startswith("/") else None
        careful = access.ssl in ("disable", "prefer") and socket is None
        connect: Any = mysql_login.connect if careful else pymysql.connect
        return connect(
            host="localhost" if socket else access.host,
            unix_socket=socket,
            port=access.port or 3306,
            database=access.database or None,
            user=access.user or None,
            password=access.password.encode(),
            charset="utf8mb4",
            connect_timeout=SECONDS,
            read_timeout=seconds and seconds + SECONDS,
            local_infile=False,
            sql_mode="STRICT_ALL_TABLES",  # quotes and backslashes mean what one_select.py thinks
            ssl_disabled=access.ssl == "disable" or socket is not None,
            ssl=None if socket else _encryption(access.ssl),
        )

    def begin(self, connection: Connection, seconds: float | None, write: bool) -> None:
        connection.exec_driver_sql("SET SESSION time_zone = '+00:00'")
        connection.exec_driver_sql("SET SESSION net_write_timeout = 3600")  # a slow reader
        connection.exec_driver_sql("SET SESSION lock_wait_timeout = 60")
        if write:  # a machine that is lost in between holds up nobody for long
            connection.exec_driver_sql(f"SET SESSION wait_timeout = {SILENT}")
            connection.exec_driver_sql(f"SET SESSION innodb_lock_wait_timeout = {SILENT + 30}")
        else:
            if seconds:  # the driver would stop waiting, and the server go on
                connection.exec_driver_sql(f"SET SESSION {_limit(connection, seconds)}")
            connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
            connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    def read(self, connection: Connection, said: Statement, most: int | None) -> Any:
        """A cursor of the server. The driver takes one statement: it never asks for more."""
        from pymysql.cursors import SSCursor

        if most is not None:  # else closing the cursor would fetch the rest
            connection.exec_driver_sql(f"SET SESSION sql_select_limit = {int(most)}")
        lost: dict[str, int] = {}
        raw: Any = connection.connection.driver_connection
        cursor = raw.cursor(SSCursor)
        cursor.execute(said.sql, said.values)
        told = cursor._result.fields if cursor._result and cursor.description else ()
        fields = [_field(one) for one in told]
        hours = [place for place, one in enumerate(told) if one.type_code == HOURS]
        days = [place for place, one in enumerate(told) if one.type_code in (*DATES, *TIMES)]
        bits = [place for place, one in enumerate(told) if one.type_code == BIT]
        left = [most]

        def batch(size: int) -> list[tuple[Any, ...]]:
            wanted = size if left[0] is None else min(size, left[0])
            rows: list[tuple[Any, ...]] = list(cursor.fetchmany(wanted)) if wanted else []
            left[0] = None if left[0] is None else left[0] - len(rows)
            if not (days or bits or hours):
                return rows
            return [_mended(row, days, bits, hours, lost) for row in rows]

        return fields, batch, lost

    def session(self, connection: Connection) -> int:
        return int(connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar() or 0)

    def insert(self, connection: Connection, table: Table, rows: list[tuple[Any, ...]]) -> None:
        values = [[None if one in INFINITE else one for one in row] for row in rows]
        names = [one.name for one in table.columns]
        connection.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in values])

    def alone(self, connection: Connection, name: str, seconds: int) -> bool:
        said = "SELECT GET_LOCK(%s, %s)"  # of the session: a server frees it when that is lost
        held = connection.exec_driver_sql(said, (_short(name), seconds)).scalar() == 1
        connection.commit()  # what others have committed by then is to be seen
        return held

    def sentence(self, error: BaseException, access: Access) -> str:
        number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        if number in SENTENCES:
            return SENTENCES[number].format(place=access.place, database=access.database)
        said = str(error)
        for words, sentence in (
            ("Name or service not known", f"There is no host {access.host!r}."),
            ("No address associated", f"There is no host {access.host!r}."),
            ("Temporary failure in name resolution", f"There is no host {access.host!r}."),
            ("Connection refused", f"Nothing listens at {access.place}."),
            ("No such file or directory", f"Nothing listens at {access.place}."),
            ("certificate", f"The certificate of {access.place} cannot be trusted."),
            ("SSL", f"{access.place} has no encryption: TLS was asked for."),
            ("timed out", f"{access.place} does not answer."),
        ):
            if words in said:
                return sentence
        return ""

    def hidden(self, schema: str) -> bool:
        return schema.lower() in OWN


def _short(name: str) -> str:
    """A lock's name has 64 characters."""
    return f"trackside:{hashlib.sha256(name.encode()).hexdigest()[:40]}"


def _limit(connection: Connection, seconds: float) -> str:
    if getattr(connection.dialect, "is_mariadb", False):
        return f"max_statement_time = {seconds}"
    return f"max_execution_time = {int(seconds * 1000)}"


def _encryption(mode: str) -> ssl.SSLContext | None:
    if mode == "verify":
        return ssl.create_default_context()
    if mode == "require":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context
    return None


def _field(one: Any) -> Field:
    name, code = str(one.name), one.type_code
    if code in WHOLE or (code == BIG and not one.flags & UNSIGNED):
        return Field(name, "integer")
    if code in FLOATS:
        return Field(name, "number")
    if code in DATES or code in TIMES:
        return Field(name, "date" if code in DATES else "datetime")
    if code == BIT:
        return Field(name, "boolean" if one.length == 1 else "integer")
    return digits(name) if code in (*DECIMALS, BIG) else text(name)


def _mended(
    row: tuple[Any, ...],
    days: list[int],
    bits: list[int],
    hours: list[int],
    lost: dict[str, int],
) -> tuple[Any, ...]:
    """Days like 0000-00-00, which the driver leaves as text, are missing; bits are numbers; hours,
    which may be hundreds or below zero, stand as the database writes them."""
    values = list(row)
    for place in days:
        if values[place] is not None and not isinstance(values[place], date | datetime):
            values[place] = None
            lost[NO_DAY] = lost.get(NO_DAY, 0) + 1
    for place in bits:
        if isinstance(values[place], bytes):
            values[place] = int.from_bytes(values[place])
    for place in hours:
        if isinstance(values[place], timedelta):
            values[place] = _clock(values[place])
    return tuple(values)


def _clock(time: timedelta) -> str:
    """-838:59:59.000001, as the server would."""
    whole, minus = (-time, "-") if time < timedelta(0) else (time, "")
    minutes, seconds = divmod(whole.days * 86_400 + whole.seconds, 60)
    parts = f".{whole.microseconds:06d}" if whole.microseconds else ""
    return f"{minus}{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}{parts}"

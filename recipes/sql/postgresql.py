"""PostgreSQL, by psycopg."""

from __future__ import annotations

import hashlib
import ssl
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recipes.sql.access import READS, SECONDS, Access
from recipes.sql.values import Field, Statement, digits, text

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

TYPES = {  # by pg_type's numbers, which never change
    16: "boolean",
    **dict.fromkeys((20, 21, 23, 26), "integer"),
    **dict.fromkeys((700, 701), "number"),
    1082: "date",
    1114: "datetime",
    1184: "instant",
}
NUMERIC = 1700
BYTES = 17
AS_WRITTEN = (  # what Python would change, or read into objects that become text again
    *("numeric", "json", "jsonb", "interval", "time", "timetz", "inet", "cidr", "money"),
    *("int4range", "int8range", "numrange", "daterange", "tsrange", "tstzrange", "hstore"),
)
FAR = "is beyond the years 1 to 9999 and is missing"
KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
LOCKS = "SET LOCAL lock_timeout = '60s'"
# The server ends what was asked by a process or a machine that is gone; each where it knows it.
LISTENS = """
SELECT set_config(name, wanted, true) FROM pg_settings JOIN (VALUES
('client_connection_check_interval', '5000'), ('tcp_keepalives_idle', '15'),
('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '3'), ('tcp_user_timeout', '30000')
) AS ours (name, wanted) USING (name)
"""
POWERS = """
WITH me AS (SELECT * FROM pg_roles WHERE rolname = current_user)
SELECT 'superuser' FROM me WHERE rolsuper
UNION ALL SELECT 'replication' FROM me WHERE rolreplication AND NOT rolsuper
UNION ALL SELECT other.rolname FROM me, pg_roles other WHERE NOT me.rolsuper
AND other.rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program',
'pg_signal_backend', 'pg_monitor') AND pg_has_role(me.oid, other.oid, 'MEMBER')
"""


class PostgreSQL:
    url = "postgresql+psycopg://"
    longest = 63
    undoes = True
    holds_up = True
    grants = True
    columns = ""
    makes = "SELECT has_schema_privilege(%s, 'CREATE')"
    powers = POWERS

    def connect(self, access: Access, seconds: float | None, write: bool) -> Any:
        import psycopg

        wanted: dict[str, Any] = {"sslmode": {"verify": "verify-full"}.get(access.ssl, access.ssl)}
        if access.ssl in ("disable", "prefer") and not access.host.startswith("/"):
            wanted["require_auth"] = "!password"  # whoever answers gets it hashed, or not at all
        if not access.password:
            wanted["require_auth"] = "none"  # else PGPASSWORD of this process would be sent
        if access.ssl == "verify":
            file = ssl.get_default_verify_paths().cafile
            wanted["sslrootcert"] = file if file and Path(file).exists() else "system"
        return psycopg.connect(
            host=access.host or None,
            port=access.port or None,
            dbname=access.database or None,
            user=access.user or None,
            password=access.password or None,
            connect_timeout=SECONDS,
            application_name="trackside",
            passfile="/dev/null/none",  # neither a password nor a key out of a home folder
            sslcertmode="disable",
            gssencmode="disable",
            **{**KEEPALIVE, **wanted},
        )

    def begin(self, connection: Connection, seconds: float | None, write: bool) -> None:
        from sqlalchemy.exc import DBAPIError

        way = "READ WRITE" if write else "ISOLATION LEVEL REPEATABLE READ, READ ONLY"
        connection.exec_driver_sql(f"SET TRANSACTION {way}")
        connection.exec_driver_sql(LOCKS)
        connection.exec_driver_sql("SET LOCAL TIME ZONE 'UTC'")
        connection.exec_driver_sql("SET LOCAL datestyle TO 'ISO'")
        limit = int((seconds or 0) * 1000)
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {limit}")
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        with suppress(DBAPIError), connection.begin_nested():
            connection.exec_driver_sql(LISTENS)

    def read(self, connection: Connection, said: Statement, most: int | None) -> Any:
        """A cursor of the server. It takes one statement: psycopg declares it by the extended
        protocol, which refuses several."""
        lost: dict[str, int] = {}
        cursor: Any = connection.connection.driver_connection.cursor(name="trackside")  # type: ignore[union-attr]
        connection.info[READS] = cursor  # `opened` closes it
        _load(cursor, lost)
        cursor.execute(said.sql, said.values)
        left = [most]

        def batch(size: int) -> list[tuple[Any, ...]]:
            wanted = size if left[0] is None else min(size, left[0])
            rows: list[tuple[Any, ...]] = cursor.fetchmany(wanted) if wanted else []
            left[0] = None if left[0] is None else left[0] - len(rows)
            return rows

        return [_field(one) for one in cursor.description or ()], batch, lost

    def session(self, connection: Connection) -> int:
        return 0  # its server looks whether somebody listens

    def insert(self, connection: Connection, table: Table, rows: list[tuple[Any, ...]]) -> None:
        quote = connection.dialect.identifier_preparer
        names = ", ".join(quote.quote_identifier(one.name) for one in table.columns)
        said = f"COPY {quote.format_table(table)} ({names}) FROM STDIN".replace("%%", "%")
        raw: Any = connection.connection.driver_connection
        with raw.cursor() as cursor, cursor.copy(said) as copy:
            for row in rows:
                copy.write_row(row)

    def alone(self, connection: Connection, name: str, seconds: int) -> bool:
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        if not seconds:
            said = f"SELECT pg_try_advisory_xact_lock({key})"
            return bool(connection.exec_driver_sql(said).scalar())
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{seconds}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({key})")
        connection.exec_driver_sql(LOCKS)
        return True

    def sentence(self, error: BaseException, access: Access) -> str:
        said = str(error)
        for words, sentence in (
            ("password authentication failed", f"{access.place} refuses user or password."),
            ("no password supplied", f"{access.place} asks for a password."),
            ("no pg_hba.conf entry", f"{access.place} lets no such user in from here."),
            ('requirement "none" failed', f"{access.place} asks for a password."),
            (
                "authentication method requirement",
                f"{access.place} wants the password in the clear:"
                " choose that the line is always encrypted.",
            ),
            ("does not exist", _absent(said, access)),
            ("could not translate host name", f"There is no host {access.host!r}."),
            ("failed to resolve host", f"There is no host {access.host!r}."),
            ("Connection refused", f"Nothing listens at {access.place}."),
            ("No such file or directory", f"Nothing listens at {access.place}."),
            ("timeout expired", f"{access.place} does not answer."),
            ("connection timeout", f"{access.place} does not answer."),
            ("invalid response to SSL", f"What listens at {access.place} is no PostgreSQL."),
            ("certificate", f"The certificate of {access.place} cannot be trusted."),
            ("does not support SSL", f"{access.place} has no encryption: TLS was asked for."),
            ("statement timeout", "The database took too long to answer."),
            ("lock timeout", "Others use the table. Try again when they are done."),
            ("read-only transaction", "Only reading is allowed here: the query would write."),
        ):
            if words in said and sentence:
                return sentence
        return ""

    def hidden(self, schema: str) -> bool:
        return schema == "information_schema" or schema.startswith("pg_")


def _absent(said: str, access: Access) -> str:
    if f'database "{access.database}"' in said:
        return f"{access.place} has no database {access.database!r}."
    if f'role "{access.user}"' in said:
        return f"{access.place} knows no user {access.user!r}."
    return ""


def _field(one: Any) -> Field:
    name, number = str(one.name), one.type_code
    if number in TYPES:
        return Field(name, TYPES[number])
    return digits(name) if number == NUMERIC else text(name)


def _load(cursor: Any, lost: dict[str, int]) -> None:
    """Values as the columns of a table take them, whatever they are."""
    import psycopg
    from psycopg.types import datetime as times
    from psycopg.types.string import TextLoader

    def lenient(loader: Any) -> Any:
        class Lenient(loader):  # type: ignore[misc]
            def load(self, data: Any) -> Any:
                try:
                    return super().load(data)
                except psycopg.DataError:
                    lost[FAR] = lost.get(FAR, 0) + 1
                    return None

        return Lenient

    for name in AS_WRITTEN:
        if cursor.adapters.types.get(name) is not None:
            cursor.adapters.register_loader(name, TextLoader)
    cursor.adapters.register_loader("date", lenient(times.DateLoader))
    cursor.adapters.register_loader("timestamp", lenient(times.TimestampLoader))
    cursor.adapters.register_loader("timestamptz", lenient(times.TimestamptzLoader))

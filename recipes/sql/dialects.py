"""The kinds of databases. A new one is a file with a class of this shape and a line in DIALECTS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from recipes.sql.access import Access, Trouble
from recipes.sql.mysql import MySQL
from recipes.sql.postgresql import PostgreSQL
from recipes.sql.sqlite import SQLite
from recipes.sql.values import Field, Statement, by_bytes

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table


@dataclass
class Rows:
    """What a statement gives, from a cursor that stays with the server: `batch(n)` fetches rows.

    `lost` counts, by a sentence, the values that no table can hold; they are None.
    """

    fields: list[Field]
    batch: Callable[[int], list[tuple[Any, ...]]]
    lost: dict[str, int] = field(default_factory=dict)

    def all(self, most: int) -> Iterator[list[tuple[Any, ...]]]:
        """`most` rows at once, and fewer where they are large."""
        return by_bytes(self.batch, most)


class Dialect(Protocol):
    """All that differs between databases."""

    url: str  # SQLAlchemy's name of dialect and driver
    longest: int  # bytes of a name
    undoes: bool  # a transaction that is not committed takes back tables that it made
    holds_up: bool  # who reads a table waits for a transaction that has dropped it
    grants: bool  # what a user may do is decided table by table
    columns: str  # a SELECT of (table, name, type, nullable) for (schema, table); "": SQLAlchemy's
    makes: str  # a SELECT of whether the user may make tables in a schema (%s); "" where each may
    powers: str  # a SELECT of what the user may do that no reading transaction holds; "" for none

    def connect(self, access: Access, seconds: float | None, write: bool) -> Any:
        """A connection of the driver."""
        ...

    def begin(self, connection: Connection, seconds: float | None, write: bool) -> None:
        """A transaction that writes nothing unless it is to; `seconds` limits each statement."""
        ...

    def read(self, connection: Connection, said: Statement, most: int | None) -> Any:
        """(fields, batch, lost) of `Rows`; `most` rows are asked for at most."""
        ...

    def session(self, connection: Connection) -> int:
        """Its number, where a query goes on although nobody waits for it any more; else 0."""
        ...

    def insert(self, connection: Connection, table: Table, rows: list[tuple[Any, ...]]) -> None:
        """Rows of all the table's columns, in their order."""
        ...

    def alone(self, connection: Connection, name: str, seconds: int) -> bool:
        """Whether nobody else has this name, by now or within the seconds; held to the end."""
        ...

    def sentence(self, error: BaseException, access: Access) -> str:
        """What went wrong; "" where the database's own words tell it best."""
        ...

    def hidden(self, schema: str) -> bool:
        """Whether it is the database's own."""
        ...


DIALECTS: dict[str, Dialect] = {
    "postgresql": PostgreSQL(),
    "mysql": MySQL(),
    "sqlite": SQLite(),
}


def dialect(kind: str) -> Dialect:
    """Raises Trouble."""
    found = DIALECTS.get(kind)
    if found is None:
        known = ", ".join(DIALECTS)
        raise Trouble(f"There are no databases of the kind {kind!r}. Known: {known}.")
    return found


def of(connection: Connection) -> Dialect:
    """Of a connection that `opened` gave."""
    return dialect(connection.dialect.name.replace("mariadb", "mysql"))


def read(connection: Connection, said: Statement, most: int | None = None) -> Rows:
    """The rows of a statement, of a connection that `opened` gave."""
    return Rows(*of(connection).read(connection, said, most))

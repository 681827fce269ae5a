"""Databases of each kind for tests: PostgreSQL and MariaDB run for real, SQLite is a file."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from recipes.job import Job, write
from recipes.kinds.import_ import run
from recipes.sql import browsing, dialects
from recipes.sql.access import Access
from recipes.sql.opening import opened
from tests import mariadb, postgres

KINDS = ("sqlite", "postgresql", "mysql")


@contextmanager
def database(kind: str, home: Path) -> Iterator[Access]:
    """An empty one; it is gone afterwards."""
    if kind == "sqlite":
        sqlite3.connect(home / "facts.db").close()
        yield Access(kind=kind, database=str(home / "facts.db"), writable=True)
    elif kind == "postgresql":
        with postgres.server() as one:
            yield Access(
                kind=kind, host=str(one.home), database="postgres", user="trackside", writable=True
            )
    else:
        with mariadb.running() as socket:
            yield Access(kind=kind, host=str(socket), database="test", user="root", writable=True)


def said(access: Access, *statements: str) -> None:
    """Run them; % means nothing in them."""
    with opened(access, write=True) as connection:
        for one in statements:
            connection.exec_driver_sql(one.replace("%", "%%") if access.kind != "sqlite" else one)


def emptied(access: Access) -> Access:
    """Without tables."""
    with opened(access, write=True) as connection:
        quote = connection.dialect.identifier_preparer.quote_identifier
        for one in browsing.tables(connection):
            connection.exec_driver_sql(f"DROP {one['kind'].upper()} {quote(one['name'])}")
    return access


def names(access: Access) -> list[str]:
    with opened(access) as connection:
        return [one["name"] for one in browsing.tables(connection)]


def rows(access: Access, **source: str) -> list[tuple[Any, ...]]:
    """All rows of a table or a query, as the columns keep them."""
    with opened(access) as connection:
        found = dialects.read(connection, browsing.rows_of(connection, source))
        return [
            tuple(field.value(value) for field, value in zip(found.fields, row, strict=True))
            for some in found.all(1000)
            for row in some
        ]


def imported(access: Access, folder: Path, source: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """The facts of an import job, as a node runs it."""
    way = folder / "way"
    folder.mkdir(parents=True)
    way.write_text(json.dumps(asdict(access)))
    job = Job(
        job=1, kind="import", spec={"kind": "table", "source": source, **spec}, access=str(way)
    )
    write(folder, job)
    run(job, folder, None)
    assert not way.exists()
    facts: dict[str, Any] = json.loads((folder / "output" / "facts.json").read_text())
    return facts

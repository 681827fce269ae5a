"""A database of a shop, as SQLite, and connections to it."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from trackside.accounts.models import User
from trackside.connections import services
from trackside.connections.models import Connection
from trackside.projects.models import Project

SECRET = "geheim-xyz-4711"
ROWS = 60


def shop(folder: Path) -> Path:
    """A table with an awkward name, a view, and 60 rows."""
    path = folder / "shop 1.db"
    with sqlite3.connect(path) as line:
        line.execute('CREATE TABLE "or ders%"(id INTEGER PRIMARY KEY, note TEXT, price REAL)')
        rows = [(n, f"<b>{n}</b>" if n % 2 else None, n / 4) for n in range(ROWS)]
        line.executemany('INSERT INTO "or ders%" VALUES (?, ?, ?)', rows)
        line.execute('CREATE VIEW cheap AS SELECT * FROM "or ders%" WHERE price < 1')
    line.close()
    return path


def to_file(admin: User, path: Path, projects: Iterable[Project] = (), **more: Any) -> Connection:
    told = {"name": "shop", "kind": "sqlite", "database": str(path), **more}
    return services.create(admin, told, projects)


def server(**more: Any) -> dict[str, Any]:
    """The fields of a connection to a server that is not there."""
    return {
        "name": "warehouse", "kind": "postgresql", "host": "127.0.0.1", "port": 1,
        "database": "shop", "user": "reader", "password": SECRET, **more,
    }  # fmt: skip

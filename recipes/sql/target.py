"""A table that a job writes to, and whether the rows can go there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recipes.sql import dialects
from recipes.sql.access import Trouble
from recipes.sql.browsing import known_schema

if TYPE_CHECKING:
    from sqlalchemy import Connection

MODES = ("create", "replace", "append")
MADE = "Made by Trackside"  # so begins the comment of a table that is ours
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
    kind = dialects.of(connection)
    _check_names(kind.longest, (target.table, *columns))
    there = columns_there(connection, target)
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
        check_ours(connection, target)
    return same or target.mode == "append"


def _check_names(longest: int, names: Iterable[str]) -> None:
    for name in names:
        if len(name.encode()) > longest:
            said = f"{name[:40]!r} has more than the {longest} bytes that a name has there."
            raise Trouble(f"The database cannot take the rows: {said}")


def check_ours(connection: Connection, target: Target) -> None:
    if not ours(connection, target, target.table):
        raise Trouble(
            f"{target.table!r} was not made by Trackside and would be made anew: it is not "
            "replaced. Name another table, or append to it."
        )


def ours(connection: Connection, target: Target, name: str) -> bool:
    """Whether there is such a table, made here."""
    return comment(connection, target, name).startswith(MADE)


def comment(connection: Connection, target: Target, name: str) -> str:
    """Of a table; "" where there is none."""
    import sqlalchemy

    look = sqlalchemy.inspect(connection)
    if name not in look.get_table_names(target.schema or None):
        return ""
    if connection.dialect.supports_comments:
        return str(look.get_table_comment(name, target.schema or None)["text"] or "")
    said = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
    made = str(connection.exec_driver_sql(said, (name,)).scalar() or "")
    return made.removesuffix(" */)").rpartition("/* ")[2] if made.endswith(" */)") else ""


def columns_there(connection: Connection, target: Target) -> list[dict[str, Any]] | None:
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

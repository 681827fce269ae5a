"""What a database holds: its schemas, tables and columns, by SQLAlchemy's inspector.

Names that reach a statement come from here alone, never as somebody typed them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from recipes.sql import dialects
from recipes.sql.access import Trouble
from recipes.sql.one_select import checked
from recipes.sql.values import Statement

if TYPE_CHECKING:
    from sqlalchemy import Connection


def schemas(connection: Connection) -> list[str]:
    """Without the database's own; the usual one first."""
    import sqlalchemy

    look = sqlalchemy.inspect(connection)
    kind = dialects.of(connection)
    found = sorted(one for one in look.get_schema_names() if not kind.hidden(one))
    usual = look.default_schema_name
    return sorted(found, key=lambda one: one != usual)


def tables(connection: Connection, schema: str = "") -> list[dict[str, str]]:
    """[{"name", "kind": table|view}] by name. Raises Trouble for an unknown schema."""
    import sqlalchemy

    look = sqlalchemy.inspect(connection)
    named = known_schema(connection, schema)
    views = [*look.get_view_names(named)]
    if connection.dialect.name == "postgresql":
        views += look.get_materialized_view_names(named)
    found = {**dict.fromkeys(look.get_table_names(named), "table"), **dict.fromkeys(views, "view")}
    return [{"name": name, "kind": found[name]} for name in sorted(found)]


def columns(connection: Connection, schema: str, table: str) -> list[dict[str, Any]]:
    """[{"name", "type": the database's word, "nullable"}]. Raises Trouble for unknown names."""
    import sqlalchemy

    look = sqlalchemy.inspect(connection)
    named = known_schema(connection, schema)
    known_table(connection, schema, table)
    if asks := dialects.of(connection).columns:
        found = connection.exec_driver_sql(asks, (named or look.default_schema_name, table))
        return [
            {"name": name, "type": type_, "nullable": bool(nullable)}
            for of, name, type_, nullable in found
            if of == table  # which its catalogue may take for another one by its case
        ]
    return [
        {
            "name": one["name"],
            "type": _word(one["type"], connection),
            "nullable": bool(one.get("nullable", True)),
        }
        for one in look.get_columns(table, named)
    ]


def powers(connection: Connection) -> list[str]:
    """What the user may do besides reading and writing tables, in the database's words."""
    from sqlalchemy.exc import SQLAlchemyError

    asks = dialects.of(connection).powers
    try:
        return [str(row[0]) for row in connection.exec_driver_sql(asks)] if asks else []
    except SQLAlchemyError:  # what speaks like one of them need not have its catalogue
        return []


def known_schema(connection: Connection, schema: str) -> str | None:
    """As the catalogue has it; None for the usual one. Raises Trouble."""
    if not schema:
        return None
    found = next((one for one in schemas(connection) if one == schema), None)
    if found is None:
        raise Trouble(f"The database has no schema {schema!r}, or the user may not see it.")
    return found


def known_table(connection: Connection, schema: str, table: str) -> str:
    """As the catalogue has it. Raises Trouble."""
    found = next((one["name"] for one in tables(connection, schema) if one["name"] == table), None)
    if found is None:
        where = f" in the schema {schema!r}" if schema else ""
        raise Trouble(f"There is no table {table!r}{where}, or the user may not see it.")
    return found


def rows_of(connection: Connection, source: Mapping[str, Any]) -> Statement:
    """The statement of a source, {"schema", "table"} or {"query"}. Raises Trouble."""
    if source.get("query"):
        kind = connection.dialect.name.replace("mariadb", "mysql")
        return Statement(checked(str(source["query"]), kind))
    if not source.get("table"):
        raise Trouble("Neither a table nor a query is named.")
    import sqlalchemy
    from sqlalchemy.sql import quoted_name

    schema = known_schema(connection, str(source.get("schema") or ""))
    name = known_table(connection, schema or "", str(source["table"]))
    told = columns(connection, schema or "", name)
    if not told:
        raise Trouble(f"The table {name!r} has no columns.")
    table = sqlalchemy.table(
        quoted_name(name, True),
        *(sqlalchemy.column(quoted_name(one["name"], True)) for one in told),
        schema=quoted_name(schema, True) if schema else None,
    )
    written = str(sqlalchemy.select(table).compile(dialect=connection.dialect))
    return Statement(written, (), tuple(one["type"] for one in told))


def _word(type_: Any, connection: Connection) -> str:
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return str(type_.compile(connection.dialect))
    except SQLAlchemyError:
        return "unknown"

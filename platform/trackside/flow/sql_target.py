"""A table of a database that a scoring writes to: what is known of it before a job begins."""

from typing import Any

from trackside.connections import looking
from trackside.connections.access import usable
from trackside.flow.models import Recipe
from trackside.flow.trouble import BadRecipe

Json = dict[str, Any]


def named(settings: Json) -> str:
    """The table with its schema, as a person names it; "" where the rows go elsewhere."""
    if settings.get("output") != "sql":
        return ""
    return ".".join(filter(None, (settings.get("schema"), settings.get("table"))))


def box(settings: Json) -> str:
    """The name of its box in the Flow: the connection's and the table's."""
    table = named(settings)
    return f"{settings['connection']}.{table}" if table else ""


def check(recipe: Recipe, once: Json | None = None) -> None:
    """Before the transaction that makes the job, since a database may take seconds to answer.

    `once` are settings of this run alone. What cannot be looked at, the job says itself. Raises
    BadRecipe where the table is there and nothing may be written then.
    """
    settings = {**recipe.settings, **(once or {})}
    if recipe.kind != "score" or not _refuses(settings):
        return
    found = usable(recipe.project).filter(name=settings.get("connection")).first()
    if found is None:
        return
    try:
        tables = looking.offered(found, str(settings.get("schema") or "")).tables
    except looking.NoLook:
        return
    if settings.get("table") in {one["name"] for one in tables}:
        said = f"{found} has a table {named(settings)} already, and {recipe} refuses to write then."
        raise BadRecipe("settings.mode", f"{said} Let it append the rows, or replace the table.")


def repeated(recipe: Recipe, last: Json) -> str:
    """What a second run meets, as far as the spec of the last one that went well tells; or ""."""
    settings = recipe.settings
    if not _refuses(settings) or not same(settings, last):
        return ""
    return (
        f"The last run has written {named(settings)} of {settings['connection']}. While that table "
        "is there, the next run is refused: let it append the rows, or replace the table."
    )


SAME = {"name": "connection", "schema": "schema", "table": "table"}  # in a spec: in the settings


def same(settings: Json, spec: Json) -> bool:
    """Whether a job with this spec writes to the table that the settings name."""
    into = spec.get("output")
    return isinstance(into, dict) and all(into.get(a) == settings.get(b) for a, b in SAME.items())


def _refuses(settings: Json) -> bool:
    return settings.get("output") == "sql" and settings.get("mode", "create") == "create"

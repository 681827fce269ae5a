"""Databases by REST: what a connection offers, datasets that are read by it; `trackside sql`."""

import argparse
from collections.abc import Callable
from typing import Any

from trackside.client import tables as told
from trackside.client.client import Client, Json, address, given
from trackside.client.printing import say
from trackside.client.printing import table as printed

Open = Callable[[], Client]
Follow = Callable[[Client, int, bool], None]


def connections(client: Client, project: str) -> list[Json]:
    """Those that the project may use: name, kind, schema, writable."""
    return list(client.call("GET", address("projects", project, "connections"))["connections"])


def tables(client: Client, project: str, connection: str, schema: str = "") -> Json:
    """`schemas`, and the `tables` of one of them."""
    path = address("projects", project, "connections", connection, "tables")
    return client.call("GET", path, params=given({"schema": schema}))


def preview(
    client: Client,
    project: str,
    connection: str,
    table: str = "",
    schema: str = "",
    query: str = "",
) -> Json:
    """`columns` and the first 50 `rows` of a table, or of a query: one SELECT."""
    path = address("projects", project, "connections", connection, "preview")
    return client.call("POST", path, json=given(_wish(table, schema, query)))


def read(  # noqa: PLR0913 - what is read, and how it is called
    client: Client,
    project: str,
    connection: str,
    table: str = "",
    *,
    schema: str = "",
    query: str = "",
    name: str = "",
    types: Json | None = None,
) -> Json:
    """A new dataset of a table or a query; the answer names the job of its import."""
    body = {"connection": connection, "name": name, "types": types, **_wish(table, schema, query)}
    path = address("projects", project, "datasets-from-database")
    return client.call("POST", path, json=given(body))


def destinations(one: argparse.ArgumentParser) -> None:
    """Where the rows of a scoring go: options of its command."""
    to = one.add_argument_group("where the rows go", "--output, or --connection and --table")
    to.add_argument("--output", default="", metavar="NAME", help="a new dataset of this name")
    to.add_argument("--connection", default="", metavar="NAME", help="a connection to a database")
    to.add_argument("--schema", default="", help="of the table; left out, the database's usual one")
    to.add_argument("--table", default="", help="a table of the database")
    modes, there = ["create", "append", "replace"], "of a table that is there: refuse (create), "
    to.add_argument("--mode", choices=modes, default="create", help=there + "add rows, replace it")


def destination(args: argparse.Namespace) -> Json:
    """`output` or `settings` of the recipe."""
    if bool(args.output) == bool(args.connection) or bool(args.table) != bool(args.connection):
        args.wrong("name --output, a new dataset, or --connection and --table of a database")
    if args.output:
        return {"output": args.output}
    if args.download:
        args.wrong("--download is of a dataset: leave it out for a table of a database")
    named = {name: getattr(args, name) for name in ("connection", "schema", "table", "mode")}
    return {"settings": {"output": "sql", **named}}


def read_again(client: Client, project: str, name: str) -> Json:
    """Import what the dataset's table or query gives now."""
    return client.call("POST", address("projects", project, "datasets", name, "read-again"))


def _wish(table: str, schema: str, query: str) -> Json:
    return {"table": table, "schema": schema, "query": query}


def add(
    commands: Any, make: Callable[..., argparse.ArgumentParser], client: Open, follow: Follow
) -> None:
    """The command; `client` opens the connection when it runs."""
    one = make(
        commands, "sql", lambda args: sql(args, client, follow),
        "read a table or a query of a database as a dataset",
    )  # fmt: skip
    one.set_defaults(wrong=one.error)
    one.add_argument("project")
    one.add_argument("connection", nargs="?", default="", help="left out: those of the project")
    one.add_argument("--schema", default="")
    one.add_argument("--table", default="", help="neither table nor query: prints the tables")
    one.add_argument("--query", default="", help="one SELECT")
    one.add_argument("--name", default="", help="of the dataset")
    one.add_argument("--again", default="", metavar="DATASET", help="read this one again")
    one.add_argument("--type", action="append", default=[], metavar="COLUMN=TYPE")
    one.add_argument("--wait", action="store_true", help="until it is over")


def sql(args: argparse.Namespace, open_: Open, follow: Follow) -> None:
    with open_() as client:
        if not args.connection and not args.again:
            found = connections(client, args.project)
            printed(("connection", "kind"), [[one["name"], one["kind"]] for one in found])
        elif not (args.table or args.query or args.again):
            found = tables(client, args.project, args.connection, args.schema)["tables"]
            printed(("table", "kind"), [[one["name"], one["kind"]] for one in found])
        else:
            begun = _begun(args, client)
            say(f"Job {begun['job']} reads {begun['name']}.")
            follow(client, begun["job"], args.wait)


def _begun(args: argparse.Namespace, client: Client) -> Json:
    if args.again:
        return read_again(client, args.project, args.again)
    wish = {"schema": args.schema, "query": args.query, "name": args.name}
    return read(
        client, args.project, args.connection, args.table, types=told.types(args) or None, **wish
    )

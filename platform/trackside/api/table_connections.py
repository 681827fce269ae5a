"""The calls about connections to databases, literally."""

from trackside.api import connections
from trackside.api import shapes_datasets as d
from trackside.api.operations import Operation, Query
from trackside.api.shapes import FLAG, NAME, TEXT, many, obj
from trackside.connections.settings import FIELDS

C = "/connections/{name}"
OF = "/projects/{key}/connections"
ONE = OF + "/{name}"
ONLY = "Administrators only. No answer has a password."
TABLE = (
    Query(name="schema", schema=TEXT, text="without it the usual one"),
    Query(name="table", schema=TEXT, text="the columns of this table, in place of all tables"),
)
SETTINGS = {
    **{name: told for name, told in FIELDS.schema()["properties"].items() if name != "password"},
    "projects": {**many(TEXT), "description": "keys of the projects that may use it"},
}
PASSWORD = {**FIELDS.schema()["properties"]["password"], "writeOnly": True}
NEW = obj("name kind database", closed=True, password=PASSWORD, **SETTINGS)
CHANGE = obj(closed=True, password=PASSWORD, **SETTINGS)
SHOWN = obj(
    "name kind host port database user ssl schema writable everywhere projects has_password",
    has_password=FLAG,
    trouble={"type": "string", "description": "what the last test said against it"},
    warning={"type": "string", "description": "that its user may more than tables need"},
    tested_at={"type": ["string", "null"]},
    **SETTINGS,
)
USABLE = obj("name kind schema writable", name=TEXT, kind=TEXT, schema=TEXT, writable=FLAG)
WISH = {
    "schema": TEXT,
    "table": {"type": "string", "description": "as the database calls it"},
    "query": {"type": "string", "description": "in place of a table: one SELECT"},
}
LOOKED = obj(
    "schemas schema", schemas=many(TEXT), schema=TEXT,
    tables=many(obj("name kind", name=TEXT, kind={"enum": ["table", "view"]})),
    columns=many(obj("name type nullable", name=TEXT, type=TEXT, nullable=FLAG)),
)  # fmt: skip
PREVIEW = obj(
    "columns rows more",
    columns=many(obj("name type words", name=TEXT, type=TEXT, words=TEXT)),
    rows=many({"type": "array", "items": {"type": ["string", "null"]}}),
    more=FLAG,
)
READ = obj(
    "connection", closed=True, connection=TEXT, name=NAME,
    types={"type": "object", "description": "{column: type}"}, **WISH,
)  # fmt: skip

CONNECTIONS: tuple[Operation, ...] = (
    Operation(method="GET", path="/connections", run=connections.listed, tag="Connections",
              answer=obj("connections", connections=many(SHOWN)), about=ONLY,
              text="The connections to databases"),
    Operation(method="POST", path="/connections", run=connections.create, tag="Connections",
              body=NEW, answer=SHOWN, status=201, about=ONLY, text="Make a connection"),
    Operation(method="GET", path=C, run=connections.get, tag="Connections", answer=SHOWN,
              about=ONLY, text="One connection"),
    Operation(method="PATCH", path=C, run=connections.change, tag="Connections", body=CHANGE,
              answer=SHOWN, text="Change a connection",
              about=f"{ONLY} Whose host, port, user, kind or encryption changes needs it anew."),
    Operation(method="DELETE", path=C, run=connections.delete, tag="Connections", status=204,
              about=ONLY, text="Delete a connection; what was read by it stays"),
    Operation(method="POST", path=C + "/test", run=connections.test, ask=connections.ask_test,
              tag="Connections", body=obj(closed=True), about=ONLY,
              answer=obj("works trouble warning", works=FLAG, trouble=TEXT, warning=TEXT),
              text="Try a connection"),
    Operation(method="GET", path=OF, run=connections.of_project, tag="Connections",
              answer=obj("connections", connections=many(USABLE)), about="Editors.",
              text="The connections that a project may use"),
    Operation(method="GET", path=ONE + "/tables", run=connections.tables, tag="Connections",
              query=TABLE, answer=LOOKED, about="Editors.",
              text="The schemas, tables and columns of a database"),
    Operation(method="POST", path=ONE + "/preview", run=connections.preview,
              ask=connections.ask_preview, tag="Connections", body=obj(closed=True, **WISH),
              answer=PREVIEW, text="The first 50 rows of a table or a query",
              about="Editors. A query is one SELECT; it runs in a transaction that only reads."),
    Operation(method="POST", path="/projects/{key}/datasets-from-database", run=connections.read,
              ask=connections.ask_source, tag="Datasets", body=READ, answer=d.IMPORTING,
              status=202, starts=True, text="Read a table or a query of a database as a dataset"),
    Operation(method="POST", path="/projects/{key}/datasets/{name}/read-again", starts=True,
              run=connections.read_again, tag="Datasets", answer=d.IMPORTING, status=202,
              text="Read a dataset again from its database",
              about="Until that has ended well, its rows are those of before."),
)  # fmt: skip

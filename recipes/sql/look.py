"""One look into a database, in a process that may be lost: `python -m recipes.sql.look PARENT`.

A server that never answers, or a value that is too large for any memory, ends this process alone.
It reads one JSON object from its input (`access`, `ask`: a key of ASKS, `wish`, `seconds`), writes
a line when it begins, and then its answer: `{"answer"}`, `{"trouble": a sentence}` or `{"broke"}`.
It ends itself a moment after `seconds`, should whoever started it forget to.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from recipes.restraint import die_with, restrain
from recipes.sql import browsing, dialects, ledger
from recipes.sql.access import Access, Trouble
from recipes.sql.opening import opened
from recipes.sql.values import as_text

if TYPE_CHECKING:
    from sqlalchemy import Connection

MEMORY = 512 << 20  # bytes, on top of Python and the drivers
FILE = 256 << 20  # bytes that SQLite may put aside to sort
STATEMENT = 0.9  # of the seconds: so that the database itself can say that they are over
AT_ONCE, LONGEST = 64, 200  # rows of a fetch; characters of a text that is shown
Wish = Mapping[str, Any]


def offered(line: Connection, wish: Wish) -> dict[str, Any]:
    """Schemas (of `only` itself alone), and the tables of `schema`.

    With `loose` those of the usual schema where that one is not there.
    """
    schemas = [str(wish["only"])] if wish.get("only") else browsing.schemas(line)
    schema = str(wish.get("schema") or "")
    if not schema or (wish.get("loose") and schema not in schemas):
        schema = next(iter(schemas), "")
    tables = browsing.tables(line, schema) if schemas else []
    tables = [one for one in tables if one["name"] != ledger.NAME]
    return {"schemas": schemas, "schema": schema, "tables": tables}


def columns(line: Connection, wish: Wish) -> list[dict[str, Any]]:
    return browsing.columns(line, str(wish.get("schema") or ""), str(wish.get("table") or ""))


def checked(line: Connection, wish: Wish) -> dict[str, str]:
    """A table of the catalogue, or a query that is one SELECT."""
    if wish.get("query"):
        return {"query": browsing.rows_of(line, {"query": wish["query"]}).sql}
    schema = browsing.known_schema(line, str(wish.get("schema") or "")) or ""
    return {
        "schema": schema,
        "table": browsing.known_table(line, schema, str(wish.get("table") or "")),
    }


def preview(line: Connection, wish: Wish) -> dict[str, Any]:
    """The first `rows` of a table or a query, as they are shown."""
    most = int(wish["rows"])
    statement = browsing.rows_of(line, wish)
    found = dialects.read(line, statement, most + 1)
    words = [*statement.declared, *[""] * len(found.fields)]
    told = [
        {"name": one.name, "type": one.type, "words": words[place].lower()}
        for place, one in enumerate(found.fields)
    ]
    rows = [[_shown(value) for value in row] for some in found.all(AT_ONCE) for row in some]
    return {"columns": told, "rows": rows[:most], "more": len(rows) > most}


def tested(line: Connection, wish: Wish) -> dict[str, Any]:
    """That it opens and has the schema; what its user may do that nobody needs for tables, and
    whether jobs that write can keep that they have."""
    schema = browsing.known_schema(line, str(wish.get("schema") or "")) or ""
    return {"keeps": ledger.possible(line, schema), "powers": browsing.powers(line)}


ASKS: dict[str, Callable[[Connection, Wish], Any]] = {
    "offered": offered,
    "columns": columns,
    "checked": checked,
    "preview": preview,
    "tested": tested,
}


def answered(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What is written: an answer or a sentence."""
    try:
        with opened(Access(**asked["access"]), seconds=asked["seconds"] * STATEMENT) as line:
            return {"answer": ASKS[asked["ask"]](line, asked["wish"])}
    except Trouble as trouble:
        return {"trouble": str(trouble)}
    except MemoryError:
        return {"trouble": "What the database answers needs more memory than a look may take."}
    except Exception:
        return {"broke": traceback.format_exc()}


def _shown(value: Any) -> str | None:
    if isinstance(value, bytes) and len(value) > LONGEST * 4:  # so long in characters, at least
        value = value[: LONGEST * 4].decode(errors="backslashreplace")
    text = as_text(value)
    return text if text is None or len(text) <= LONGEST else f"{text[:LONGEST]}…"


def main(parent: int) -> None:
    die_with(parent)
    asked = json.load(sys.stdin)
    import sqlalchemy  # noqa: F401 - its time is not the database's

    os.write(1, b"\n")
    seconds = float(asked["seconds"])
    signal.setitimer(signal.ITIMER_REAL, seconds + 2)
    restrain(memory=MEMORY, cpu=math.ceil(seconds) + 2, file=FILE, network=True)
    sys.stdout.write(json.dumps(answered(asked)))
    sys.stdout.flush()
    os._exit(0)  # a driver might still wait for its server


if __name__ == "__main__":
    main(int(sys.argv[1]))

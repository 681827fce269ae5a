"""Bad tables in the other ways in, Parquet, JSON Lines, Excel, a query: each gets its sentence."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from django.test import Client

from tests.recipes.tables import workbook
from tests.web import bad_tables, cast
from tests.web.bad_tables import Bad, must_be_told
from trackside.accounts.models import User
from trackside.datasets import services
from trackside.projects.models import Project

ROWS = 60
INF = float("inf")
Rows = list[Sequence[Any]]  # the names come first
Way = Callable[[Path, Rows], Any]


def sheet(rows: int = ROWS, good: str = "yn", **columns: Callable[[int], Any]) -> Rows:
    """`columns` are functions of the row's number; there is one of no harm."""
    made = {"size": lambda n: n * 7 % 101 + 0.5, **columns}
    cells = [[*(one(n) for one in made.values()), good[n % len(good)]] for n in range(rows)]
    return [[*made, "good"], *cells]


def as_parquet(folder: Path, rows: Rows) -> bytes:
    """A column whose values have several types is one of texts."""
    out = BytesIO()
    arrays = [_array([row[place] for row in rows[1:]]) for place in range(len(rows[0]))]
    parquet.write_table(pa.Table.from_arrays(arrays, names=list(rows[0])), out)
    return out.getvalue()


def _array(values: list[Any]) -> pa.Array:
    if len({type(one) for one in values if one is not None}) > 1:
        values = [str(one) for one in values]
    return pa.array(values)


def as_json_lines(folder: Path, rows: Rows) -> bytes:
    """By hand: a name may come twice in a line, as it may in a file."""
    lines = []
    for row in rows[1:]:
        pairs = zip(map(json.dumps, rows[0]), map(json.dumps, row), strict=True)
        lines.append("{" + ", ".join(f"{name}: {value}" for name, value in pairs) + "}\n")
    return "".join(lines).encode()


def as_excel(folder: Path, rows: Rows) -> bytes:
    return workbook(folder / "made.xlsx", {"one": rows}).read_bytes()


def as_query(folder: Path, rows: Rows) -> tuple[Path, str]:
    """A file of SQLite, and a query that gives the columns their names."""
    path = folder / "made.db"
    places = [f"c{place}" for place in range(len(rows[0]))]
    with sqlite3.connect(path) as line:
        line.execute(f"CREATE TABLE t ({', '.join(places)})")
        line.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(places))})", rows[1:])
    line.close()
    named = (f'{place} AS "{name}"' for place, name in zip(places, rows[0], strict=True))
    return path, f"SELECT {', '.join(named)} FROM t"


WAYS: dict[str, Way] = {
    "bad.parquet": as_parquet,
    "bad.jsonl": as_json_lines,
    "bad.xlsx": as_excel,
    "query": as_query,
}
ONE_ROW = Bad(
    problem="a single row: nothing can be learned",
    analysis="The table bad has 1 row; 5 is the least to learn from",
)
ONE_CLASS = Bad(
    warning="It is constant", analysis="'good' has one value in all rows: there is nothing"
)
ILL = {
    "gone": lambda n: None,
    "same": lambda n: 7,
    "mixed": lambda n: n if n % 9 else "unknown",
    "wild": lambda n: -INF if n % 12 == 0 else n * 0.5,
}
ILL_SAID = Bad(
    warning=(
        "All values are missing.",
        "It is constant: all values are the same.",
        "Its types are mixed",
        "Some values are infinite (5).",
    ),
    finding=(
        "gone: all values are missing",
        "same: it has one value only",
        "mixed: Its types are mixed",
        "wild: Some values are infinite (5). They count as missing.",
    ),
)
# A workbook has no infinite number.
TAME = {name: one for name, one in ILL.items() if name != "wild"}
TAME_SAID = replace(ILL_SAID, warning=ILL_SAID.warning[:3], finding=ILL_SAID.finding[:3])
TWICE = [["size", "size", "good"], *([n * 7 % 101, n / 2, "yn"[n % 2]] for n in range(ROWS))]
RENAMED = Bad(problem="It has the name of another column and is called 'size_2' here")
CASES: list[tuple[str, str, Rows, Bad]] = [
    *(("one row", way, sheet(1), ONE_ROW) for way in WAYS),
    *(("one class", way, sheet(good="y"), ONE_CLASS) for way in WAYS),
    *(("ill columns", way, sheet(**ILL), ILL_SAID) for way in WAYS if way != "bad.xlsx"),
    ("ill columns", "bad.xlsx", sheet(**TAME), TAME_SAID),
    *(("two of a name", way, TWICE, RENAMED) for way in WAYS if way != "bad.jsonl"),
    ("two of a name", "bad.jsonl", TWICE, Bad(problem="line 1: It has 'size' twice")),
    ("no rows", "bad.parquet", sheet(0), Bad(fails="The table has columns and no rows")),
    ("no rows", "bad.xlsx", sheet(0), Bad(fails="only a header and no rows")),
    ("no rows", "query", sheet(0), Bad(fails="The database gives no row")),
    ("no columns", "bad.jsonl", [[], [], []], Bad(fails="The table has no columns")),
]


@pytest.mark.parametrize(
    ("way", "rows", "bad"), [one[1:] for one in CASES], ids=[f"{one[0]}-{one[1]}" for one in CASES]
)
def test_each_bad_table_gets_its_sentence_before_it_trains(
    project: Project, ada: User, as_ada: Client, tmp_path: Path, way: str, rows: Rows, bad: Bad
) -> None:
    cast.node()
    made = WAYS[way](tmp_path, rows)
    if way == "query":
        one = bad_tables.queried(project, ada, *made)
    else:
        one = bad_tables.uploaded(project, ada, replace(bad, file=made), way)
    must_be_told(one, bad, ada, as_ada)


def test_json_lines_without_a_line_are_refused_at_once(project: Project, ada: User) -> None:
    cast.node()
    with pytest.raises(services.BadDataset, match=r"bad\.jsonl is empty"):
        bad_tables.uploaded(project, ada, Bad(b""), "bad.jsonl")


LATIN = "caf\xe9".encode("latin-1")
UNREADABLE = "Characters could not be read in some values (60)"


def _texts(kind: pa.DataType) -> bytes:
    """A Parquet file whose texts are no UTF-8, as other programs write them."""
    binary = pa.array([LATIN + b"%d" % (n % 9) for n in range(ROWS)], pa.binary())
    names = pa.array(["yn"[n % 2] for n in range(ROWS)])
    size = pa.array([n * 7 % 101 for n in range(ROWS)])
    town = pa.Array.from_buffers(kind, ROWS, binary.buffers())
    out = BytesIO()
    parquet.write_table(pa.table({"size": size, "town": town, "good": names}), out)
    return out.getvalue()


@pytest.mark.parametrize("kind", [pa.string(), pa.binary()], ids=str)
def test_texts_of_parquet_that_are_not_utf_8_are_told(
    project: Project, ada: User, as_ada: Client, kind: pa.DataType
) -> None:
    cast.node()
    bad = Bad(_texts(kind), warning=UNREADABLE, finding=f"town: {UNREADABLE}")
    must_be_told(bad_tables.uploaded(project, ada, bad, "bad.parquet"), bad, ada, as_ada)


def test_json_lines_that_are_not_utf_8_are_told(
    project: Project, ada: User, as_ada: Client
) -> None:
    cast.node()
    text = as_json_lines(Path(), sheet(town=lambda n: "TOWN")).replace(b"TOWN", LATIN)
    bad = Bad(text, problem="line 1: It is not UTF-8, so the file is read as cp1252")
    must_be_told(bad_tables.uploaded(project, ada, bad, "bad.jsonl"), bad, ada, as_ada)


def test_texts_of_a_database_that_are_not_utf_8_are_told(
    project: Project, ada: User, as_ada: Client, tmp_path: Path
) -> None:
    cast.node()
    path, query = as_query(tmp_path, sheet())
    town = f"CAST(x'{LATIN.hex()}' AS TEXT) || (rowid % 9) AS town"
    query = query.replace("SELECT", f"SELECT {town},")
    bad = Bad(warning=UNREADABLE, finding=f"town: {UNREADABLE}")
    must_be_told(bad_tables.queried(project, ada, path, query), bad, ada, as_ada)


WIDE = 100  # ten thousand: test_table_wide.py


@pytest.mark.parametrize("way", ["bad.parquet", "bad.jsonl", "bad.xlsx"])
def test_more_columns_than_rows_are_told(
    project: Project, ada: User, as_ada: Client, tmp_path: Path, way: str
) -> None:
    cast.node()
    rows: Rows = [
        [f"c{n}" for n in range(WIDE)],
        *([n * k % 7 for k in range(WIDE)] for n in range(8)),
    ]
    bad = Bad(
        WAYS[way](tmp_path, rows), target="c3", finding="columns for 8 rows: models find patterns"
    )
    must_be_told(bad_tables.uploaded(project, ada, bad, way), bad, ada, as_ada)


def test_more_columns_than_a_query_gives_are_told(
    project: Project, ada: User, as_ada: Client, tmp_path: Path
) -> None:
    cast.node()
    path, _ = as_query(tmp_path, sheet(2))
    query = f"SELECT {', '.join(f'c0 AS d{n}' for n in range(3_000))} FROM t"
    bad = Bad(fails="too many columns in result set")
    must_be_told(bad_tables.queried(project, ada, path, query), bad, ada, as_ada)

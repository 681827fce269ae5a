"""Tables and queries of real databases become datasets, and nothing there is changed by it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recipes.data.sandbox import Refused
from recipes.job import Job, write
from recipes.kinds.import_ import run
from recipes.sql import browsing
from recipes.sql.access import Access, Trouble
from recipes.sql.opening import opened
from tests.product import until
from tests.recipes.databases import KINDS, database, imported, rows, said
from tests.recipes.making import ROOT

# Beyond 64 bits, which SQLite cannot hold
BIG = {"sqlite": 2**62, "postgresql": 10**30 + 1, "mysql": 2**64 - 1}
TYPES: dict[str, dict[str, str]] = {
    "sqlite": {"huge": "BIGINT", "at": "TIMESTAMP", "flag": "BOOLEAN", "note": "TEXT"},
    "postgresql": {"huge": "NUMERIC(38)", "at": "TIMESTAMPTZ", "flag": "BOOLEAN", "note": "TEXT"},
    "mysql": {"huge": "BIGINT UNSIGNED", "at": "DATETIME", "flag": "BIT(1)", "note": "TEXT"},
}
QUOTES = {"sqlite": '"', "postgresql": '"', "mysql": "`"}


def quoted(kind: str, name: str) -> str:
    return f"{QUOTES[kind]}{name}{QUOTES[kind]}"


@pytest.fixture(scope="module", params=KINDS)
def access(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with database(request.param, tmp_path_factory.mktemp("base")) as found:
        yield from _filled(found)


def _filled(found: Access) -> Iterator[Access]:
    of, name = TYPES[found.kind], quoted(found.kind, "Odd % table")
    yes = "b'1'" if found.kind == "mysql" else "TRUE"
    zone = "+02" if found.kind == "postgresql" else ""
    hour = 14 if zone else 12
    said(
        found,
        f"CREATE TABLE {name} (id BIGINT, huge {of['huge']}, price DECIMAL(10,2), "
        f"{quoted(found.kind, 'a%b')} DOUBLE PRECISION, day DATE, at {of['at']}, "
        f"flag {of['flag']}, code VARCHAR(20), note {of['note']})",
        f"INSERT INTO {name} VALUES (9223372036854775807, {BIG[found.kind]}, 19.50, 0.5, "
        f"'2020-02-29', '2020-01-01 {hour}:30:00{zone}', {yes}, '007', 'sü%ß: ''quoted''')",
        f"INSERT INTO {name} (code) VALUES ('12')",
        "CREATE TABLE empty (a INTEGER)",
        f"CREATE VIEW seen AS SELECT id, code FROM {name}",
    )
    yield found


def test_a_table_keeps_its_names_and_types(access: Access, tmp_path: Path) -> None:
    source = {"connection": 1, "name": "warehouse", "schema": "", "table": "Odd % table"}
    facts = imported(access, tmp_path / "job", source, name="odd")
    told = json.loads((tmp_path / "job" / "output" / "columns.json").read_text())
    assert {one["name"]: one["type"] for one in told} == {
        "id": "integer",
        "huge": "integer",
        "price": "number",
        "a%b": "number",
        "day": "date",
        "at": "datetime",
        "flag": "boolean",
        "code": "text",
        "note": "text",
    }
    assert not any(one["given"] for one in told)
    table = pq.read_table(tmp_path / "job" / "output" / "table.parquet")
    first, second = table.to_pylist()
    assert first == {
        "id": 9223372036854775807,
        "huge": BIG[access.kind],
        "price": 19.5,
        "a%b": 0.5,
        "day": date(2020, 2, 29),
        "at": datetime(2020, 1, 1, 12, 30),  # noqa: DTZ001 - kept as that of UTC, without a zone
        "flag": True,
        "code": "007",
        "note": "sü%ß: 'quoted'",
    }
    assert second == {**dict.fromkeys(first), "code": "12"}
    assert (facts["format"], facts["rows"], facts["source"]["kind"]) == ("sql", 2, access.kind)
    assert facts["source"]["table"] == "Odd % table"


def test_types_are_corrected_without_the_database(access: Access, tmp_path: Path) -> None:
    source = {"connection": 1, "name": "warehouse", "table": "Odd % table"}
    before = imported(access, tmp_path / "job", source)
    kept = tmp_path / "job" / "output" / "original"
    spec = {"archive": str(kept), "source": before["source"], "kind": "table"}
    for types in ({"price": "text", "code": "integer"}, {}):
        job = Job(job=2, kind="import", spec={**spec, "types": types})
        write(tmp_path / "again", job)
        run(job, tmp_path / "again", None)
        after = json.loads((tmp_path / "again" / "output" / "facts.json").read_text())
        assert after["source"] == before["source"]
        table = pq.read_table(tmp_path / "again" / "output" / "table.parquet")
        if types:
            # SQLite keeps a decimal as a number
            assert table["price"].to_pylist()[0] == ("19.5" if access.kind == "sqlite" else "19.50")
            assert table["code"].to_pylist() == [7, 12]
    assert after["fingerprint"] == before["fingerprint"]


def test_a_query_is_a_dataset_too(access: Access, tmp_path: Path) -> None:
    name = quoted(access.kind, "Odd % table")
    query = f"SELECT id AS a, code AS a, ':x' AS colon, 7 % 4 AS rest FROM {name} ORDER BY code;"
    imported(access, tmp_path / "job", {"connection": 1, "name": "warehouse", "query": query})
    table = pq.read_table(tmp_path / "job" / "output" / "table.parquet")
    assert table.column_names == ["a", "a_2", "colon", "rest"]
    assert table["rest"].to_pylist() == [3, 3]
    assert table["a_2"].type == pa.string()


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ({"table": "Odd"}, "There is no table 'Odd'"),
        ({"table": 'x"; DROP TABLE empty; --'}, "There is no table"),
        ({"schema": "nowhere", "table": "empty"}, "no schema 'nowhere'"),
        ({"query": "SELECT nothing FROM empty"}, "The database says: "),
        ({"query": "SELECT 1; DROP TABLE empty"}, "more than one statement"),
        ({"query": "SELECT 1 --\n; DROP TABLE empty"}, "more than one statement"),
        ({"query": "DELETE FROM empty"}, "begins with DELETE"),
        ({"query": "WITH x AS (SELECT 1 AS a) DELETE FROM empty"}, "."),
        ({}, "Neither a table nor a query"),
    ],
)
def test_what_is_no_table_and_no_reading_query_is_refused(
    access: Access, source: dict[str, str], sentence: str
) -> None:
    with pytest.raises(Trouble, match=sentence):
        rows(access, **source)
    assert rows(access, query="SELECT count(*) FROM empty") == [(0,)]


def test_a_reading_transaction_cannot_write(access: Access) -> None:
    statements = ("INSERT INTO empty VALUES (1)", "CREATE TABLE more (a INTEGER)")
    for one in (*statements, "DROP TABLE empty"):
        with pytest.raises(Trouble, match=r"read|Only reading"), opened(access) as connection:
            connection.exec_driver_sql(one)
    with pytest.raises(Trouble, match="for reading alone"):
        said(replace(access, writable=False), statements[0])
    assert rows(access, query="SELECT count(*) FROM empty") == [(0,)]


def test_a_table_without_rows_is_no_dataset(access: Access, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="gives no row"):
        imported(access, tmp_path / "job", {"table": "empty"})


def test_the_catalogue_tells_tables_views_and_columns(access: Access) -> None:
    with opened(access) as connection:
        assert {"name": "seen", "kind": "view"} in browsing.tables(connection)
        assert {"name": "empty", "kind": "table"} in browsing.tables(connection)
        usual = browsing.schemas(connection)[0]
        told = browsing.columns(connection, usual, "Odd % table")
    assert [one["name"] for one in told][:4] == ["id", "huge", "price", "a%b"]
    assert rows(access, table="seen")[0][1] == "007"


def test_who_may_read_alone_reads_views_too(access: Access) -> None:
    if access.kind == "mysql":
        said(access, "CREATE USER only@localhost", "GRANT SELECT ON test.* TO only@localhost")
        assert rows(replace(access, user="only"), table="seen")[0][1] == "007"


def test_hours_stand_as_mysql_writes_them(access: Access) -> None:
    if access.kind == "mysql":
        query = "SELECT TIME'838:59:59', TIME'-01:30:00.5', TIME'00:00:07'"
        assert rows(access, query=query) == [("838:59:59", "-01:30:00.500000", "00:00:07")]


def test_the_server_ends_a_query_whose_reader_is_gone(access: Access, tmp_path: Path) -> None:
    if access.kind == "sqlite":
        return  # who reads is the database
    endless = {
        "postgresql": (
            "generate_series(1, 100000000000)",
            "pg_stat_activity WHERE state = 'active' AND query LIKE 'FETCH%'"
            " AND pid <> pg_backend_pid()",
        ),
        "mysql": (
            "seq_1_to_1000000 a JOIN seq_1_to_1000000 b ON a.seq < b.seq",
            "information_schema.processlist WHERE command = 'Query' AND id <> CONNECTION_ID()",
        ),
    }
    table, asked = endless[access.kind]
    job = tmp_path / "job"
    job.mkdir()
    (job / "way").write_text(json.dumps(asdict(access)))
    spec = {"kind": "table", "source": {"query": f"SELECT count(*) FROM {table}"}}
    write(job, Job(job=1, kind="import", spec=spec, access=str(job / "way")))

    def at_work() -> bool:
        return rows(access, query=f"SELECT count(*) FROM {asked}") != [(0,)]

    process = subprocess.Popen([sys.executable, "-m", "recipes", str(job)], cwd=ROOT)
    try:
        until(at_work, "the query at the server")
    finally:
        process.terminate()
        process.wait()
    until(lambda: not at_work(), "its end")


def test_many_rows_stream_in_batches(access: Access, tmp_path: Path) -> None:
    """More than a row group, and more than any batch."""
    count = 70_000
    query = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
        f"{count}) SELECT i, i / 2.0 AS half FROM n"
    )
    if access.kind == "mysql":
        query = f"SELECT seq AS i, seq / 2.0 AS half FROM seq_1_to_{count}"
    facts = imported(access, tmp_path / "job", {"query": query})
    assert facts["rows"] == count
    table = pq.read_table(tmp_path / "job" / "output" / "table.parquet")
    assert table["i"].to_pylist() == list(range(1, count + 1))
    assert table["half"].to_pylist()[-1] == count / 2


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({"bytes": 1 << 20}, "more than the 1 MB that a dataset may have"),
        ({"free": 1 << 60}, "which are kept for jobs that run"),
    ],
)
def test_a_query_without_an_end_is_ended(
    access: Access, tmp_path: Path, limits: dict[str, int], sentence: str
) -> None:
    if access.kind != "postgresql":
        return  # what is counted is the file: of which database it is does not matter
    endless = "SELECT generate_series(1, 1000000000) AS i, md5(random()::text) AS text"
    with pytest.raises(Refused, match=sentence):
        imported(access, tmp_path / "job", {"query": endless}, limits=limits)


def test_a_way_that_leads_nowhere_is_said_without_the_password(
    access: Access, tmp_path: Path
) -> None:
    lost = replace(access, host="", database=str(tmp_path / "gone.db"), password="correct horse")
    if access.host:
        lost = replace(access, host="127.0.0.1", port=1, password="correct horse")
    with pytest.raises(Trouble, match=r"Nothing listens|no database file") as told:
        rows(lost, table="empty")
    assert "horse" not in str(told.value)
    assert told.value.__cause__ is None, "the error of a driver may hold what was sent"

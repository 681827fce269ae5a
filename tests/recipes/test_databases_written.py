"""Rows go to a table of a real database whole or not at all, and only where they fit."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recipes.engine.tabular.to_database import Destination
from recipes.events import Journal
from recipes.sql import writing
from recipes.sql.access import Access, Trouble
from recipes.sql.opening import opened
from recipes.sql.target import Columns, Target
from tests.recipes.databases import emptied, names, rows, said
from tests.recipes.making import events

NAME = "Scored % rows"
SCORED = pa.table(
    {
        "id": pa.array([1, 2, None], pa.int64()),
        "huge": pa.array([Decimal(10) ** 30, None, Decimal(3)], pa.decimal128(38, 0)),
        "a%b (x)": pa.array([1.5, 0.1, None]),
        "Text": ["sü\0ß'\\\n\t", None, "x"],
        "flag": [True, False, None],
        "day": pa.array([date(2020, 2, 29), None, date(1, 1, 1)]),
        "at": pa.array([datetime(2020, 1, 1, 1, 2, 3, 456), None, None], pa.timestamp("us")),  # noqa: DTZ001
        "proba_<=50K": [0.25, None, 1.0],
    }
)
FEW: Columns = {"a": "integer", "b": "text"}


@pytest.fixture
def access(written_to: Access) -> Access:
    return emptied(written_to)


def written(access: Access, home: Path, scored: pa.Table, /, **target: str) -> dict[str, Any]:
    """As a scoring does it: asked first, then from a file."""
    home.mkdir(exist_ok=True)
    pq.write_table(scored, home / "scored.parquet")
    to = Destination(access, Target(**{"table": NAME, **target}), "warehouse")
    journal = Journal(home)
    to.check(scored.schema, journal)
    told = to.write(home / "scored.parquet", journal)
    journal.close()
    return told


def few(access: Access, mode: str, *batches: list[tuple[Any, ...]]) -> None:
    with opened(access, write=True) as connection:
        writing.write(connection, Target(table=NAME, mode=mode), FEW, batches)


def test_rows_come_back_as_they_were(access: Access, tmp_path: Path) -> None:
    told = written(access, tmp_path, SCORED)
    assert told["table"] == {
        "connection": "warehouse", "table": NAME, "schema": "", "mode": "create"
    }  # fmt: skip
    assert not (tmp_path / "scored.parquet").exists()
    first, second, third = rows(access, table=NAME)
    text = access.kind == "sqlite"  # which has no days
    assert first == (
        *(1, str(10**30), 1.5, "süß'\\\n\t", True),
        "2020-02-29" if text else date(2020, 2, 29),
        "2020-01-01 01:02:03.000456" if text else datetime(2020, 1, 1, 1, 2, 3, 456),  # noqa: DTZ001
        0.25,
    )
    assert second == (2, None, 0.1, None, False, None, None, None)
    assert third[0] is None
    (note,) = events(tmp_path, "note")
    assert note["text"].endswith("NUL, which no database takes, was taken out: 1 in all.")


def test_the_modes_do_as_they_say(access: Access, tmp_path: Path) -> None:
    written(access, tmp_path, SCORED)
    with pytest.raises(Trouble, match="There is a table 'Scored % rows' already"):
        written(access, tmp_path, SCORED)
    written(access, tmp_path, SCORED.slice(0, 1), mode="append")
    assert len(rows(access, table=NAME)) == 4
    written(access, tmp_path, SCORED.slice(0, 2), mode="replace")
    assert len(rows(access, table=NAME)) == 2
    written(access, tmp_path, SCORED.select(["id", "Text"]), mode="replace")
    assert rows(access, table=NAME) == [(1, "süß'\\\n\t"), (2, None), (None, "x")]
    assert names(access) == [NAME], "no draft stays"
    written(access, tmp_path, SCORED, mode="append", table="new")
    assert len(rows(access, table="new")) == 3


def test_what_is_replaced_by_the_same_columns_keeps_its_indexes(
    access: Access, tmp_path: Path
) -> None:
    few(access, "create", [(1, "x")])
    mark = "`" if access.kind == "mysql" else '"'
    said(access, f"CREATE INDEX by_a ON {mark}{NAME}{mark} (a)")
    few(access, "replace", [(2, "y")], [(3, None)])
    assert rows(access, table=NAME) == [(2, "y"), (3, None)]
    said(access, "DROP INDEX by_a" + (f" ON `{NAME}`" if mark == "`" else ""))


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        ("a BIGINT", "it has no column 'b'"),
        ("a BIGINT, b DATE", "'b' is DATE there and text here"),
        ("a VARCHAR(20), b VARCHAR(20)", "there and integer here"),
        ("a BIGINT, b VARCHAR(20), c INTEGER NOT NULL", "its column 'c' needs a value"),
    ],
)
def test_rows_are_appended_only_where_they_fit(access: Access, made: str, sentence: str) -> None:
    mark = "`" if access.kind == "mysql" else '"'
    said(access, f"CREATE TABLE {mark}{NAME}{mark} ({made})")
    with pytest.raises(Trouble, match=sentence):
        few(access, "append", [(1, "x")])
    assert rows(access, query=f"SELECT count(*) FROM {mark}{NAME}{mark}") == [(0,)]


def test_columns_that_are_not_written_may_stay_empty(access: Access) -> None:
    mark = "`" if access.kind == "mysql" else '"'
    said(access, f"CREATE TABLE {mark}{NAME}{mark} (c DATE, b VARCHAR(20), a BIGINT)")
    few(access, "append", [(1, "x")])
    assert rows(access, table=NAME) == [(None, "x", 1)]


@pytest.mark.parametrize("mode", ["create", "replace", "append"])
@pytest.mark.parametrize("end", ["fails", "killed"])
def test_what_ends_in_the_middle_leaves_the_table_as_it_was(
    access: Access, mode: str, end: str
) -> None:
    before = [] if mode == "create" else [(7, "before")]
    if before:
        few(access, "create", before)

    def half() -> Iterator[list[tuple[Any, ...]]]:
        yield [(number, "half") for number in range(5000)]
        if end == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        raise ZeroDivisionError

    def work() -> None:
        with opened(access, write=True) as connection:
            writing.write(connection, Target(table=NAME, mode=mode), FEW, half())

    if end == "killed":
        child = multiprocessing.get_context("fork").Process(target=work)
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
    else:
        with pytest.raises(ZeroDivisionError):
            work()
    assert (rows(access, table=NAME) if before else NAME in names(access)) == (before or False)
    few(access, mode, [(8, "after")])  # nothing is in the way of the next one
    assert (8, "after") in rows(access, table=NAME)


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ({"table": " "}, "The table has no name"),
        ({"mode": "upsert"}, "not by 'upsert'"),
        ({"schema": "nowhere"}, "no schema 'nowhere'"),
        ({"table": "x" * 2000}, "bytes that a name has there"),
    ],
)
def test_a_target_that_there_is_not_is_refused(
    access: Access, tmp_path: Path, target: dict[str, str], sentence: str
) -> None:
    with pytest.raises(Trouble, match=sentence):
        written(access, tmp_path, SCORED, **target)
    assert names(access) == []


def test_a_view_is_not_written_to(access: Access, tmp_path: Path) -> None:
    said(access, "CREATE TABLE t (a INTEGER)", "CREATE VIEW v AS SELECT a FROM t")
    with pytest.raises(Trouble, match="is a view"):
        written(access, tmp_path, SCORED, table="v")
    said(access, "DROP VIEW v")


def test_a_table_that_takes_nothing_back_is_not_appended_to(access: Access) -> None:
    if access.kind != "mysql":
        return  # all tables of the others take part in transactions
    said(access, f"CREATE TABLE `{NAME}` (a BIGINT, b VARCHAR(20)) ENGINE=MyISAM")
    with pytest.raises(Trouble, match=r"could be written by half\. MyISAM keeps"):
        few(access, "append", [(1, "x")])
    with pytest.raises(Trouble, match="was not made by Trackside"):
        few(access, "replace", [(2, "y")])
    assert rows(access, table=NAME) == []


@pytest.mark.parametrize("made", ["a BIGINT, mail VARCHAR(20)", "a VARCHAR(20), b VARCHAR(20)"])
def test_only_what_trackside_made_is_made_anew(access: Access, made: str) -> None:
    mark = "`" if access.kind == "mysql" else '"'
    said(
        access,
        f"CREATE TABLE {mark}{NAME}{mark} ({made})",
        f"INSERT INTO {mark}{NAME}{mark} VALUES (1, 'theirs')",
    )
    with pytest.raises(Trouble, match="was not made by Trackside"):
        few(access, "replace", [(2, "y")])
    assert [row[1] for row in rows(access, table=NAME)] == ["theirs"]
    assert names(access) == [NAME]


def test_a_table_that_comes_meanwhile_is_not_replaced(access: Access) -> None:
    if access.kind != "mysql":
        return  # the others have made theirs before the first row

    def slow() -> Iterator[list[tuple[Any, ...]]]:
        yield [(1, "ours")]
        said(access, f"CREATE TABLE `{NAME}` (a INTEGER)", f"INSERT INTO `{NAME}` VALUES (5)")

    with (
        pytest.raises(Trouble, match="already exists"),
        opened(access, write=True) as connection,
    ):
        writing.write(connection, Target(table=NAME), FEW, slow())
    assert rows(access, table=NAME) == [(5,)]


def test_a_strangers_table_with_a_drafts_name_stays(access: Access) -> None:
    if access.kind != "mysql":
        return  # the others have no drafts
    few(access, "create", [(1, "x")])
    draft = writing.draft_of(NAME)
    said(access, f"CREATE TABLE `{draft}` (a INTEGER)")
    with (
        pytest.raises(Trouble, match="that Trackside did not make: rename it"),
        opened(access, write=True) as connection,
    ):
        writing.write(connection, Target(table=NAME, mode="replace"), {"a": "integer"}, [[(1,)]])
    assert names(access) == sorted([NAME, draft])
    assert rows(access, table=NAME) == [(1, "x")]


@pytest.mark.parametrize("name", ["\u8868" * 21, "t" * 63, "\u0442" * 31])
def test_a_draft_has_a_name_that_every_database_keeps_whole(name: str) -> None:
    drafts = {writing.draft_of(one) for one in (name, f"{name[:-1]}x")}
    assert len(drafts) == 2
    assert all(len(one.encode()) < 63 for one in drafts)

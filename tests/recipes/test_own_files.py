"""A SQLite file that is read is the one that was meant, and none of the platform's."""

import gc
import os
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recipes.data.sandbox import Refused
from recipes.data.tables import from_database
from recipes.sql import own_files
from recipes.sql.access import Access, Trouble
from tests.recipes.databases import imported, rows

QUERY = "SELECT a FROM t"
# PyMySQL leaves its sockets to the collector
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def base(path: Path, value: int, journal: str = "delete") -> Path:
    with sqlite3.connect(path) as line:
        line.execute(f"PRAGMA journal_mode = {journal}")
        line.execute("CREATE TABLE t(a INTEGER)")
        line.execute("INSERT INTO t VALUES (?)", (value,))
    line.close()
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    (tmp_path / "theirs").mkdir()
    base(tmp_path / "home" / "own.db", 4711)
    base(tmp_path / "theirs" / "shop.db", 1)
    return tmp_path / "home"


def way(home: Path, name: str = "shop.db") -> Access:
    file = home.parent / "theirs" / name
    return Access(kind="sqlite", database=str(file), apart=[str(home)], writable=True)


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_the_file_that_was_meant_is_read(home: Path, journal: str) -> None:
    base(home.parent / "theirs" / "more.db", 7, journal)
    assert rows(way(home, "more.db"), query=QUERY) == [(7,)]


def test_a_link_that_came_later_is_not_followed(home: Path) -> None:
    access = way(home)
    Path(access.database).unlink()
    Path(access.database).symlink_to(home / "own.db")
    with pytest.raises(Trouble, match="no database file"):
        rows(access, query=QUERY)


@pytest.mark.parametrize("lead", [os.link, os.symlink])
def test_no_other_name_leads_to_a_file_of_the_platform(home: Path, lead: Any) -> None:
    theirs = home.parent / "theirs"
    if lead is os.link:
        os.link(home / "own.db", theirs / "same.db")
    else:  # the folder is a link
        (theirs / "shop.db").unlink()
        theirs.rmdir()
        theirs.symlink_to(home)
    with pytest.raises(Trouble, match="Trackside itself"):
        rows(way(home, "same.db" if lead is os.link else "own.db"), query=QUERY)


@pytest.mark.parametrize("how", ["link", "another"])
def test_a_file_that_is_exchanged_while_it_is_opened_is_not_read(
    home: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    access, looked = way(home), own_files._descriptors

    def exchanged() -> dict[int, os.stat_result]:
        found = looked()
        place = Path(access.database)
        if not place.is_symlink() and place.stat().st_size:  # once, between the look and the open
            place.unlink()
            if how == "link":
                place.symlink_to(home / "own.db")
            else:
                os.link(base(home.parent / "other.db", 2), place)
            monkeypatch.setattr(own_files, "_descriptors", looked)
        return found

    monkeypatch.setattr(own_files, "_descriptors", exchanged)
    with pytest.raises(Trouble, match=r"another file|Trackside itself"):
        rows(access, query=QUERY)


def test_nothing_but_a_file_is_opened(home: Path) -> None:
    os.mkfifo(home.parent / "theirs" / "pipe.db")
    for name in ("pipe.db", "none.db", "."):
        with pytest.raises(Trouble, match="no database file"):
            rows(way(home, name), query=QUERY)


def test_who_may_not_know_where_a_database_is_is_not_told(home: Path) -> None:
    lost = replace(way(home, "none.db"), called="the shop")
    with pytest.raises(Trouble, match="the shop") as told:
        rows(lost, query=QUERY)
    assert str(home.parent) not in str(told.value)
    for host, port in (("127.0.0.1", 1), ("no.such.host.invalid", 0), ("/nowhere", 0)):
        for kind in ("postgresql", "mysql"):
            server = replace(lost, kind=kind, host=host, port=port, database="d-b", user="u-s")
            with pytest.raises(Trouble, match=r"shop|host") as told:
                rows(server, query=QUERY)
            assert not any(one in str(told.value) for one in (host, "d-b", "u-s"))
    del told
    gc.collect()  # here, where its warnings are known


def test_a_value_without_end_is_a_sentence(home: Path) -> None:
    with pytest.raises(Trouble, match="more than 64 MB"):
        rows(way(home), query="SELECT zeroblob(100000000)")


def test_an_import_begins_with_one_row_and_has_its_memory(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(from_database, "CHILD", replace(from_database.CHILD, memory=300 << 20))
    n = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 20) SELECT"
    facts = imported(way(home), tmp_path / "job", {"query": f"{n} hex(zeroblob(5000000)) FROM n"})
    assert facts["rows"] == 20, "200 MB, by 10 MB"
    wide = ", ".join(["zeroblob(60000000)"] * 20)
    with pytest.raises(Refused, match="more memory"):
        imported(way(home), tmp_path / "wide", {"query": f"SELECT {wide}"})

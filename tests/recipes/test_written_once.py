"""A job that is tried again writes its rows once, wherever its first attempt was lost."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recipes.engine.tabular import to_database
from recipes.engine.tabular.to_database import Destination
from recipes.events import Journal
from recipes.sql import ledger, look, writing
from recipes.sql.access import Access, Trouble
from recipes.sql.ledger import Once
from recipes.sql.opening import opened
from recipes.sql.target import Columns, Target
from tests.recipes.databases import emptied, names, rows, said
from tests.recipes.making import events

NAME = "Scored % rows"
SCORED = pa.table({"a": [1, 2, 3], "b": ["x", None, "z"]})
COLUMNS: Columns = {"a": "integer", "b": "text"}
OTHERS: Columns = {"a": "integer"}
BEFORE: dict[str, tuple[Columns, list[tuple[Any, ...]]]] = {  # what is there, by mode
    "append": (COLUMNS, [(7, "before")]),
    "create": (COLUMNS, []),
    "replace": (OTHERS, [(7,)]),
}
AFTER = {"append": 4, "create": 3, "replace": 3}


@pytest.fixture
def access(written_to: Access) -> Access:
    return emptied(written_to)


def attempt(access: Access, home: Path, mode: str, mark: str = "ab") -> dict[str, Any]:
    """As a node does it: asked first, then written from a file."""
    home.mkdir(parents=True, exist_ok=True)
    pq.write_table(SCORED, home / "scored.parquet")
    to = Destination(access, Target(table=NAME, mode=mode), "warehouse", Once(mark))
    with closing(Journal(home)) as journal:
        to.check(SCORED.schema, journal)
        return to.write(home / "scored.parquet", journal)


def prepare(access: Access, mode: str) -> None:
    columns, there = BEFORE[mode]
    if there:
        with opened(access, write=True) as connection:
            writing.write(connection, Target(table=NAME), columns, [there])


def then(work: Any, after: Any) -> Any:
    def both(*args: Any, **named: Any) -> Any:
        try:
            return work(*args, **named)
        finally:
            after()

    return both


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def meanwhile(patch: pytest.MonkeyPatch, work: Any) -> None:
    """`work` is done when the first rows of a write were sent."""

    def sent(*args: Any) -> Iterator[list[tuple[Any, ...]]]:
        yield [(1, "x"), (2, None)]
        work()
        yield [(3, "z")]

    patch.setattr(to_database, "batches", sent)


def both_at_once(access: Access, home: Path, mode: str, patch: pytest.MonkeyPatch) -> None:
    """Two jobs: the second one begins when the first rows of the other were sent."""
    other = threading.Thread(target=attempt, args=(access, home / "b", mode, "b"))
    begun, looked = writing._begun, threading.Event()

    def begins() -> None:
        patch.undo()
        patch.setattr(writing, "_begun", lambda *given: (looked.set(), begun(*given))[1])
        other.start()
        looked.wait()
        other.join(0.2)

    assert ledger.prepared(access, "") == ""
    meanwhile(patch, begins)
    attempt(access, home / "a", mode, "a")
    other.join()


def lost_at(point: str, patch: pytest.MonkeyPatch) -> None:
    if point == "begun":
        patch.setattr(writing, "_begun", then(writing._begun, die))
    elif point == "half":
        meanwhile(patch, die)
    elif point == "drafted":
        patch.setattr(writing, "_fill", then(writing._fill, die))
    elif point == "exchanged":
        patch.setattr(writing, "_exchange", then(writing._exchange, die))
    elif point == "marked":
        patch.setattr(ledger, "put", then(ledger.put, die))
    elif point == "committed":
        patch.setattr(Path, "unlink", then(Path.unlink, die))


@pytest.mark.parametrize(
    ("point", "mode"),
    [
        *(("half", "append"), ("half", "replace"), ("drafted", "create"), ("exchanged", "create")),
        *(("exchanged", "replace"), ("marked", "append"), ("marked", "replace")),
        *(("committed", "append"), ("committed", "create"), ("committed", "replace")),
    ],
)
def test_a_lost_attempt_and_the_next_one_write_once(
    access: Access, tmp_path: Path, mode: str, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(access, mode)

    def first() -> None:
        lost_at(point, monkeypatch)
        attempt(access, tmp_path / "first", mode)

    child = multiprocessing.get_context("fork").Process(target=first)
    child.start()
    child.join()
    exchanges = access.kind == "mysql" or (access.kind, mode) == ("postgresql", "replace")
    assert child.exitcode == (-signal.SIGKILL if exchanges or point != "exchanged" else 0)
    told = attempt(access, tmp_path / "second", mode)
    assert told["table"]["table"] == NAME
    assert len(rows(access, table=NAME)) == AFTER[mode]
    assert names(access) == sorted([NAME, ledger.NAME]), "nothing of the lost attempt stays"
    assert len(rows(access, table=ledger.NAME)) == 1
    if point == "committed":
        (note,) = events(tmp_path / "second", "note")
        assert "An attempt before this one has written the rows" in note["text"]
        attempt(access, tmp_path / "third", "append", mark="cd")
        assert len(rows(access, table=NAME)) == AFTER[mode] + 3, "another job writes its own"


def test_two_jobs_append_to_a_table_at_once(
    access: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if access.kind == "sqlite":
        return  # one at a time writes to a file
    prepare(access, "append")
    with monkeypatch.context() as patch:
        meanwhile(patch, lambda: (patch.undo(), attempt(access, tmp_path / "b", "append", "b")))
        attempt(access, tmp_path / "a", "append", "a")
    assert len(rows(access, table=NAME)) == 7
    with opened(access) as connection:
        offered = look.offered(connection, {})["tables"]
    assert [one["name"] for one in offered] == [NAME], "ours is nobody's data"


@pytest.mark.parametrize(
    ("mode", "before", "after"), [("append", None, 6), ("replace", 0, 3), ("replace", 2, 3)]
)
def test_two_jobs_make_or_empty_a_table_at_once(
    access: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str,
    before: int | None, after: int,
) -> None:  # fmt: skip
    if access.kind == "sqlite":
        return
    if before is not None:
        with opened(access, write=True) as connection:
            held = [[(7, "before")]] * before
            writing.write(connection, Target(table=NAME), COLUMNS, held)
    both_at_once(access, tmp_path, mode, monkeypatch)
    assert len(rows(access, table=NAME)) == after
    assert names(access) == sorted([NAME, ledger.NAME])


def test_two_attempts_of_a_job_at_once_write_once(
    access: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if access.kind == "sqlite":
        return  # the second one waits, and finds the first one's line
    prepare(access, "append")
    meanwhile(monkeypatch, lambda: (monkeypatch.undo(), attempt(access, tmp_path / "b", "append")))
    attempt(access, tmp_path / "a", "append")
    assert len(rows(access, table=NAME)) == 4
    (note,) = events(tmp_path / "a", "note")
    assert "An attempt before this one has written the rows to Scored % rows" in note["text"]


@pytest.mark.parametrize("columns", [COLUMNS, OTHERS])
def test_readers_see_the_rows_of_before_until_all_are_there(
    access: Access, tmp_path: Path, columns: Columns, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(access, write=True) as connection:
        before = [(7, "before")[: len(columns)]]
        writing.write(connection, Target(table=NAME), columns, [before])
    seen: list[Any] = []
    meanwhile(monkeypatch, lambda: seen.extend(rows(access, table=NAME)))
    attempt(access, tmp_path, "replace")
    assert seen == before
    assert len(rows(access, table=NAME)) == 3


def test_a_line_that_breaks_after_the_commit_is_no_failure(
    access: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def breaks(*args: Any, **named: Any) -> Iterator[Any]:
        with opened(*args, **named) as connection:
            yield connection
        if named.get("write"):
            raise Trouble("The database says: server closed the connection unexpectedly.")

    monkeypatch.setattr(to_database, "opened", breaks)
    attempt(access, tmp_path, "append")
    assert len(rows(access, table=NAME)) == 3


def test_a_commit_that_is_still_under_way_is_waited_for(access: Access) -> None:
    """The line breaks when the commit was sent: the database goes on with it meanwhile."""
    assert ledger.prepared(access, "") == ""
    to = Destination(access, Target(table=NAME), "warehouse", Once("ab", kept=True))
    told, ended = list[bool](), threading.Event()
    asks = threading.Thread(target=lambda: (told.append(to._committed()), ended.set()))
    with opened(access, write=True) as connection:
        writing.write(connection, to.target, COLUMNS, [[(1, "x")]], to.once)
        asks.start()
        ended.wait(0.2)
    asks.join()
    assert told == [True]
    assert len(rows(access, table=ledger.NAME)) == 1


def test_a_commit_that_never_came_leaves_nothing(access: Access) -> None:
    assert ledger.prepared(access, "") == ""
    to = Destination(access, Target(table=NAME), "warehouse", Once("ab", kept=True))
    assert not to._committed()
    assert rows(access, table=ledger.NAME) == []


def test_a_ledger_that_refuses_every_line_is_no_other_attempt(
    access: Access, tmp_path: Path
) -> None:
    """Somebody gave it a column that must be filled: its rows do not count as written."""
    if access.kind == "mysql":
        return  # which does not call that a matter of keys
    prepare(access, "append")
    columns = "job VARCHAR(64) PRIMARY KEY, written_table TEXT, written_at TIMESTAMP, who TEXT"
    said(access, f"CREATE TABLE {ledger.NAME} ({columns} NOT NULL)")
    to = Destination(access, Target(table=NAME, mode="append"), "base", Once("ab", kept=True))
    pq.write_table(SCORED, tmp_path / "scored.parquet")
    refused = pytest.raises(Trouble, match="refuses the line of this job: nothing was written")
    with closing(Journal(tmp_path)) as journal, refused:
        to.write(tmp_path / "scored.parquet", journal)
    assert len(rows(access, table=NAME)) == 1


LIMITED = {
    "postgresql": (
        'CREATE ROLE few LOGIN; GRANT SELECT, INSERT ON "Scored % rows" TO few',
        "DROP OWNED BY few; DROP ROLE few",
    ),
    "mysql": (
        "CREATE USER few@localhost; GRANT SELECT, INSERT ON `Scored % rows` TO few@localhost",
        "DROP USER few@localhost",
    ),
}


def test_who_may_make_no_table_is_told_and_goes_on(access: Access, tmp_path: Path) -> None:
    if access.kind not in LIMITED:
        return  # who may write to the file may make tables in it
    prepare(access, "append")
    made, gone = LIMITED[access.kind]
    said(access, *made.split("; "))
    may = []
    try:
        for one in (access, replace(access, user="few")):
            with opened(one) as connection:
                may.append(ledger.possible(connection, ""))
        for _ in range(2):
            attempt(replace(access, user="few"), tmp_path, "append")
    finally:
        said(access, *gone.split("; "))
    assert may == [True, False]
    assert len(rows(access, table=NAME)) == 7, "at least once, as before"
    note, _ = events(tmp_path, "note")
    assert note["level"] == "warning"
    assert "it runs once more and may write them twice" in note["text"]
    assert "trackside_written" in note["text"]

"""Looks into a database: its catalogue, first rows, and nothing that writes; three real kinds."""

import json
from contextlib import suppress
from pathlib import Path

import pytest

from tests import mariadb, postgres
from tests.web.shops import SECRET, server, shop, to_file
from trackside.accounts.models import User
from trackside.connections import looking, services
from trackside.projects.models import Project


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop(tmp_path_factory.mktemp("shop"))


def test_a_look_shows_what_the_catalogue_has_and_nothing_else(
    admin: User, project: Project, file: Path
) -> None:
    one = to_file(admin, file, [project])
    assert looking.offered(one).tables == [
        {"name": "cheap", "kind": "view"}, {"name": "or ders%", "kind": "table"}
    ]  # fmt: skip
    seen = looking.preview(one, {"table": "or ders%"})
    assert [(c["name"], c["type"]) for c in seen.columns] == [
        ("id", "integer"), ("note", "text"), ("price", "number")
    ]  # fmt: skip
    assert (len(seen.rows), seen.more, seen.rows[:2]) == (
        50, True, [["0", None, "0.0"], ["1", "<b>1</b>", "0.25"]]
    )  # fmt: skip
    for table in ('or ders%" --', "sqlite_master", "nothing", "cheap; DROP TABLE x"):
        with pytest.raises(looking.NoLook, match="no table"):
            looking.preview(one, {"table": table})
    with pytest.raises(looking.NoLook, match="no schema"):
        looking.offered(one, 'x"; --')


WRITES = (
    "DELETE FROM \"or ders%\"", "SELECT 1; DROP VIEW cheap", "UPDATE cheap SET price = 0",
    "PRAGMA query_only = OFF", "ATTACH '/tmp/x.db' AS x", "VACUUM INTO '/tmp/x.db'", "",
    "WITH a AS (SELECT 1) DELETE FROM \"or ders%\"", "/* SELECT */ DROP VIEW cheap",
    "SELECT load_extension('/tmp/x')", "EXPLAIN DELETE FROM cheap", "BEGIN", "SELECT 'torn",
)  # fmt: skip


@pytest.mark.parametrize("query", WRITES)
def test_a_query_is_one_select_that_changes_nothing(
    admin: User, project: Project, file: Path, query: str
) -> None:
    before = file.read_bytes()
    with pytest.raises(looking.NoLook) as no:
        looking.preview(to_file(admin, file, [project]), {"query": query or " "})
    assert str(no.value).endswith(".")
    assert file.read_bytes() == before


def test_a_look_that_takes_too_long_is_ended(
    admin: User, project: Project, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "SECONDS", 0.2)
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
    with pytest.raises(looking.NoLook, match="too long"):
        looking.preview(to_file(admin, file, [project]), {"query": endless})


def test_few_look_at_once(admin: User, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = to_file(admin, file)
    held = [looking.AT_ONCE.acquire(blocking=False) for _ in range(5)]
    try:
        assert held == [True] * 4 + [False]
        with pytest.raises(looking.NoLook, match="Try again"):
            looking.offered(one)
    finally:
        for _ in range(4):
            looking.AT_ONCE.release()
    assert looking.offered(one).tables


@pytest.mark.process
def test_a_postgres_is_looked_into_and_not_written_to(admin: User) -> None:
    import psycopg

    with postgres.server() as running:
        with psycopg.connect(host=str(running.home), user="trackside", dbname="postgres") as line:
            line.execute("CREATE SCHEMA hidden; CREATE TABLE hidden.secrets(a int)")
            line.execute('CREATE TABLE "or ders%"(id bigint, price numeric(9, 2), at timestamptz)')
            line.execute('INSERT INTO "or ders%" VALUES (1, 1.50, now())')
            line.execute("CREATE ROLE reader LOGIN; CREATE ROLE files LOGIN")
            line.execute("GRANT pg_read_server_files TO files")
        told = server(host=str(running.home), port=0, database="postgres", user="trackside")
        one = services.create(admin, {**told, "schema": "public"})
        assert looking.tested(one).trouble == ""
        for user, may in (("trackside", "superuser"), ("files", "pg_read_server_files")):
            strong = services.create(admin, {**told, "name": user, "user": user})
            assert f"tables need: {may}. " in looking.tested(strong).warning
        reader = services.create(admin, {**told, "name": "reader", "user": "reader"})
        assert looking.tested(reader) == looking.Tested()
        assert [table["name"] for table in looking.offered(one).tables] == ["or ders%"]
        with pytest.raises(looking.NoLook, match="alone"):
            looking.preview(one, {"schema": "hidden", "table": "secrets"})
        seen = looking.preview(one, {"schema": "public", "table": "or ders%"})
        assert [c["words"] for c in seen.columns][:2] == ["bigint", "numeric(9, 2)"]
        assert seen.rows[0][:2] == ["1", "1.50"]
        for query in (
            'DELETE FROM "or ders%"', 'WITH d AS (DELETE FROM "or ders%" RETURNING 1) SELECT 1',
            "SELECT set_config('transaction_read_only', 'off', true)", "SELECT 1 INTO made",
            "SELECT nextval('nothing')", "TABLE pg_nothing",
            "COPY \"or ders%\" TO PROGRAM 'id'", "SELECT 1) AS a; DROP TABLE x; --",
        ):  # fmt: skip
            with pytest.raises(looking.NoLook):
                looking.preview(one, {"query": query})
        with suppress(looking.NoLook):  # Postgres 15 lets it pass, and it is taken back
            looking.preview(one, {"query": "SELECT lo_create(4711)"})
        with psycopg.connect(host=str(running.home), user="trackside", dbname="postgres") as line:
            left = line.execute(
                'SELECT (SELECT count(*) FROM "or ders%"), '
                "(SELECT count(*) FROM pg_largeobject_metadata), to_regclass('made')"
            ).fetchone()
        assert left == (1, 0, None)
        for change, says in (({"database": "nope"}, "no database"), ({"user": "nope"}, "user")):
            wrong = services.change(one, admin, {**change, "password": SECRET})
            assert says in looking.tested(wrong).trouble


@pytest.mark.process
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # PyMySQL's sockets
def test_a_mariadb_is_looked_into_and_not_written_to(admin: User, tmp_path: Path) -> None:
    import pymysql

    with mariadb.running() as socket:
        with pymysql.connect(unix_socket=str(socket), user="root", database="test") as line:
            line.cursor().execute("CREATE TABLE `or ders%`(id bigint unsigned, p decimal(9, 2))")
            line.cursor().execute("INSERT INTO `or ders%` VALUES (18446744073709551615, 1.5)")
            line.cursor().execute(f"CREATE USER reader IDENTIFIED BY '{SECRET}'")
            line.cursor().execute("GRANT SELECT ON test.* TO reader")
            line.commit()
        told = server(
            kind="mysql", host=str(socket), port=0, database="test", user="root", password=""
        )
        one = services.create(admin, told)
        assert "FILE" in looking.tested(one).warning
        reader = {"name": "reader", "user": "reader", "password": SECRET}
        named = services.create(admin, {**told, **reader})
        assert looking.tested(named) == looking.Tested()
        named = services.change(named, admin, {"writable": True})
        assert "may make no tables in its usual schema" in looking.tested(named).warning
        with pymysql.connect(unix_socket=str(socket), user="root") as line:
            line.cursor().execute("GRANT CREATE ON `te%`.* TO reader")
        assert looking.tested(named) == looking.Tested()
        assert "test" in looking.offered(one).schemas
        assert "mysql" not in looking.offered(one).schemas
        seen = looking.preview(one, {"schema": "test", "table": "or ders%"})
        assert seen.rows == [["18446744073709551615", "1.50"]]
        for query in (
            "DELETE FROM `or ders%`", "SELECT 1; DROP TABLE x",
            f"SELECT 1 INTO OUTFILE '{tmp_path}/x'", f"SELECT 1 INTO/**/OUTFILE '{tmp_path}/x'",
            f"SELECT 1 /*!INTO OUTFILE '{tmp_path}/x'*/", f"SELECT 1 INTO DUMPFILE '{tmp_path}/x'",
        ):  # fmt: skip
            with pytest.raises(looking.NoLook):
                looking.preview(one, {"query": query})
        assert not (tmp_path / "x").exists()
        for change in ({"user": "reader", "password": "wrong"}, {"user": "nobody"}):
            wrong = services.create(admin, {**told, "name": json.dumps(len(change)), **change})
            assert "refuses user or password" in looking.tested(wrong).trouble
            wrong.delete()

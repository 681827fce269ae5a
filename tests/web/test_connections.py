"""Connections: administrators make them, projects use them, and no password comes out again."""

import json
import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.http import Http404
from django.test import Client

from recipes.params import ParamError
from tests import mariadb, postgres
from tests.web.cast import submit
from tests.web.shops import SECRET, server, shop, to_file
from trackside.accounts.models import AuditEntry, User
from trackside.connections import access, looking, sealing, services
from trackside.connections.models import Connection
from trackside.projects.models import Project

SENT = {"name": "shop", "ssl": "prefer", "port": 1}  # as browsers send all fields
PAGES = ("connections/", "connections/new/", "connections/{}/")
POSTS = ("connections/new/", "connections/{}/", "connections/{}/test/", "connections/{}/delete/")


@pytest.fixture
def warehouse(admin: User) -> Connection:
    return services.create(admin, server())


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop(tmp_path_factory.mktemp("shop"))


def test_to_who_is_no_administrator_the_pages_are_not_there(
    as_ada: Client, project: Project, warehouse: Connection
) -> None:
    assert {as_ada.get(f"/{one.format(warehouse.pk)}").status_code for one in PAGES} == {404}
    assert {as_ada.post(f"/{one.format(warehouse.pk)}").status_code for one in POSTS} == {404}
    assert Connection.objects.count() == 1


def test_a_password_is_sealed_and_comes_out_nowhere(
    as_admin: Client, capsys: Any, caplog: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    sent = {**SENT, **server()}
    said = as_admin.post("/connections/new/", sent).content  # nothing answers
    one = Connection.objects.get()
    assert sealing.unseal(one.sealed) == SECRET
    assert "Nothing listens at 127.0.0.1:1" in one.trouble
    pages = [as_admin.get(f"/{page.format(one.pk)}").content for page in PAGES]
    pages += [
        said,
        as_admin.get("/audit/").content,
        as_admin.post(f"/connections/{one.pk}/").content,
    ]
    call_command("dumpdata")
    told = b"".join(pages).decode() + capsys.readouterr().out + caplog.text
    assert "warehouse" in told
    assert SECRET not in told + repr(access.way(one)).replace(SECRET, "", 1)
    wrong = as_admin.post("/connections/new/", {**sent, "host": "a b"})
    assert wrong.status_code == 422
    assert SECRET not in wrong.content.decode()


def test_another_key_opens_nothing_and_an_older_one_does(
    warehouse: Connection, settings: Any
) -> None:
    former = settings.SECRET_KEY
    settings.SECRET_KEY = "x" * 50
    with pytest.raises(access.NoAccess, match="SECRET_KEY"):
        access.way(warehouse)
    settings.SECRET_KEY_FALLBACKS = [former]
    assert access.way(warehouse)["password"] == SECRET


@pytest.mark.parametrize(
    "change", [{"host": "evil.example"}, {"port": 5433}, {"user": "x"}, {"ssl": "disable"},
               {"kind": "mysql"}]
)  # fmt: skip
def test_a_password_goes_nowhere_but_where_it_was_typed_for(
    warehouse: Connection, admin: User, change: dict[str, Any]
) -> None:
    with pytest.raises(ParamError, match="Type the password again"):
        services.change(warehouse, admin, change)
    moved = services.change(warehouse, admin, {**change, "password": "another"})
    assert sealing.unseal(moved.sealed) == "another"


def test_what_changes_nothing_about_the_way_keeps_the_password(
    warehouse: Connection, admin: User
) -> None:
    one = services.change(warehouse, admin, {"name": "w2", "database": "other", "schema": "s"})
    assert sealing.unseal(one.sealed) == SECRET
    gone = services.change(one, admin, {"kind": "sqlite", "database": "/data/x.db"})
    assert (gone.sealed, gone.host, gone.user, gone.port) == ("", "", "", 0)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", "../x", "A connection's name"),
        ("name", "", "A connection's name"),
        ("kind", "oracle", "must be one of"),
        ("host", "", "Type the host"),
        ("host", "a,b", "Type the host"),
        ("host", "db.example.org?sslmode=disable", "Type the host"),
        ("host", "user@db", "Type the host"),
        ("port", "70000", "between"),
        ("database", "", "Name the database"),
        ("user", "", "Name the user"),
        ("ssl", "maybe", "must be one of"),
        ("password", "a\0b", "one line"),
    ],
)
def test_wrong_fields_say_what_is_wrong(admin: User, field: str, value: str, says: str) -> None:
    with pytest.raises(ParamError, match=says) as wrong:
        services.create(admin, server(**{field: value}))
    assert list(wrong.value.errors) == [field]
    assert SECRET not in str(wrong.value)


def test_the_house_of_trackside_cannot_be_read(
    admin: User, settings: Any, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    link = tmp_path_factory.mktemp("elsewhere") / "innocent.db"
    link.symlink_to(tmp_path / "db.sqlite3")
    for place in (tmp_path / "db.sqlite3", link, tmp_path / "storage" / "x" / "original"):
        with pytest.raises(ParamError, match="Trackside itself"):
            to_file(admin, place)
    with pytest.raises(ParamError, match="absolute"):
        to_file(admin, Path("db.sqlite3"))
    later = to_file(admin, link.with_name("later.db"))
    link.rename(link.with_name("later.db"))
    assert "Trackside itself" in looking.tested(later)


def test_a_project_sees_the_connections_that_are_for_it(
    admin: User, project: Project, ada: User, file: Path
) -> None:
    other = Project.objects.create(key="OTHER", name="Other", created_by=ada)
    for name, projects, everywhere in (("a", [project], False), ("b", [other], False),
                                       ("c", [], True), ("d", [], False)):  # fmt: skip
        to_file(admin, file, projects, name=name, everywhere=everywhere)
    assert [one.name for one in access.usable(project)] == ["a", "c"]
    assert access.connection_for(project, "c").name == "c"
    for name in ("b", "d", "nothing"):
        with pytest.raises(Http404):
            access.connection_for(project, name)


def test_a_job_gets_the_way_only_while_its_project_may_use_it(
    admin: User, project: Project, ada: User, file: Path
) -> None:
    one = to_file(admin, file, [project])
    source = {"connection": one.pk, "name": "shop", "schema": "", "table": "cheap"}
    job = submit(project, ada, kind="import", spec={"source": source})
    way = access.for_job(job)
    assert way is not None
    assert (way["kind"], way["database"], way["writable"]) == ("sqlite", str(file), False)
    assert access.for_job(submit(project, ada)) is None
    output = {"kind": "sql", "connection": one.pk, "name": "shop", "table": "x", "mode": "create"}
    writes = submit(project, ada, kind="score", spec={"output": output})
    with pytest.raises(access.NoAccess, match="reading only"):
        access.for_job(writes)
    services.change(one, admin, {"writable": True})
    assert access.for_job(writes) is not None
    one.projects.clear()
    for refused in (job, writes):
        with pytest.raises(access.NoAccess, match="shop is gone"):
            access.for_job(refused)
    services.delete(one, admin)
    with pytest.raises(access.NoAccess, match="shop is gone"):
        access.for_job(job)


def test_an_administrator_makes_tests_changes_and_deletes_one(
    as_admin: Client, project: Project, file: Path
) -> None:
    told = {**SENT, "kind": "sqlite", "database": str(file), "project": ["INSECTS"]}
    assert as_admin.post("/connections/new/", told)["Location"] == "/connections/"
    one = Connection.objects.get()
    assert (one.trouble, one.everywhere, list(one.projects.all())) == ("", False, [project])
    assert b"Works" in as_admin.get("/connections/").content
    gone = {**told, "database": "/nothing/here.db"}
    answer = as_admin.post(f"/connections/{one.pk}/", gone, follow=True)
    assert b"does not work yet: There is no" in answer.content
    again = as_admin.post(f"/connections/{one.pk}/test/", follow=True)
    assert b"Does not work" in again.content
    taken = as_admin.post("/connections/new/", {**told, "name": "SHOP"})
    assert b"already a connection" in taken.content
    as_admin.post(f"/connections/{one.pk}/delete/")
    assert not Connection.objects.exists()
    acts = AuditEntry.objects.values_list("act", flat=True)
    assert {"connection made", "connection changed", "connection deleted"} <= set(acts)


def test_a_look_shows_what_the_catalogue_has_and_nothing_else(
    admin: User, project: Project, file: Path
) -> None:
    one = to_file(admin, file, [project])
    assert looking.tables(one) == [
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
        looking.tables(one, 'x"; --')


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
            looking.tables(one)
    finally:
        for _ in range(4):
            looking.AT_ONCE.release()
    assert looking.tables(one)


@pytest.mark.process
def test_a_postgres_is_looked_into_and_not_written_to(admin: User) -> None:
    import psycopg

    with postgres.server() as running:
        with psycopg.connect(host=str(running.home), user="trackside", dbname="postgres") as line:
            line.execute("CREATE SCHEMA hidden; CREATE TABLE hidden.secrets(a int)")
            line.execute('CREATE TABLE "or ders%"(id bigint, price numeric(9, 2), at timestamptz)')
            line.execute('INSERT INTO "or ders%" VALUES (1, 1.50, now())')
        told = server(host=str(running.home), port=0, database="postgres", user="trackside")
        one = services.create(admin, {**told, "schema": "public"})
        assert looking.tested(one) == ""
        assert [table["name"] for table in looking.tables(one)] == ["or ders%"]
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
            assert says in looking.tested(wrong)


@pytest.mark.process
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # PyMySQL's sockets
def test_a_mariadb_is_looked_into_and_not_written_to(admin: User, tmp_path: Path) -> None:
    import pymysql

    with mariadb.running() as socket:
        with pymysql.connect(unix_socket=str(socket), user="root", database="test") as line:
            line.cursor().execute("CREATE TABLE `or ders%`(id bigint unsigned, p decimal(9, 2))")
            line.cursor().execute("INSERT INTO `or ders%` VALUES (18446744073709551615, 1.5)")
            line.cursor().execute(f"CREATE USER reader IDENTIFIED BY '{SECRET}'")
            line.commit()
        told = server(
            kind="mysql", host=str(socket), port=0, database="test", user="root", password=""
        )
        one = services.create(admin, told)
        assert looking.tested(one) == ""
        assert "test" in looking.schemas(one)
        assert "mysql" not in looking.schemas(one)
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
            assert "refuses user or password" in looking.tested(wrong)
            wrong.delete()

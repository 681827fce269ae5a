"""Connections: administrators make them, projects use them, and no password comes out again."""

import logging
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.http import Http404
from django.test import Client

from recipes.params import ParamError
from tests.web.cast import submit
from tests.web.shops import SECRET, server, shop, to_file
from tests.web.world import Rest
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
    said += as_admin.post("/connections/new/", {**sent, "then": "save"}).content
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
    assert "Trackside itself" in looking.tested(later).trouble


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
    asked = {"headers": {"X-Fragment": "1"}}  # by the page's script
    sent = as_admin.post(f"/connections/{one.pk}/", told, **asked)
    assert (sent.status_code, sent.json()) == (201, {"url": "/connections/"})
    assert b"is saved, and works" in as_admin.get("/connections/").content
    gone = {**told, "database": "/nothing/here.db"}
    answer = as_admin.post(f"/connections/{one.pk}/", {**gone, "then": "save"}, follow=True)
    assert b"does not work yet: There is no" in answer.content
    again = as_admin.post(f"/connections/{one.pk}/test/", follow=True)
    assert b"Does not work" in again.content
    taken = as_admin.post("/connections/new/", {**told, "name": "SHOP"})
    assert b"already a connection" in taken.content
    as_admin.post(f"/connections/{one.pk}/", {**gone, "name": "Shop", "then": "save"})
    assert Connection.objects.get().name == "Shop", "its own name is no other's"
    as_admin.post(f"/connections/{one.pk}/delete/")
    assert not Connection.objects.exists()
    acts = AuditEntry.objects.values_list("act", flat=True)
    assert {"connection made", "connection changed", "connection deleted"} <= set(acts)


def test_what_does_not_work_is_saved_only_if_one_says_so(
    as_admin: Client, admin: User, file: Path
) -> None:
    wrong = {**SENT, "kind": "sqlite", "database": "/nothing/here.db"}
    for then, status in (("", 422), ("test", 200)):
        answer = as_admin.post("/connections/new/", {**wrong, "then": then})
        assert answer.status_code == status
        assert b"It does not work, and is not saved." in answer.content
        assert b"Save all the same" in answer.content
    right = {**wrong, "database": str(file)}
    tried = as_admin.post("/connections/new/", {**right, "then": "test"})
    assert (tried.status_code, b"It is not saved yet." in tried.content) == (200, True)
    assert not Connection.objects.exists()
    assert as_admin.post("/connections/new/", right).status_code == 302
    one = Connection.objects.get()
    assert as_admin.post(f"/connections/{one.pk}/", wrong).status_code == 422
    as_admin.post(f"/connections/{one.pk}/test/")
    assert services.shown(Connection.objects.get()) == services.shown(one)
    assert as_admin.post(f"/connections/{one.pk}/", {**wrong, "then": "save"}).status_code == 302
    assert Connection.objects.get().database == "/nothing/here.db"


def test_what_is_saved_is_tested_once(
    as_admin: Client, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    works = looking.Tested(warning="It may too much.")
    monkeypatch.setattr(looking, "tested", lambda one: asked.append(one.name) or works)
    told = {**SENT, "kind": "sqlite", "database": str(file), "port": ""}
    assert as_admin.post("/connections/new/", told).status_code == 302
    one = Connection.objects.get()
    page = as_admin.get(f"/connections/{one.pk}/").content.decode()
    assert '<span data-when="kind=sqlite">The absolute path' in page
    assert 'name="port" value="0"' not in page, "empty is the usual one"
    assert (asked, one.warning, one.tested_at is None) == ([one.name], "It may too much.", False)
    assert as_admin.post(f"/connections/{one.pk}/", told).status_code == 302
    assert as_admin.post(f"/connections/{one.pk}/", {**told, "then": "save"}).status_code == 302
    assert len(asked) == 3


def test_the_kept_password_is_not_tried_elsewhere(
    as_admin: Client, warehouse: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(looking, "tested", lambda one: asked.append(access.way(one)))
    told = {**SENT, **server(password=""), "host": "evil.example", "then": "test"}
    answer = as_admin.post(f"/connections/{warehouse.pk}/", told)
    assert (answer.status_code, asked) == (422, [])
    assert b"Type the password again" in answer.content


def test_a_user_that_may_too_much_is_said_beside_the_connection(
    as_admin: Client, file: Path, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "tested", lambda one: looking.Tested(warning="It may too much."))
    one = to_file(admin, file)
    listed = as_admin.post(f"/connections/{one.pk}/test/", follow=True).content.decode()
    page = as_admin.get(f"/connections/{one.pk}/").content.decode()
    assert ("It may too much." in listed, "It may too much." in page) == (True, True)
    assert "Does not work" not in listed
    tried = Rest(admin).call("POST", "/connections/shop/test", {}).json()
    assert tried == {"works": True, "trouble": "", "warning": "It may too much."}
    assert services.change(one, admin, {"name": "other"}).warning == ""

"""Datasets that are read from a database: by pages, by REST, by the command, and read again."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.web.shops import SECRET, server, shop, to_file
from tests.web.table_stage import PEOPLE, finish
from tests.web.test_client import client, shell
from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.client import Client as Remote
from trackside.client import command, databases
from trackside.connections import access, services
from trackside.connections.models import Connection
from trackside.datasets import corrections, from_database, storage
from trackside.datasets.models import Dataset, DatasetState
from trackside.jobs.models import Job
from trackside.projects.models import Project

__all__ = ["client", "shell"]
PAGE = "/p/INSECTS/from-database/"
API = "/projects/INSECTS"
TABLE = {"connection": "shop", "what": "table", "table": "or ders%", "name": "orders"}


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture
def one(admin: User, project: Project, file: Path) -> Connection:
    return to_file(admin, file, [project])


@pytest.fixture
def orders(one: Connection, as_ben: Client) -> Dataset:
    answer = as_ben.post(PAGE, TABLE)
    assert answer["Location"] == "/p/INSECTS/datasets/orders/"
    return finish(Dataset.objects.get(), PEOPLE)


def test_a_page_offers_tables_and_shows_their_rows(one: Connection, as_ben: Client) -> None:
    page = as_ben.get(PAGE).content.decode()  # the only connection is chosen
    assert 'value="or ders%"' in page
    assert 'value="cheap"' in page
    found = as_ben.get(PAGE, {"connection": "shop", "q": "CHE"}).content.decode()
    assert ('value="or ders%"' in found, 'value="cheap"' in found) == (False, True)
    rows = as_ben.post(f"{PAGE}preview/", TABLE).content.decode()
    assert "&lt;b&gt;1&lt;/b&gt;" in rows
    assert "The first 50 rows." in rows
    asked = {
        **TABLE,
        "what": "query",
        "query": "SELECT count(*) AS n FROM cheap WHERE note LIKE '%b%'",
    }
    assert ">2</td>" in as_ben.post(f"{PAGE}preview/", asked).content.decode()
    wrong = as_ben.post(f"{PAGE}preview/", {**asked, "query": "DROP VIEW cheap"})
    assert (wrong.status_code, b"Write one SELECT" in wrong.content) == (200, True)


def test_an_import_names_the_source_and_no_secret(orders: Dataset, one: Connection) -> None:
    assert orders.job is not None
    source = {"connection": one.pk, "name": "shop", "schema": "", "table": "or ders%"}
    assert orders.job.spec["source"] | {"schema": ""} == source
    assert orders.job.spec["limits"] == {"bytes": 20_000 << 20, "free": 500 << 20}
    assert orders.job.max_seconds == 6 * 3600  # a server that never ends must not hold its slot
    assert "archive" not in orders.job.spec
    assert str(one.database) not in str(orders.job.spec)


def test_its_page_says_where_it_came_from_and_reads_again(
    orders: Dataset, as_ben: Client, as_cleo: Client
) -> None:
    home = "/p/INSECTS/datasets/orders/"
    about = as_cleo.get(f"{home}?tab=columns").content.decode()
    assert "Read from" in about
    assert "or ders%" in about
    assert "Read again" not in about
    assert as_cleo.post(f"{home}read-again/").status_code == 403
    as_ben.post(f"{home}read-again/")
    orders.refresh_from_db()
    assert orders.job is not None
    assert (orders.state, orders.job.spec["source"]["table"]) == ("importing", "or ders%")
    assert "is being read again" in as_ben.get(home).content.decode()
    twice = as_ben.post(f"{home}read-again/", follow=True).content.decode()
    assert "is being imported by job" in twice
    Job.objects.filter(pk=orders.job_id).update(state="failed", reason="The table is gone.")
    page = as_ben.get(home).content.decode()
    assert "The last import did not work" in page
    assert "The table is gone." in page
    again = finish(Dataset.objects.get(pk=orders.pk), PEOPLE)
    assert again.facts["source"]["table"] == "or ders%"


def test_what_reading_again_has_changed_is_said(orders: Dataset, as_ben: Client) -> None:
    home = "/p/INSECTS/datasets/orders/"
    there = as_ben.post(f"{home}read-again/")["Location"]
    orders.refresh_from_db()
    assert there == f"{home}?before={from_database.mark(orders)}"
    Job.objects.update(state="succeeded", finished_at=timezone.now())
    Dataset.objects.update(state="ready", reason="")
    rows = orders.rows
    assert f"{rows} rows, exactly as before." in as_ben.get(there).content.decode()
    Dataset.objects.update(fingerprint="another")
    assert f"{rows} rows as before, but they are not" in as_ben.get(there).content.decode()
    Dataset.objects.update(rows=rows + 1)
    assert f"{rows + 1} rows, {rows} before." in as_ben.get(there).content.decode()
    for nothing in ("", "?before=", "?before=x-y", "?before=9"):
        assert "before." not in as_ben.get(home + nothing).content.decode()


def test_types_are_corrected_without_the_database(orders: Dataset, ben: User) -> None:
    kept = storage.folder(orders) / storage.ORIGINAL
    kept.write_bytes(b"the rows as they came")
    spec = corrections.correct(orders, ben, {"age": "text"}).spec
    assert Path(spec["archive"]).read_bytes() == b"the rows as they came"
    assert spec["source"]["table"] == "or ders%"
    assert access.for_job(Job.objects.latest("pk")) is None
    again = finish(Dataset.objects.get(pk=orders.pk), PEOPLE)
    job = from_database.read_again(again, ben)
    assert ("archive" in job.spec, list(job.spec["types"])) == (False, ["age"])


def test_one_that_failed_is_tried_again_without_an_upload(one: Connection, as_ben: Client) -> None:
    as_ben.post(PAGE, TABLE)
    made = Dataset.objects.get()
    Job.objects.filter(pk=made.job_id).update(state="failed", reason="Nothing listens.")
    assert "how the file is read" not in as_ben.get("/p/INSECTS/datasets/orders/").content.decode()
    as_ben.post("/p/INSECTS/datasets/orders/retry/")
    made.refresh_from_db()
    assert made.state == DatasetState.IMPORTING
    assert made.job is not None
    assert made.job.spec["source"]["name"] == "shop"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"table": 'x"; DROP TABLE y; --'}, "There is no table"),
        ({"table": ""}, "Choose a table, or write a query"),
        ({"what": "query", "query": "DELETE FROM cheap"}, "Write one SELECT"),
        ({"name": "a/b"}, "cannot be a dataset"),
        ({"what": "query", "query": "SELECT 1", "name": ""}, "Name the dataset"),
    ],
)
def test_what_cannot_be_read_is_said_and_nothing_is_made(
    one: Connection, as_ben: Client, change: dict[str, str], says: str
) -> None:
    answer = as_ben.post(PAGE, {**TABLE, **change})
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert (Dataset.objects.count(), Job.objects.count()) == (0, 0)


def test_a_server_that_does_not_answer_is_a_sentence(
    admin: User, project: Project, as_ben: Client
) -> None:
    services.create(admin, server(), [project])
    page = as_ben.get(PAGE)
    assert page.status_code == 200
    told = page.content.decode()
    assert "Nothing listens at warehouse." in told
    assert not [one for one in (SECRET, "127.0.0.1:1", "reader") if one in told]


def test_connections_of_others_are_absent_and_readers_look_into_none(
    admin: User, project: Project, file: Path, as_ben: Client, as_cleo: Client, as_dan: Client
) -> None:
    to_file(admin, file)  # nobody may use it
    assert "No connection for this project" in as_ben.get(PAGE).content.decode()
    for what in (PAGE, f"{PAGE}preview/"):
        assert as_ben.post(what, TABLE).status_code == 404
        assert (as_cleo.post(what, TABLE).status_code, as_dan.post(what).status_code) == (403, 404)


def test_rest_keeps_connections_for_administrators(
    admin: User, ada: User, project: Project
) -> None:
    rest, hers = Rest(admin), Rest(ada)
    told = {**server(), "projects": ["INSECTS"]}
    assert hers.call("POST", "/connections", told).status_code == 403
    made = rest.call("POST", "/connections", told)
    assert made.status_code == 201, made.content
    assert made.json()["has_password"]
    assert (made.json()["projects"], "password" in made.json()) == (["INSECTS"], False)
    assert rest.call("POST", "/connections", told).json()["error"]["field"] == "name"
    assert (
        rest.call("PATCH", "/connections/warehouse", {"port": 5}).json()["error"]["field"]
        == "password"
    )
    assert rest.call("PATCH", "/connections/warehouse", {"schema": "s"}).json()["schema"] == "s"
    tried = rest.call("POST", "/connections/warehouse/test", {}).json()
    assert (tried["works"], "Nothing listens" in tried["trouble"]) == (False, True)
    told = (
        rest.call("GET", "/connections").content
        + rest.call("GET", "/connections/warehouse").content
    )
    assert SECRET not in told.decode()
    seen = hers.call("GET", f"{API}/connections").json()["connections"]
    assert seen == [{"name": "warehouse", "kind": "postgresql", "schema": "s", "writable": False}]
    for call in (hers.call("GET", "/connections"), hers.call("GET", "/connections/warehouse"),
                 hers.call("PATCH", "/connections/warehouse", {}),
                 hers.call("DELETE", "/connections/warehouse")):  # fmt: skip
        assert call.status_code == 403
    assert rest.call("DELETE", "/connections/warehouse").status_code == 204


def test_rest_looks_reads_and_reads_again(one: Connection, ben: User, cleo: User) -> None:
    rest = Rest(ben)
    looked = rest.call("GET", f"{API}/connections/shop/tables").json()
    assert [table["name"] for table in looked["tables"]] == ["cheap", "or ders%"]
    columns = rest.call("GET", f"{API}/connections/shop/tables?table=cheap").json()["columns"]
    assert [column["name"] for column in columns] == ["id", "note", "price"]
    seen = rest.call("POST", f"{API}/connections/shop/preview", {"query": "SELECT 1 AS a"}).json()
    assert (seen["rows"], seen["more"]) == ([["1"]], False)
    body: dict[str, Any] = {"connection": "shop", "query": "SELECT 1 AS a", "name": "ones"}
    made = rest.call("POST", f"{API}/datasets-from-database", {**body, "types": {"a": "text"}})
    assert made.status_code == 202, made.content
    spec = Job.objects.get(pk=made.json()["job"]).spec
    assert (spec["source"]["query"], spec["types"]) == ("SELECT 1 AS a", {"a": "text"})
    finish(Dataset.objects.get(), PEOPLE)
    assert rest.call("GET", f"{API}/datasets/ones").json()["source"] == {
        "connection": "shop", "query": "SELECT 1 AS a"
    }  # fmt: skip
    assert rest.call("POST", f"{API}/datasets/ones/read-again", {}).status_code == 202
    for wrong in ({**body, "table": "cheap"}, {**body, "query": "DROP VIEW cheap"}):
        assert rest.call("POST", f"{API}/datasets-from-database", wrong).status_code == 422
    assert rest.call("POST", f"{API}/connections/shop/preview", {"table": "no"}).status_code == 422
    assert rest.call("GET", f"{API}/connections/other/tables").status_code == 404
    assert (
        Rest(cleo).call("POST", f"{API}/connections/shop/preview", {"table": "cheap"}).status_code
        == 403
    )


def test_the_client_and_the_command_read_a_table(
    client: Remote, one: Connection, shell: None, capsys: Any
) -> None:
    assert databases.connections(client, "INSECTS")[0]["name"] == "shop"
    assert databases.preview(client, "INSECTS", "shop", "cheap")["rows"][0][0] == "0"
    assert command.main(["sql", "INSECTS", "shop"]) == 0
    assert "or ders%" in capsys.readouterr().out
    assert command.main(["sql", "INSECTS", "shop", "--table", "cheap", "--type", "id=text"]) == 0
    made = Dataset.objects.get()
    assert made.job is not None
    assert (made.name, made.job.spec["types"]) == ("cheap", {"id": "text"})

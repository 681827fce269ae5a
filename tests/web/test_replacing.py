"""Newer rows of a table that was uploaded: through its page, REST and the client."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import Http404
from django.test import Client

from tests.web.table_stage import BYTES, PEOPLE, finish, uploaded
from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.datasets import corrections, holding, queries, replacing, services, storage, tables
from trackside.datasets.columns_kept import KEPT
from trackside.datasets.models import Dataset
from trackside.datasets.table_csv import CsvTable
from trackside.datasets.trouble import Refused
from trackside.jobs.models import Job
from trackside.projects.models import Project

HOME = "/p/INSECTS/datasets/people/"
NEWER = pa.concat_tables([PEOPLE, PEOPLE]).append_column("more", pa.array(range(6)))


@pytest.fixture
def people(project: Project, ada: User) -> Dataset:
    return uploaded(project, ada, "people", PEOPLE, BYTES)


def newer(content: bytes = b"c,d\n", name: str = "people_2.csv") -> Any:
    return SimpleUploadedFile(name, content)


def test_newer_rows_take_the_place_of_the_old_ones(people: Dataset, as_ben: Client) -> None:
    assert b"Newer rows" in as_ben.get(HOME).content
    assert b"takes the place of 3 rows of people.csv" in as_ben.get(f"{HOME}replace/").content
    answer = as_ben.post(f"{HOME}replace/", {"file": newer()})
    assert answer["Location"].startswith(f"{HOME}?before=3-{people.fingerprint}")
    people.refresh_from_db()
    assert people.job is not None
    assert people.job.spec["name"] == "people_2.csv"
    assert people.rows == 3  # as it was, until the import ends
    again = finish(people, NEWER)
    assert (again.rows, tables.table(again).names) == (6, NEWER.column_names)
    kept = storage.original(again)
    assert kept is not None
    assert kept.read_bytes() == b"c,d\n"
    assert b"6 rows, 3 before." in as_ben.get(answer["Location"]).content


def test_they_are_read_as_the_last_file_was(people: Dataset, ben: User, as_ben: Client) -> None:
    corrections.correct(people, ben, {"age": "text"}, {"delimiter": ";"})
    people.refresh_from_db()
    again = finish(people, PEOPLE.set_column(0, "age", pa.array(["22", None, "35"])))
    job = replacing.replace(again, ben, newer())
    assert (job.spec["types"], job.spec["read"]) == ({"age": "text"}, {"delimiter": ";"})


def test_an_import_that_fails_leaves_the_table_as_it_was(people: Dataset, as_ben: Client) -> None:
    as_ben.post(f"{HOME}replace/", {"file": newer()})
    people.refresh_from_db()
    Job.objects.filter(pk=people.job_id).update(state="failed", reason="Line 1 has no columns.")
    page = as_ben.get(HOME).content
    assert b"The last import did not work" in page
    assert b"Line 1 has no columns." in page
    people.refresh_from_db()
    assert (people.state, people.rows) == ("ready", 3)
    assert tables.table(people).window(0, 1, [0]) == [[22]]


def test_one_click_is_one_import(people: Dataset, as_ben: Client) -> None:
    for _ in range(2):
        answer = as_ben.post(
            f"{HOME}replace/",
            {"file": newer(), "click_id": "once"},
            headers={"Accept": "application/json"},
        )
        assert answer.status_code == 202
        assert answer.json()["url"].startswith(HOME)
    assert Job.objects.filter(title="Import newer rows of people").count() == 1


def test_what_cannot_be_replaced_is_a_sentence(people: Dataset, ben: User, as_ben: Client) -> None:
    empty = as_ben.post(f"{HOME}replace/", {"file": newer(b"")})
    assert (empty.status_code, b"people_2.csv is empty" in empty.content) == (422, True)
    assert b"Choose the file" in as_ben.post(f"{HOME}replace/").content
    photos = Dataset.objects.create(project=people.project, name="photos", kind="images")
    with pytest.raises(Refused, match="has images"):
        replacing.replace(photos, ben, newer())
    Job.objects.create(
        project=people.project, kind="train", title="Session 1", compute={}, state="running",
        spec={"dataset": holding.source(people)}, click_id="2",
    )  # fmt: skip
    busy = as_ben.post(f"{HOME}replace/", {"file": newer()}, headers={"Accept": "application/json"})
    assert (busy.status_code, "reads it" in busy.json()["error"]["message"]) == (409, True)
    assert as_ben.get(f"{HOME}replace/")["Location"] == HOME
    scored = Dataset.objects.create(
        project=people.project, name="scored", kind="table", state="ready", facts={}
    )
    with pytest.raises(Refused, match="was written by a recipe: upload the rows"):
        replacing.replace(scored, ben, newer())


def test_readers_and_strangers_replace_nothing(
    people: Dataset, as_cleo: Client, as_dan: Client
) -> None:
    assert b"Newer rows" not in as_cleo.get(HOME).content
    assert as_cleo.post(f"{HOME}replace/", {"file": newer()}).status_code == 403
    assert as_dan.post(f"{HOME}replace/", {"file": newer()}).status_code == 404
    assert Job.objects.filter(title="Import newer rows of people").count() == 0


def test_who_reads_at_the_moment_of_the_exchange_gets_rows(
    people: Dataset, ada: User, django_capture_on_commit_callbacks: Any
) -> None:
    """The row was read, or the file opened, before newer rows took the place of the old ones."""
    asked = [Dataset.objects.get(pk=people.pk) for _ in range(3)]
    opened, gone = tables.table(people), storage.folder(people)
    with django_capture_on_commit_callbacks(execute=True):
        replacing.replace(people, ada, newer())
        finish(Dataset.objects.get(pk=people.pk), NEWER)
    assert not gone.exists()
    assert tables.table(asked[0]).window(5, 1, [0]) == [[35]]
    assert asked[0].fingerprint != people.fingerprint
    KEPT.found.clear()
    assert [one["name"] for one in tables.columns(asked[1])] == NEWER.column_names
    file = tables.parquet_file(asked[2])
    assert file is not None
    assert file.is_file()
    assert opened.window(0, 1, [0]) == [[22]], "an open file stays"
    assert [row[0] for row in opened.lines()] == [22, None, 35]


def test_a_question_that_newer_rows_overtake_is_answered_with_them(
    people: Dataset,
    ada: User,
    as_cleo: Client,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    read, before = queries.dataset_for, people.fingerprint

    def overtaken(project: Project, name: str) -> Dataset:
        found = read(project, name)
        with django_capture_on_commit_callbacks(execute=True):
            replacing.replace(read(project, name), ada, newer())
            finish(read(project, name), NEWER)
        return found

    monkeypatch.setattr(queries, "dataset_for", overtaken)
    answer = Rest(ada).call("GET", "/projects/INSECTS/datasets/people/rows")
    assert (answer.status_code, len(answer.json()["rows"])) == (200, 6)
    window = {"offset": 0, "limit": 9, "first": 0, "count": 9, "v": before}
    assert as_cleo.get(f"{HOME}rows/", window).status_code == 409, "the page has the old columns"


def test_rows_of_a_dataset_that_was_deleted_meanwhile_are_absent(
    people: Dataset, ada: User, django_capture_on_commit_callbacks: Any
) -> None:
    asked = Dataset.objects.get(pk=people.pk)
    with django_capture_on_commit_callbacks(execute=True):
        services.delete(people, ada)
    with pytest.raises(Http404, match="people was deleted meanwhile"):
        tables.table(asked)


def test_a_csv_that_was_opened_stays_readable(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_text("a,b\n1,2\n3,4\n")
    table = CsvTable(file)
    file.unlink()
    assert [table.window(1, 1, [1]), table.window(0, 1, [0])] == [[["4"]], [["1"]]]

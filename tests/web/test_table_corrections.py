"""Tables: their file read once more, with corrected types or other options."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.http import Http404
from django.test import Client

from tests.web.table_stage import BYTES, PEOPLE, PROBLEMS, finish, uploaded
from trackside.accounts.models import User
from trackside.datasets import corrections, holding, services, storage, tables
from trackside.datasets.models import Dataset, DatasetState
from trackside.datasets.reading import Wish
from trackside.datasets.trouble import Refused
from trackside.jobs.models import Job
from trackside.lab.models import Analysis
from trackside.projects.models import Project

HOME = "/p/INSECTS/datasets/people/"


@pytest.fixture
def people(project: Project, ada: User) -> Dataset:
    return uploaded(project, ada, "people", PEOPLE, BYTES, problems=PROBLEMS)


def test_a_corrected_type_imports_the_same_file_again(people: Dataset, as_ben: Client) -> None:
    answer = as_ben.post(
        f"{HOME}types/", {"type.0": "text", "type.1": "text", "seen": people.fingerprint}
    )
    assert answer["Location"] == f"{HOME}?tab=columns"
    people.refresh_from_db()
    assert people.job is not None
    assert (people.state, people.job.spec["types"]) == (DatasetState.IMPORTING, {"age": "text"})
    assert Path(people.job.spec["archive"]).read_bytes() == BYTES
    Job.objects.filter(pk=people.job_id).update(
        progress={"done": 12.5, "of": 40.2, "unit": "megabyte"}
    )
    page = as_ben.get(HOME).content
    assert b'id="import"' in page
    assert b"12 of 40 MB" in page
    texts = PEOPLE.set_column(0, "age", pa.array(["22", None, "35"]))
    again = finish(people, texts)
    assert [one["given"] for one in tables.columns(again)][:2] == [True, False]
    assert tables.table(again).window(0, 1, [0]) == [["22"]]
    kept = storage.original(again)
    assert kept is not None
    assert kept.read_bytes() == BYTES


def test_what_was_corrected_before_stays_and_can_be_taken_back(people: Dataset, ben: User) -> None:
    corrections.correct(people, ben, {"age": "text"})
    people.refresh_from_db()
    texts = PEOPLE.set_column(0, "age", pa.array(["22", None, "35"]))
    again = finish(people, texts)
    job = corrections.correct(again, ben, {"fare": "text", "age": "text"})
    assert job.spec["types"] == {"age": "text", "fare": "text"}
    Dataset.objects.filter(pk=again.pk).update(state="ready")
    Job.objects.update(state="succeeded")
    again = Dataset.objects.get(pk=again.pk)
    assert corrections.correct(again, ben, {"age": "auto"}).spec["types"] == {}


def test_other_options_read_the_file_again_too(people: Dataset, as_ben: Client) -> None:
    as_ben.post(f"{HOME}types/", {"delimiter": ";", "missing": "these", "texts": "none, x"})
    job = Job.objects.latest("pk")
    assert job.spec["read"] == {"delimiter": ";", "missing": {"*": ["", "none", "x"]}}


def refused(dataset: Dataset, user: User, types: dict[str, str] | None = None, **more: Any) -> str:
    with pytest.raises(Refused) as no:
        corrections.correct(dataset, user, types or {"age": "text"}, **more)
    return str(no.value)


def test_a_correction_is_refused_with_a_sentence(
    people: Dataset, ben: User, as_ben: Client, stage: Path
) -> None:
    jobs = Job.objects.count()
    assert "Nothing was changed" in refused(people, ben, {"age": "integer"})
    assert "no column called 'nose'" in refused(people, ben, {"nose": "text"})
    assert "must be one of" in refused(people, ben, {"age": "word"})
    assert "imported anew meanwhile" in refused(people, ben, seen="old")
    busy = Job.objects.create(
        project=people.project, kind="train", title="Session 1", compute={}, state="running",
        spec={"test": {"dataset": holding.source(people)}}, click_id="2",
    )  # fmt: skip
    assert "reads it" in refused(people, ben)
    assert b"reads it" in as_ben.get(HOME, {"tab": "columns"}).content
    busy.delete()
    Job.objects.filter(pk=people.job_id).update(state="running")
    people.refresh_from_db()
    assert "is being imported by job" in refused(people, ben)
    Job.objects.filter(pk=people.job_id).update(state="succeeded")
    people.refresh_from_db()
    (storage.folder(people) / "original").unlink()
    assert "Upload it again" in refused(people, ben)
    assert Job.objects.count() == jobs
    assert len(list((stage / "uploads").iterdir())) <= 1  # the first import's own


def test_an_analysis_lets_types_be_corrected_while_none_of_its_jobs_runs(
    people: Dataset, ben: User
) -> None:
    made = Analysis.objects.create(
        project=people.project, name="ages", dataset=people, task="regression", target="age"
    )
    corrections.correct(people, ben, {"fare": "text"})
    assert finish(people, PEOPLE).state == DatasetState.READY
    assert Analysis.objects.get(pk=made.pk).dataset == people


def test_a_correction_that_cannot_be_published_leaves_the_files_of_before(
    people: Dataset, ben: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    corrections.correct(people, ben, {"age": "text"})
    texts = PEOPLE.set_column(0, "age", pa.array(["22", None, "35"]))

    def broken(*_: Any) -> None:
        raise OSError("The database is gone.")

    with monkeypatch.context() as patched:
        patched.setattr(services, "_publish_table", broken)
        with pytest.raises(OSError, match="gone"), transaction.atomic():
            finish(people, texts)
    Job.objects.filter(pk=people.job_id).update(state="failed", reason="It broke.")
    before = services.settle(Dataset.objects.get(pk=people.pk))
    assert (before.state, before.fingerprint) == (DatasetState.READY, people.fingerprint)
    assert tables.table(before).window(0, 1, [0]) == [[22]]


def test_the_files_of_before_go_once_the_correction_is_committed(
    people: Dataset, ben: User, stage: Path, django_capture_on_commit_callbacks: Any
) -> None:
    old = storage.folder(people)
    corrections.correct(people, ben, {"age": "text"})
    people.refresh_from_db()
    left = stage / "datasets" / f"{people.pk}-999"  # of an attempt that never counted
    left.mkdir()
    with django_capture_on_commit_callbacks(execute=True):
        again = finish(people, PEOPLE)
    assert old != storage.folder(again)
    assert list((stage / "datasets").iterdir()) == [storage.folder(again)]


def test_while_it_is_corrected_the_rows_of_before_are_read(
    people: Dataset, ben: User, as_cleo: Client
) -> None:
    corrections.correct(people, ben, {"age": "text"})
    asked = {"offset": 0, "limit": 1, "first": 0, "count": 1, "v": people.fingerprint}
    assert as_cleo.get(f"{HOME}rows/", asked).json() == {"rows": [["22"]]}
    assert as_cleo.get(f"{HOME}csv/").status_code == 200


def test_what_was_begun_meanwhile_is_seen_under_the_lock(people: Dataset, ben: User) -> None:
    stale, other = [Dataset.objects.select_related("job").get(pk=people.pk) for _ in range(2)]
    corrections.correct(people, ben, {"age": "text"})
    job = people.job
    assert "is being imported by job" in refused(stale, ben)
    services.delete(stale, ben)  # and the import that it knows nothing of is cancelled
    assert job is not None
    job.refresh_from_db()
    assert job.stop == "cancel"
    with pytest.raises(Http404, match="was deleted meanwhile"):
        corrections.correct(other, ben, {"age": "text"})
    with pytest.raises(Http404, match="was deleted meanwhile"):
        services.delete(other, ben)


def test_a_scored_table_has_no_types_to_correct(project: Project, ben: User) -> None:
    assert "is written by a recipe" in refused(services.output_dataset(project, "scored"), ben)


def test_a_failed_correction_leaves_the_table_as_it_was_and_says_why(
    people: Dataset, ben: User, as_ben: Client, stage: Path
) -> None:
    job = corrections.correct(people, ben, {"age": "date"})
    Job.objects.filter(pk=job.pk).update(state="failed", reason="No value is a date.")
    page = as_ben.get(HOME).content
    assert b"No value is a date." in page
    assert b"as it was before" in page
    people.refresh_from_db()
    assert people.state == DatasetState.READY
    assert tables.table(people).window(0, 1, [0]) == [[22]]
    assert not Path(job.spec["archive"]).exists()


def test_a_table_that_could_not_be_read_is_tried_again_with_other_options(
    project: Project, ada: User, as_ben: Client
) -> None:
    file: Any = SimpleUploadedFile("people.csv", b"1;2")
    one = services.upload(project, ada, "people", file, Wish(read={"encoding": "latin-1"}))
    Job.objects.update(state="failed", reason="The table has only a header and no rows.")
    page = as_ben.get(HOME).content
    assert b"only a header" in page
    assert b'value="latin-1" selected' in page
    as_ben.post(f"{HOME}retry/", {"header": "no", "delimiter": ";", "encoding": ""})
    again = Job.objects.latest("pk")
    assert again.spec["read"] == {"delimiter": ";", "header": False}
    assert again.pk != one.job_id
    Job.objects.update(state="failed")
    as_ben.post(f"{HOME}retry/")
    assert Job.objects.latest("pk").spec["read"] == {"delimiter": ";", "header": False}


def test_readers_see_the_types_and_cannot_change_them(people: Dataset, as_cleo: Client) -> None:
    page = as_cleo.get(HOME, {"tab": "columns"}).content
    assert b"Apply" not in page
    assert b"<select" not in page
    assert as_cleo.post(f"{HOME}types/", {"type.0": "text"}).status_code == 403

"""Tables: uploaded with options, published with what the import found."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.web.table_stage import BYTES, PEOPLE, PROBLEMS, finish, uploaded
from trackside.accounts.models import User
from trackside.datasets import services, storage
from trackside.datasets.models import Dataset, DatasetState
from trackside.datasets.reading import Wish
from trackside.datasets.trouble import BadDataset
from trackside.projects.models import Project


@pytest.fixture
def people(project: Project, ada: User) -> Dataset:
    return uploaded(project, ada, "people", PEOPLE, BYTES, problems=PROBLEMS)


def test_an_uploaded_table_is_ready_with_its_figures_and_keeps_the_file(people: Dataset) -> None:
    assert (people.kind, people.state, people.rows) == ("table", DatasetState.READY, 3)
    assert (people.bytes, people.facts["columns"], len(people.fingerprint)) == (1000, 7, 64)
    assert people.problems.get().where == "line 17"
    kept = storage.original(people)
    assert kept is not None
    assert kept.read_bytes() == BYTES
    assert kept.stat().st_mode & 0o777 == 0o600
    assert people.facts["file"] == "people.csv"


def test_the_upload_is_dropped_once_the_import_is_committed(
    project: Project, ada: User, stage: Path, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        one = uploaded(project, ada, "people", PEOPLE, BYTES)
    assert list((stage / "uploads").iterdir()) == []
    assert storage.original(one) is not None


def test_publishing_twice_leaves_the_same(people: Dataset) -> None:
    assert people.job is not None
    again = finish(people, PEOPLE)
    assert (again.rows, again.fingerprint) == (people.rows, people.fingerprint)
    assert storage.original(again) is not None


@pytest.mark.parametrize(
    ("name", "kind", "shown"),
    [
        ("a.csv", "auto", "table"),
        ("a.CSV.gz", "auto", "table"),
        ("a.xlsx", "auto", "table"),
        ("a.zip", "auto", "images"),
        ("a.dat", "table", "table"),
        ("a.csv", "images", "images"),
    ],
)
def test_until_the_import_has_looked_the_name_says_the_kind(
    project: Project, ada: User, name: str, kind: str, shown: str
) -> None:
    file: Any = SimpleUploadedFile(name, b"x")
    one = services.upload(project, ada, "", file, Wish(kind=kind))
    assert (one.name, one.kind) == ("a" if "dat" not in name else "a.dat", shown)
    assert one.job is not None
    assert one.job.spec["kind"] == kind


OPTIONS = {
    "delimiter": ";",
    "encoding": "latin-1",
    "header": False,
    "sheet": "2024",
    "missing": {"*": ["", "none"], "age": ["-1"]},
}


def test_what_the_uploader_says_goes_with_the_job(project: Project, ada: User) -> None:
    file: Any = SimpleUploadedFile("a.csv", b"x")
    wish = Wish(kind="table", read={**OPTIONS}, types={"zip": "text"})
    spec = services.upload(project, ada, "a", file, wish).job.spec  # type: ignore[union-attr]
    assert (spec["read"], spec["types"], spec["name"]) == (OPTIONS, {"zip": "text"}, "a.csv")


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (Wish(kind="sound"), "kind"),
        (Wish(read={"separator": ","}), "read"),
        (Wish(read={"delimiter": ",,"}), "read.delimiter"),
        (Wish(read={"delimiter": "\n"}), "read.delimiter"),
        (Wish(read={"delimiter": 7}), "read.delimiter"),
        (Wish(read={"delimiter": "é"}), "read.delimiter"),
        (Wish(read={"encoding": "../x"}), "read.encoding"),
        (Wish(read={"encoding": "klingon"}), "read.encoding"),
        (Wish(read={"encoding": "base64"}), "read.encoding"),
        (Wish(read={"header": "yes"}), "read.header"),
        (Wish(read={"sheet": "x" * 201}), "read.sheet"),
        (Wish(read={"missing": ["NA"]}), "read.missing"),
        (Wish(read={"missing": {"*": "NA"}}), "read.missing"),
        (Wish(read={"missing": {"*": [None]}}), "read.missing"),
        (Wish(types={"age": "int"}), "types.age"),
        (Wish(types={"age": ["text"]}), "types.age"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_field_and_leaves_nothing(
    project: Project, ada: User, stage: Path, wish: Wish, field: str
) -> None:
    file: Any = SimpleUploadedFile("a.csv", b"x")
    with pytest.raises(BadDataset) as bad:
        services.upload(project, ada, "a", file, wish)
    assert bad.value.field == field
    assert not list(stage.glob("uploads/*"))

"""Datasets of kind table: upload, publish, windows of rows, profile, correction of types."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import Http404
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from tests.web.table_stage import finish, uploaded
from trackside.accounts.models import User
from trackside.datasets import corrections, profile, reading, services, storage, tables
from trackside.datasets.models import Dataset, DatasetState
from trackside.datasets.reading import Wish
from trackside.datasets.table_parquet import ParquetTable
from trackside.datasets.trouble import BadDataset, Refused
from trackside.jobs.models import Job
from trackside.lab.models import Analysis
from trackside.projects.models import Project

HOME = "/p/INSECTS/datasets/people/"
BYTES = b"age,name\n1,=cmd\n"
LONG = 12345678901234567890123456789
PEOPLE = pa.table(
    {
        "age": pa.array([22, None, 35], pa.int64()),
        "name": ["=cmd()", "Zoë <b>", None],
        "fare": [7.25, float("inf"), None],
        "alive": [True, False, None],
        "born": [date(1890, 1, 2), None, date(1870, 5, 6)],
        "seen": [datetime(1912, 4, 10, 12, 30), None, None],  # noqa: DTZ001 - tables have none
        "ticket": pa.array([Decimal(LONG), None, Decimal(7)], pa.decimal128(38, 0)),
    }
)
PROBLEMS = [("line 17", "3 values where 7 columns are: it is left out.")]


@pytest.fixture
def people(project: Project, ada: User) -> Dataset:
    return uploaded(project, ada, "people", PEOPLE, BYTES, problems=PROBLEMS)


def window(client: Client, **asked: Any) -> Any:
    return client.get(f"{HOME}rows/", {"offset": 0, "limit": 9, "first": 0, "count": 9, **asked})


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


@given(
    st.builds(
        lambda missing, **read: {**read, **({"missing": {"*": ["", *missing]}} if missing else {})},
        missing=st.lists(st.sampled_from(["NA", "none", "-9"]), unique=True),
        delimiter=st.sampled_from(list(reading.DELIMITERS)),
        encoding=st.sampled_from(list(reading.ENCODINGS)),
        header=st.booleans(),
    )
)
def test_the_form_shows_and_sends_the_same_options(read: dict[str, Any]) -> None:
    assert reading.from_form(reading.as_form(read)) == read


def test_a_window_has_every_value_exact(people: Dataset) -> None:
    table = tables.table(people)
    assert table.names == PEOPLE.column_names
    assert table.window(0, 9, list(range(7))) == [
        [22, "=cmd()", 7.25, True, "1890-01-02", "1912-04-10 12:30:00", LONG],
        [None, "Zoë <b>", "inf", False, None, None, None],
        [35, None, None, None, "1870-05-06", None, 7],
    ]
    assert table.window(1, 1, [6, 1]) == [[None, "Zoë <b>"]]
    assert table.window(3, 9, [0]) == table.window(10**15, 9, [0]) == table.window(0, 0, [0]) == []


ROWS = 1000


@pytest.fixture(scope="module")
def grouped(tmp_path_factory: pytest.TempPathFactory) -> ParquetTable:
    """Row groups of 64 rows, and a column whose name begins like another's."""
    path = tmp_path_factory.mktemp("grouped") / "t.parquet"
    numbers = list(range(ROWS))
    made = pa.table({"n": numbers, "n.text": [f"row {n}" for n in numbers]})
    parquet.write_table(made, path, row_group_size=64)
    return ParquetTable(path)


@given(offset=st.integers(0, ROWS + 50), limit=st.integers(0, 200))
def test_windows_across_row_groups_are_slices(
    grouped: ParquetTable, offset: int, limit: int
) -> None:
    rows = grouped.window(offset, limit, [1, 0])
    assert rows == [[f"row {n}", n] for n in range(ROWS)[offset : offset + limit]]


def test_all_lines_come_in_order(grouped: ParquetTable) -> None:
    assert [row[0] for row in grouped.lines()] == list(range(ROWS))


def test_what_has_no_rows_is_absent(project: Project) -> None:
    planned = services.output_dataset(project, "scored")
    with pytest.raises(Http404, match="scored has no rows yet"):
        tables.table(planned)
    assert tables.columns(planned) == []


def test_the_grid_gets_texts_and_long_numbers_whole(people: Dataset, as_cleo: Client) -> None:
    rows = window(as_cleo).json()["rows"]
    assert rows[0][3:] == ["true", "1890-01-02", "1912-04-10 12:30:00", str(LONG)]
    assert rows[2][1] is None
    assert window(as_cleo, first=1, count=1, offset=1, limit=1).json()["rows"] == [["Zoë <b>"]]


def test_a_very_long_text_is_cut_in_the_grid_alone(
    project: Project, ada: User, as_cleo: Client
) -> None:
    one = uploaded(project, ada, "people", pa.table({"t": ["x" * 5000]}))
    assert len(window(as_cleo).json()["rows"][0][0]) == 301
    assert tables.table(one).window(0, 1, [0]) == [["x" * 5000]]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"limit": 201}, 422),
        ({"count": 101}, 422),
        ({"offset": -1}, 422),
        ({"offset": "9" * 40}, 422),
        ({"first": "x"}, 422),
        ({"limit": ""}, 422),
        ({"v": "another"}, 409),
        ({"offset": 10**14}, 200),
        ({"first": 900}, 200),
    ],
)
def test_windows_have_limits(
    people: Dataset, as_cleo: Client, asked: dict[str, Any], status: int
) -> None:
    answer = window(as_cleo, **asked)
    assert answer.status_code == status
    assert ("error" in answer.json()) == (status != 200)


def test_to_an_outsider_the_table_looks_absent(people: Dataset, as_dan: Client) -> None:
    assert window(as_dan).status_code == 404
    for page in ("", "csv/", "parquet/"):
        assert as_dan.get(HOME + page).status_code == 404
    assert as_dan.post(f"{HOME}types/").status_code == 404


@pytest.mark.parametrize("tab", ["rows", "columns", "problems", "images", "nonsense"])
def test_every_tab_of_a_table_renders(people: Dataset, as_cleo: Client, tab: str) -> None:
    answer = as_cleo.get(HOME, {"tab": tab})
    assert answer.status_code == 200
    assert b"<b>" not in answer.content.partition(b"<main")[2].replace(b"Zo\xc3\xab <b>", b"!!")


def test_the_columns_are_found_by_name_and_by_warning(
    project: Project, ada: User, as_cleo: Client
) -> None:
    wide = pa.table({f"c{n}": pa.array([n or None], pa.int64()) for n in range(120)})
    uploaded(project, ada, "people", wide)

    def count(**query: str) -> int:
        return as_cleo.get(HOME, {"tab": "columns", **query}).content.count(b"data-column=")

    assert (count(), count(page="3"), count(q="c11"), count(q="C119")) == (50, 20, 11, 1)
    assert (count(only="warned"), count(q="<b>")) == (1, 0)


def test_downloads_are_the_csv_without_formulas_and_the_parquet_itself(
    people: Dataset, as_cleo: Client
) -> None:
    answer: Any = as_cleo.get(f"{HOME}csv/")
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert lines[1] == f"22,'=cmd(),7.25,true,1890-01-02,1912-04-10 12:30:00,{LONG}"
    assert lines[2] == ",Zoë <b>,inf,false,,,"
    answer = as_cleo.get(f"{HOME}parquet/")
    assert answer["Content-Disposition"] == 'attachment; filename="people.parquet"'
    whole = b"".join(answer.streaming_content)
    assert parquet.read_table(pa.BufferReader(whole)).equals(PEOPLE)


def test_a_corrected_type_imports_the_same_file_again(people: Dataset, as_ben: Client) -> None:
    answer = as_ben.post(
        f"{HOME}types/", {"type.0": "text", "type.1": "text", "seen": people.fingerprint}
    )
    assert answer["Location"] == HOME
    people.refresh_from_db()
    assert people.job is not None
    assert (people.state, people.job.spec["types"]) == (DatasetState.IMPORTING, {"age": "text"})
    assert Path(people.job.spec["archive"]).read_bytes() == BYTES
    assert b'id="import"' in as_ben.get(HOME).content
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
    as_ben.post(f"{HOME}types/", {"delimiter": ";", "missing": "none, x"})
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
    analysis = Analysis.objects.create(
        project=people.project, name="ages", dataset=people, task="x", target="age"
    )
    assert "the analysis ages uses it" in refused(people, ben)
    assert b"the analysis ages uses it" in as_ben.get(HOME, {"tab": "columns"}).content
    analysis.delete()
    busy = Job.objects.create(
        project=people.project, kind="train", title="Session 1", compute={}, state="running",
        spec={"dataset": {"folder": str(storage.folder(people))}}, click_id="2",
    )  # fmt: skip
    assert "reads it" in refused(people, ben)
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


def test_a_scored_table_has_no_types_to_correct(project: Project, ben: User) -> None:
    assert "no uploaded table" in refused(services.output_dataset(project, "scored"), ben)


def test_a_failed_correction_leaves_the_table_as_it_was_and_says_why(
    people: Dataset, ben: User, as_ben: Client, stage: Path
) -> None:
    job = corrections.correct(people, ben, {"age": "date"})
    Job.objects.filter(pk=job.pk).update(state="failed", reason="No value is a date.")
    page = as_ben.get(HOME, {"tab": "columns"}).content
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
    as_ben.post(f"{HOME}retry/", {"header": "no", "delimiter": ";"})
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


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1234567, "1,234,567"),
        (0.5, "0.5"),
        (-3.0, "-3"),
        (1234.56789, "1,234.5679"),
        (1e-7, "1e-07"),
        (1.5e12, "1.5e+12"),
        (float("nan"), "nan"),
        (True, "true"),
        ("x" * 90, "x" * 80 + "…"),
    ],
)
def test_figures_have_as_many_digits_as_a_person_compares(value: Any, text: str) -> None:
    assert profile.figure(value) == text


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=30))
def test_bars_stay_in_their_picture_and_show_what_is_there(counts: list[int]) -> None:
    histogram = {"counts": counts, "edges": list(range(len(counts) + 1))}
    column = {"name": "n", "type": "integer", "histogram": histogram}
    bars = profile.portrait(0, column, sum(counts)).bars
    assert len(bars) == len(counts)
    for bar, count in zip(bars, counts, strict=True):
        assert (bar.height > 0) == (count > 0)
        assert 0 <= bar.x <= bar.x + bar.width <= profile.WIDTH + 1
        assert 0 <= bar.y <= bar.y + bar.height <= profile.HEIGHT + 0.02

"""Tables by REST and by the command: upload with options, columns, windows, whole, correction."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.web.table_stage import LONG, PEOPLE, PROBLEMS, finish, uploaded
from tests.web.test_client import client, shell
from tests.web.world import Rest, photos
from trackside.accounts.models import User
from trackside.client import Client, TracksideError
from trackside.client import command as commands
from trackside.datasets import queries, services
from trackside.datasets.models import Dataset
from trackside.jobs.models import Job
from trackside.projects.models import Project

__all__ = ["client", "shell"]
HERE = "/projects/INSECTS/datasets/people"
PARQUET = "application/vnd.apache.parquet"


@pytest.fixture
def rest(ada: User, project: Project) -> Rest:
    return Rest(ada)


@pytest.fixture
def people(project: Project, ada: User) -> Dataset:
    return uploaded(project, ada, "people", PEOPLE, problems=PROBLEMS)


def send(rest: Rest, **fields: Any) -> Any:
    file = SimpleUploadedFile("people.csv", b"age;name\n1;x\n")
    return rest.post(
        "/api/v1/projects/INSECTS/datasets", {"name": "people", "file": file, **fields}
    )


def error(answer: Any) -> tuple[int, str, str]:
    told = answer.json()["error"]
    return answer.status_code, told["code"], told.get("field", "")


def test_an_upload_says_how_it_is_read(rest: Rest) -> None:
    read = {"delimiter": ";", "header": True, "missing": {"*": [""]}}
    answer = send(rest, kind="table", read=json.dumps(read), types='{"age": "text"}')
    assert answer.status_code == 202, answer.content
    spec = Job.objects.get(pk=answer.json()["job"]).spec
    assert (spec["kind"], spec["read"], spec["types"]) == ("table", read, {"age": "text"})


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": "sound"}, "kind"),
        ({"read": "{"}, "read"),
        ({"read": "[]"}, "read"),
        ({"read": '{"sheet": NaN}'}, "read"),
        ({"read": "[" * 5000}, "read"),
        ({"read": '{"sheet": "\\u0000"}'}, "read"),
        ({"read": '{"delimiter": "ab"}'}, "read.delimiter"),
        ({"types": '{"age": "whole"}'}, "types.age"),
        ({"types": "7"}, "types"),
    ],
)
def test_a_wrong_field_of_an_upload_is_named(
    rest: Rest, fields: dict[str, str], field: str
) -> None:
    assert error(send(rest, **fields)) == (422, "invalid", field)
    assert not Dataset.objects.exists()


def test_a_table_tells_its_columns_and_problems(rest: Rest, people: Dataset) -> None:
    told = rest.call("GET", HERE).json()
    assert (told["kind"], told["rows"], len(told["fingerprint"])) == ("table", 3, 64)
    age = told["columns"][0]
    assert (age["name"], age["type"], age["given"], age["missing"]) == ("age", "integer", False, 1)
    assert (age["distinct"], age["min"], age["max"], age["mean"]) == (2, 22, 35, 28.5)
    assert told["problems"][0]["where"] == "line 17"


def test_a_window_has_types_and_chosen_columns(rest: Rest, people: Dataset) -> None:
    window = rest.call("GET", f"{HERE}/rows?limit=1&column=ticket&column=alive").json()
    assert window == {"columns": ["ticket", "alive"], "rows": [[LONG, True]]}
    assert rest.call("GET", f"{HERE}/rows?offset=2").json()["rows"][0][:3] == [35, None, None]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=1001", "limit"),
        ("offset=-1", "offset"),
        ("offset=9999999999999999999", "offset"),
        ("column=nose", "column"),
    ],
)
def test_windows_have_limits(rest: Rest, people: Dataset, query: str, field: str) -> None:
    status, _, where = error(rest.call("GET", f"{HERE}/rows?{query}"))
    assert (status, where) == (422, field)


def test_of_a_very_wide_table_a_window_names_its_columns(
    rest: Rest, project: Project, ada: User
) -> None:
    uploaded(project, ada, "people", pa.table({f"c{n}": [n] for n in range(1001)}))
    assert error(rest.call("GET", f"{HERE}/rows")) == (422, "too_many_columns", "column")
    some = rest.call("GET", f"{HERE}/rows?column=c1000&column=c0").json()
    assert some == {"columns": ["c1000", "c0"], "rows": [[1000, 0]]}


def test_the_whole_comes_as_safe_csv_or_as_parquet(rest: Rest, people: Dataset) -> None:
    answer = rest.call("GET", f"{HERE}/rows", Accept="text/csv")
    rows = list(csv.reader(StringIO(b"".join(answer.streaming_content).decode())))
    assert rows[0] == PEOPLE.column_names
    assert rows[1][:4] == ["22", "'=cmd()", "7.25", "true"]
    answer = rest.call("GET", f"{HERE}/rows", Accept=PARQUET)
    assert answer["Content-Type"] == PARQUET
    whole = b"".join(answer.streaming_content)
    assert parquet.read_table(pa.BufferReader(whole)).equals(PEOPLE)


def test_what_is_no_parquet_is_406(rest: Rest, project: Project) -> None:
    photos(project)
    answer = rest.call("GET", "/projects/INSECTS/datasets/photos/rows", Accept=PARQUET)
    assert error(answer)[:2] == (406, "not_acceptable")


def test_a_patch_imports_the_file_again(rest: Rest, people: Dataset) -> None:
    answer = rest.call("PATCH", HERE, {"types": {"age": "text"}})
    assert answer.status_code == 202, answer.content
    assert answer.json() == {
        "name": "people",
        "state": "importing",
        "job": Job.objects.latest("pk").pk,
    }
    assert error(rest.call("PATCH", HERE, {"types": {"age": "number"}}))[0] == 409
    people.refresh_from_db()
    texts = PEOPLE.set_column(0, "age", pa.array(["22", None, "35"]))
    finish(people, texts)
    assert rest.call("GET", HERE).json()["columns"][0]["given"] is True


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"types": {"nose": "text"}}, 422, "types.nose"),
        ({"types": {"age": "whole"}}, 422, "types.age"),
        ({"read": {"delimiter": 7}}, 422, "read.delimiter"),
        ({"types": {"age": "integer"}}, 409, ""),
        ({}, 409, ""),
        ({"name": "x"}, 422, "name"),
    ],
)
def test_a_patch_that_makes_no_sense_is_refused(
    rest: Rest, people: Dataset, body: dict[str, Any], status: int, field: str
) -> None:
    before = Job.objects.count()
    told = error(rest.call("PATCH", HERE, body))
    assert (told[0], told[2]) == (status, field)
    assert Job.objects.count() == before


def test_readers_and_outsiders_correct_nothing(people: Dataset, cleo: User, dan: User) -> None:
    for user, status in ((cleo, 403), (dan, 404)):
        answer = Rest(user).call("PATCH", HERE, {"types": {"age": "text"}})
        assert answer.status_code == status
    assert Rest(dan).call("GET", f"{HERE}/rows").status_code == 404


def test_the_client_uploads_reads_and_corrects(
    client: Client, project: Project, ada: User, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text("age;name\n1;x\n")
    made = client.upload("INSECTS", "people", file, read={"delimiter": ";"}, types={"age": "text"})
    assert Job.objects.get(pk=made["job"]).spec["read"] == {"delimiter": ";"}
    finish(Dataset.objects.get(), PEOPLE)
    assert client.rows("INSECTS", "people", 0, 1, ["name"])["rows"] == [["=cmd()"]]
    whole = client.download("INSECTS", "people", tmp_path / "whole.parquet")
    assert parquet.read_table(whole).equals(PEOPLE)
    assert client.correct("INSECTS", "people", {"fare": "text"})["state"] == "importing"
    with pytest.raises(TracksideError, match="is being imported"):
        client.correct("INSECTS", "people", {"fare": "text"})


def test_the_shell_uploads_and_corrects(
    shell: Client, project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "people.tsv"
    file.write_text("age\tname\n1\tx\n")
    options = ["--delimiter", "tab", "--header", "yes", "--missing", "none", "--type", "a=b=text"]
    send = ["dataset", "upload", "INSECTS", "people", str(file), *options]
    assert commands.main(send) == 0
    spec = Job.objects.get().spec
    assert spec["read"] == {"delimiter": "\t", "header": True, "missing": {"*": ["", "none"]}}
    assert spec["types"] == {"a=b": "text"}
    finish(Dataset.objects.get(), PEOPLE)
    assert commands.main(["dataset", "columns", "INSECTS", "people"]) == 0
    assert "ticket" in capsys.readouterr().out
    assert commands.main(["dataset", "columns", "INSECTS", "people", "--type", "age=text"]) == 0
    assert Job.objects.latest("pk").spec["types"]["age"] == "text"


def test_a_scored_csv_has_windows_too(rest: Rest, project: Project) -> None:

    table = services.output_dataset(project, "people")
    home = queries.folder(table)
    home.mkdir(parents=True)
    (home / "data.csv").write_text("path,prediction\n1.jpg,ants\n2.jpg,\n")
    columns = [{"name": "path", "type": "string"}]
    Dataset.objects.filter(pk=table.pk).update(state="ready", rows=2, facts={"columns": columns})
    assert rest.call("GET", f"{HERE}/rows?column=prediction&offset=1").json()["rows"] == [[""]]
    assert rest.call("GET", HERE).json()["columns"] == columns
    assert error(rest.call("GET", f"{HERE}/rows", Accept=PARQUET))[0] == 406


def test_a_correction_with_the_same_key_is_begun_once(rest: Rest, people: Dataset) -> None:
    key = {"Idempotency-Key": "once"}
    first, again = [rest.call("PATCH", HERE, {"types": {"age": "text"}}, **key) for _ in range(2)]
    assert (first.status_code, again.json()) == (202, first.json())
    assert Job.objects.filter(title="Import people again").count() == 1

"""REST through its own door: tokens, errors as JSON, pages, repeats, and other people's things."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.web.world import Rest, analysis, photos
from trackside.accounts.models import User
from trackside.datasets.models import Dataset
from trackside.jobs.models import IdempotentAnswer, Job
from trackside.projects.models import Project


@pytest.fixture
def rest(ada: User, project: Project) -> Rest:
    return Rest(ada)


def error(answer: Any) -> dict[str, Any]:
    return dict(answer.json()["error"])


def test_a_session_cookie_does_not_open_the_api(as_ada: Client, project: Project) -> None:
    answer = as_ada.get("/api/v1/projects")
    assert answer.status_code == 401
    assert error(answer)["code"] == "unauthorized"


def test_a_project_is_made_listed_and_deleted(rest: Rest) -> None:
    made = rest.call("POST", "/projects", {"key": "NEW", "name": "New"})
    assert made.status_code == 201, made.content
    assert [one["key"] for one in rest.call("GET", "/projects").json()["projects"]] == [
        "INSECTS",
        "NEW",
    ]
    assert rest.call("DELETE", "/projects/NEW").status_code == 204
    assert rest.call("GET", "/projects/NEW").status_code == 404


def test_an_unknown_address_is_404_as_json(rest: Rest) -> None:
    answer = rest.call("GET", "/nothing/here")
    assert (answer.status_code, error(answer)["code"]) == (404, "not_found")


def test_a_wrong_method_is_405_and_names_the_right_ones(rest: Rest) -> None:
    answer = rest.call("PUT", "/projects")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, POST")
    assert error(answer)["code"] == "method_not_allowed"
    answer = rest.call("POST", "/jobs/1/events")
    assert (answer.status_code, answer["Allow"]) == (405, "GET")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("{", 400, "not valid JSON"),
        ('{"key": "A1", "key": "A2", "name": "x"}', 400, "stands there twice"),
        ('{"key": "A1", "name": NaN}', 400, "NaN"),
        ("[" * 100_000, 400, "deep"),
        ("[]", 422, "must be an object"),
        ('{"name": "x"}', 422, "'key' is missing"),
        ('{"key": 3, "name": "x"}', 422, "'key' must be a text"),
        ('{"key": "A1", "name": "x", "owner": 1}', 422, "no field called 'owner'"),
        ('{"key": "lower", "name": "x"}', 422, "upper case"),
    ],
)
def test_a_wrong_body_is_refused_with_a_sentence(
    rest: Rest, body: str, status: int, said: str
) -> None:
    answer = rest.generic("POST", "/api/v1/projects", body, content_type="application/json")
    assert answer.status_code == status, answer.content
    assert said in error(answer)["message"]
    assert Project.objects.count() == 1


def test_another_media_type_is_415(rest: Rest) -> None:
    answer = rest.generic("POST", "/api/v1/projects", "key=A", content_type="text/plain")
    assert (answer.status_code, error(answer)["code"]) == (415, "unsupported_media_type")
    answer = rest.call("POST", "/projects/INSECTS/datasets", {"name": "x"})
    assert answer.status_code == 415


def test_a_body_that_is_too_large_is_413(rest: Rest) -> None:
    body = json.dumps({"key": "A1", "name": "x" * 3_000_000})
    answer = rest.generic("POST", "/api/v1/projects", body, content_type="application/json")
    assert (answer.status_code, error(answer)["code"]) == (413, "too_large")


def upload(rest: Rest, **headers: str) -> Any:
    file = SimpleUploadedFile("photos.zip", b"PK\x05\x06" + b"\0" * 18)
    return rest.post(
        "/api/v1/projects/INSECTS/datasets", {"name": "fresh", "file": file}, headers=headers
    )


def test_an_upload_is_accepted_and_names_its_job(rest: Rest) -> None:
    answer = upload(rest)
    assert answer.status_code == 202, answer.content
    assert answer.json() == {"name": "fresh", "state": "importing", "job": Job.objects.get().pk}
    one = rest.call("GET", "/projects/INSECTS/datasets/fresh").json()
    assert one["state"] == "importing"


def test_an_upload_without_a_file_names_the_field(rest: Rest) -> None:
    answer = rest.post("/api/v1/projects/INSECTS/datasets", {"name": "fresh"})
    assert (answer.status_code, error(answer)["field"]) == (422, "file")


def test_the_same_key_answers_the_same_and_starts_nothing_twice(rest: Rest) -> None:
    first = upload(rest, **{"Idempotency-Key": "k1"})
    second = upload(rest, **{"Idempotency-Key": "k1"})
    assert first.status_code == second.status_code == 202
    assert first.json() == second.json()
    assert Job.objects.count() == Dataset.objects.count() == 1


def test_a_key_used_for_another_request_is_refused(rest: Rest) -> None:
    key = {"Idempotency-Key": "k2"}
    assert rest.call("POST", "/projects", {"key": "AA", "name": "x"}, **key).status_code == 201
    answer = rest.call("POST", "/projects", {"key": "BB", "name": "x"}, **key)
    assert (answer.status_code, error(answer)["code"]) == (422, "key_reused")


def test_a_refused_request_leaves_its_key_free(rest: Rest) -> None:
    key = {"Idempotency-Key": "k3"}
    assert rest.call("POST", "/projects", {"key": "x", "name": "x"}, **key).status_code == 422
    assert not IdempotentAnswer.objects.exists()
    assert rest.call("POST", "/projects", {"key": "AA", "name": "x"}, **key).status_code == 201


def test_keys_of_two_people_do_not_meet(rest: Rest, dan: User) -> None:
    key = {"Idempotency-Key": "k4"}
    assert rest.call("POST", "/projects", {"key": "AA", "name": "x"}, **key).status_code == 201
    answer = Rest(dan).call("POST", "/projects", {"key": "BB", "name": "x"}, **key)
    assert answer.json()["key"] == "BB"


def test_columns_tell_what_is_missing_and_what_differs(rest: Rest, project: Project) -> None:
    one = photos(project)
    one.pictures.filter(number=0).update(split="")
    columns = rest.call("GET", "/projects/INSECTS/datasets/photos").json()["columns"]
    assert {c["name"]: (c["missing"], c["distinct"]) for c in columns} == {
        "path": (0, 4),
        "label": (0, 2),
        "split": (1, 1),
        "width": (0, 1),
        "height": (0, 1),
    }


def test_rows_come_as_a_window_and_whole(rest: Rest, project: Project) -> None:
    photos(project)
    window = rest.call("GET", "/projects/INSECTS/datasets/photos/rows?offset=1&limit=2").json()
    assert window["columns"][:2] == ["path", "label"]
    assert [row[0] for row in window["rows"]] == ["bees/1.jpg", "ants/2.jpg"]
    whole = rest.call("GET", "/projects/INSECTS/datasets/photos/rows", Accept="text/csv")
    assert whole["Content-Type"].startswith("text/csv")
    lines = b"".join(whole.streaming_content).decode().splitlines()
    assert lines[0] == "path,label,split,width,height"
    assert len(lines) == 5
    parquet = "application/vnd.apache.parquet"
    other = rest.call("GET", "/projects/INSECTS/datasets/photos/rows", Accept=parquet)
    assert (other.status_code, other.json()["error"]["code"]) == (406, "not_acceptable")


def test_a_dataset_shows_what_the_intake_found(rest: Rest, project: Project) -> None:
    photos(project)
    one = rest.call("GET", "/projects/INSECTS/datasets/photos").json()
    assert one["classes"] == [{"name": "ants", "count": 2}, {"name": "bees", "count": 2}]
    assert one["problems"][0]["where"] == "ants/x.gif"
    assert (one["rows"], one["state"], one["kind"]) == (4, "ready", "images")


def test_a_design_is_made_read_and_changed(rest: Rest, project: Project) -> None:
    photos(project)
    made = rest.call("POST", "/projects/INSECTS/analyses", {"name": "sort", "dataset": "photos"})
    assert made.status_code == 201, made.content
    assert made.json()["models"][0]["algorithm"] == "backbone_classifier"
    changed = rest.call("PATCH", "/projects/INSECTS/analyses/sort", {"training": {"epochs": 3}})
    assert changed.json()["training"]["epochs"] == 3
    wrong = rest.call("PATCH", "/projects/INSECTS/analyses/sort", {"training": {"epochs": 0}})
    assert (wrong.status_code, error(wrong)["field"]) == (422, "training.epochs")
    both = {"training": {"epochs": 9}, "metric": "beauty"}
    assert rest.call("PATCH", "/projects/INSECTS/analyses/sort", both).status_code == 422
    kept = rest.call("GET", "/projects/INSECTS/analyses/sort").json()
    assert kept["training"]["epochs"] == 3


def test_training_answers_the_session_and_its_jobs(rest: Rest, project: Project, ada: User) -> None:
    analysis(project, ada)
    body = {"compute": {"kind": "cpu", "ranks": 1}, "session_name": "first"}
    answer = rest.call("POST", "/projects/INSECTS/analyses/sort/train", body)
    assert answer.status_code == 201, answer.content
    job = answer.json()["jobs"][0]
    assert rest.call("GET", f"/jobs/{job}").json()["state"] == "queued"
    session = rest.call("GET", "/projects/INSECTS/analyses/sort/sessions/1").json()
    assert session["models"][0]["job"] == job
    assert [one["id"] for one in rest.call("GET", "/jobs").json()["jobs"]] == [job]
    assert rest.call("GET", f"/jobs/{job}/log").status_code == 200
    stopped = rest.call("POST", f"/jobs/{job}/stop", {"how": "cancel"})
    assert stopped.json()["state"] == "cancelled"
    again = rest.call("POST", f"/jobs/{job}/stop", {"how": "cancel"})
    assert (again.status_code, error(again)["code"]) == (409, "already_over")


def test_a_wrong_compute_names_its_field(rest: Rest, project: Project, ada: User) -> None:
    analysis(project, ada)
    body = {"compute": {"kind": "gpus", "uuids": ["GPU-x"]}}
    answer = rest.call("POST", "/projects/INSECTS/analyses/sort/train", body)
    assert (answer.status_code, error(answer)["field"]) == (422, "compute.uuids")
    assert not Job.objects.exists()


def test_fit_answers_without_any_gpu(rest: Rest, project: Project, ada: User) -> None:
    analysis(project, ada)
    answer = rest.call("POST", "/projects/INSECTS/analyses/sort/fit", {"compute": {"kind": "cpu"}})
    assert answer.status_code == 200, answer.content
    assert answer.json()["gpus"] == []


def test_the_fleet_is_readable(rest: Rest) -> None:
    assert rest.call("GET", "/gpus").json()["nodes"] == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"key": "AB", "name": "a\\u0000b"}', "U+0000"),
        ('{"key": "AB", "name": "\\ud800"}', "U+D800"),
        ('{"key": "AB", "name": "x", "\\ud800": 1}', "U+D800"),
        ('{"key": "AB", "name": 1e999}', "too large a number"),
        ('{"key": "AB", "name": 1' + "0" * 310 + "}", "too large a number"),
        ('{"key": "AB", "name": ' + "[" * 400 + "]" * 400 + "}", "deep"),
    ],
)
def test_what_no_database_keeps_is_refused_at_the_door(rest: Rest, body: str, said: str) -> None:
    answer = rest.post("/api/v1/projects", body, content_type="application/json")
    assert answer.status_code == 400
    assert said in error(answer)["message"]
    assert not Project.objects.filter(key="AB").exists()


@pytest.mark.parametrize("key", ["", "a b", "INSECTS", "AB\n", "x" * 300])
def test_a_wrong_key_is_named_as_the_field(rest: Rest, key: str) -> None:
    answer = rest.call("POST", "/projects", {"key": key, "name": "x"})
    assert (answer.status_code, error(answer).get("field")) == (422, "key")


def test_a_design_can_be_sent_back_whole(rest: Rest, project: Project, ada: User) -> None:
    path = f"/projects/INSECTS/analyses/{analysis(project, ada).name}"
    design = rest.call("GET", path).json()
    assert design["features"] == {}
    design["training"]["epochs"] = 3
    answer = rest.call("PATCH", path, design)
    assert answer.status_code == 200, answer.content
    assert answer.json() == {**design, "compute": answer.json()["compute"]}
    for part, other in (("name", "x"), ("dataset", "x"), ("features", {"a": {}})):
        answer = rest.call("PATCH", path, {"training": {"epochs": 9}, part: other})
        assert (answer.status_code, error(answer)["field"]) == (422, part)
    assert rest.call("GET", path).json()["training"]["epochs"] == 3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"compute": {"kind": []}}, "compute.kind"),
        ({"models": [{"params": []}]}, "models.0.params"),
        ({"models": [{"parms": {}}]}, "models.0.parms"),
        ({"models": [{"on": "no"}]}, "models.0.on"),
    ],
)
def test_a_wrong_type_inside_a_design_is_a_sentence(
    rest: Rest, project: Project, ada: User, change: dict[str, Any], field: str
) -> None:
    path = f"/projects/INSECTS/analyses/{analysis(project, ada).name}"
    answer = rest.call("PATCH", path, change)
    assert (answer.status_code, error(answer)["field"]) == (422, field)

"""Other people's things look absent through REST, and a reader changes nothing."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings

from tests.web import lab_stage
from tests.web.world import Rest, found, photos, trained
from trackside.accounts.models import User
from trackside.api.table import OPERATIONS
from trackside.flow import services as flow
from trackside.jobs.models import Job
from trackside.projects.models import Project
from trackside.saved_models import stores

BODIES = {
    "/projects/{key}/analyses": {"name": "x", "dataset": "photos"},
    "/projects/{key}/recipes": {
        "name": "x",
        "kind": "score",
        "inputs": {"dataset": "photos", "saved_model": "sorter"},
        "output": "y",
    },
    "/jobs/{id}/stop": {"how": "cancel"},
    "/jobs/{id}/move": {"compute": {"kind": "cpu"}},
    "/jobs/{id}/priority": {"priority": 1},
    "/jobs/{id}/place": {"before": 1},
    "/projects/{key}/trained-models/{id}/deploy": {"name": "x"},
    "/projects/{key}/saved-models/{name}/activate": {"version": 1},
    "/projects/{key}/comparison": {"of": ["1", "sorter:1"]},
    "/projects/{key}/datasets-from-database": {"connection": "shop", "table": "orders"},
}
NAMES = {"datasets": "photos", "analyses": "sort", "recipes": "train sorter"}


@pytest.fixture
def world(project: Project, ada: User) -> dict[str, str]:
    """One of everything in Ada's project; what each address needs to name it."""
    model = trained(project, ada)
    report = Path(settings.TRACKSIDE_STORAGE) / model.bundle / "report.json"
    report.write_text(json.dumps(lab_stage.report()))
    (report.parent / "scored.csv").write_text("prediction\n")
    Job.objects.filter(pk=model.job_id).update(result={"download": f"{model.bundle}/scored.csv"})
    sorter = flow.deploy(model, "sorter", ada)
    store = stores.store_for(project, ada, "sorter", sorter)
    stores.record(store, found(sorter.versions.get()), ada)
    return {"id": str(model.pk), "job": str(model.job_id), "n": "1", "v": "1"}


def real(path: str, world: dict[str, str]) -> str:
    """The address of something that exists."""
    noun = path.split("/")[3] if path.startswith("/projects/{key}/") else ""
    text = path.replace("{key}", "INSECTS").replace("{name}", NAMES.get(noun, "sorter"))
    number = world["job"] if path.startswith("/jobs") else world["id"]
    return re.sub(r"\{(\w+)\}", lambda one: world.get(one[1], "1"), text.replace("{id}", number))


# They belong to no project: test_api_fleet.py and test_connections.py.
OUTSIDE = ("/nodes", "/gpus", "/connections")
INSIDE = [one for one in OPERATIONS if "{" in one.path and not one.path.startswith(OUTSIDE)]
EDITORS = "/projects/{key}/connections"  # who may read from a database may look into it


@pytest.mark.parametrize("one", INSIDE, ids=lambda one: f"{one.method} {one.path}")
def test_an_outsider_finds_nothing(one: object, world: dict[str, str], dan: User) -> None:
    path, method = one.path, one.method  # type: ignore[attr-defined]
    body = BODIES.get(path, {}) if method in ("POST", "PATCH") else None
    answer = Rest(dan).call(method, real(path, world), body)
    if one.form is not None:  # type: ignore[attr-defined]
        answer = Rest(dan).post(f"/api/v1{real(path, world)}", {"name": "x"})
    assert answer.status_code == 404, answer.content
    absent = Rest(dan).call(method, real(path, world).replace("INSECTS", "NOSUCH"), body)
    if path.startswith("/projects") and one.form is None:  # type: ignore[attr-defined]
        assert json.loads(absent.content) == json.loads(answer.content)


@pytest.mark.parametrize(
    "one",
    [one for one in OPERATIONS if one.path.startswith("/connections")],
    ids=lambda one: f"{one.method} {one.path}",
)
def test_nobody_but_administrators_keeps_connections(one: object, ada: User) -> None:
    """Whether there is one of that name, or not."""
    path, method = one.path, one.method  # type: ignore[attr-defined]
    way = {"name": "shop", "kind": "sqlite", "database": "/data/shop.db"}
    body = {} if "{name}" in path else way
    answer = Rest(ada).call(
        method, path.replace("{name}", "shop"), body if method != "GET" else None
    )
    assert answer.status_code == 403, answer.content


@pytest.mark.parametrize(
    "one",
    [one for one in INSIDE if one.method != "GET" and not one.path.endswith("/fit")],
    ids=lambda one: f"{one.method} {one.path}",
)
def test_a_reader_changes_nothing(one: object, world: dict[str, str], cleo: User) -> None:
    path, method = one.path, one.method  # type: ignore[attr-defined]
    before = Job.objects.count()
    body = BODIES.get(path, {}) if method != "DELETE" else None
    answer = Rest(cleo).call(method, real(path, world), body)
    if one.form is not None:  # type: ignore[attr-defined]
        answer = Rest(cleo).post(f"/api/v1{real(path, world)}", {"name": "x"})
    assert answer.status_code == 403, answer.content
    assert Job.objects.count() == before


@pytest.mark.parametrize(
    "one", [one for one in INSIDE if one.method == "GET"], ids=lambda one: one.path
)
def test_a_reader_reads_everything(one: object, world: dict[str, str], cleo: User) -> None:
    path = one.path  # type: ignore[attr-defined]
    asked = f"?of={world['id']}&of=sorter:1" if path.endswith("/comparison") else ""
    answer = Rest(cleo).call("GET", real(path, world) + asked)
    expected = 403 if path.startswith(EDITORS) else 200
    assert answer.status_code == expected, (path, answer.content)


@pytest.mark.parametrize(
    "one",
    [one for one in OPERATIONS if "after" in {query.name for query in one.query}],
    ids=lambda one: one.path,
)
def test_a_list_goes_on_from_a_next_of_its_own(
    one: object, world: dict[str, str], ada: User
) -> None:
    """A name may be any text; a number is one."""
    path = real(one.path, world)  # type: ignore[attr-defined]
    for after in ("no-number", "%C2%B2", "9" * 400):
        answer = Rest(ada).call("GET", f"{path}?after={after}")
        assert answer.status_code in (200, 422), (after, answer.content)


def test_a_recipe_cannot_read_another_projects_dataset(
    world: dict[str, str], dan: User, ada: User
) -> None:
    rest = Rest(dan)
    rest.call("POST", "/projects", {"key": "DANS", "name": "Dan's"})
    photos(Project.objects.get(key="DANS"), "mine")
    body = {
        "name": "steal",
        "kind": "score",
        "inputs": {"dataset": "mine", "saved_model": "sorter"},
        "output": "y",
    }
    assert rest.call("POST", "/projects/DANS/recipes", body).status_code == 404
    body["inputs"] = {"dataset": "photos", "saved_model": "sorter"}
    assert rest.call("POST", "/projects/DANS/recipes", body).status_code == 404
    deploy = f"/projects/DANS/trained-models/{world['id']}/deploy"
    assert rest.call("POST", deploy, {"name": "x"}).status_code == 404

"""The search by REST and by the client."""

from typing import Any

import pytest

from tests.web import lab_stage, table_stage
from tests.web.test_client import client, shell
from tests.web.test_lab_tables import adults
from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.client import Client, TracksideError
from trackside.client.command import main
from trackside.client.training import train
from trackside.datasets.models import Dataset
from trackside.jobs.models import Job
from trackside.projects.models import Project

__all__ = ["client", "shell"]
pytestmark = pytest.mark.django_db
HERE = "/projects/INSECTS/analyses/earners"


@pytest.fixture
def people(project: Project, ada: User) -> Dataset:
    lab_stage.node("cpu-01")
    return table_stage.uploaded(project, ada, "people", adults())


@pytest.fixture
def rest(ada: User, people: Dataset) -> Rest:
    one = Rest(ada)
    body = {"name": "earners", "dataset": "people", "target": "income"}
    assert one.call("POST", "/projects/INSECTS/analyses", body).status_code == 201
    return one


def spec(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = Job.objects.get(pk=answer.json()["jobs"][0]).spec
    return found


def test_a_search_is_a_part_of_the_design(rest: Rest) -> None:
    space = {"max_depth": {"values": [2, 4]}, "learning_rate": {"low": 0.01, "high": 0.3}}
    models = [{"algorithm": "xgboost", "space": space}]
    change = {"search": {"strategy": "random", "trials": 7, "folds": 0}, "models": models}
    one = rest.call("PATCH", HERE, change)
    assert one.status_code == 200, one.content
    assert one.json()["search"]["trials"] == 7
    kept = one.json()["models"][0]["space"]
    assert kept["learning_rate"] == {"low": 0.01, "high": 0.3, "log": False}
    whole = rest.call("PATCH", HERE, one.json())
    assert whole.status_code == 200, whole.content
    given = spec(rest.call("POST", f"{HERE}/train", {"compute": {"kind": "cpu"}}))
    assert given["search"]["space"] == kept


def test_one_session_may_search_otherwise(rest: Rest) -> None:
    body = {"compute": {"kind": "cpu"}, "search": {"strategy": "tpe", "trials": 3}}
    assert spec(rest.call("POST", f"{HERE}/train", body))["search"]["trials"] == 3
    assert rest.call("GET", HERE).json()["search"]["strategy"] == "none"
    grid = {"strategy": "grid", "trials": 1000}
    model = {"algorithm": "xgboost", "space": {"max_depth": {"values": [2, 4]}}}
    body = {"compute": {"kind": "cpu"}, "search": grid, "models": [model]}
    given = spec(rest.call("POST", f"{HERE}/train", body))["search"]
    assert given["space"] == {"max_depth": {"values": [2, 4]}}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"search": {"strategy": "best"}}, "search.strategy"),
        ({"search": {"trials": 0}}, "search.trials"),
        ({"search": {"folds": 1}}, "search.folds"),
        ({"search": {"space": {}}}, "search"),
        ({"models": [{"space": {"max_depth": {"values": [99]}}}]}, "models.0.space.max_depth"),
        ({"models": [{"searched": "no"}]}, "models.0.searched"),
    ],
)
def test_what_is_wrong_is_told_by_field_and_nothing_is_kept(
    change: Any, field: str, rest: Rest
) -> None:
    before = rest.call("GET", HERE).json()
    answer = rest.call("PATCH", HERE, change)
    assert answer.status_code == 422, answer.content
    assert answer.json()["error"]["field"].startswith(field)
    assert rest.call("GET", HERE).json() == before


def test_images_have_no_search(rest: Rest, project: Project, ada: User) -> None:
    lab_stage.analysis(project, ada)
    there = "/projects/INSECTS/analyses/insect sorter"
    answer = rest.call("PATCH", there, {"search": {"strategy": "random"}})
    assert answer.status_code == 422
    assert "no part called 'search'" in answer.json()["error"]["message"]


def test_the_client_searches_as_users_of_postgresml_know_it(
    client: Client, people: Dataset
) -> None:
    def begun(**more: Any) -> dict[str, Any]:
        made = train("INSECTS", "people", "income", "xgboost", client=client, wait=False, **more)
        found: dict[str, Any] = Job.objects.get(pk=made["jobs"][0]).spec
        return found

    params = {"max_depth": [2, 4], "n_estimators": range(10, 40, 10), "gamma": 0}
    args = {"n_iter": 6, "cv": 2}
    given = begun(search="random", search_params=params, search_args=args)["search"]
    assert (given["strategy"], given["trials"], given["folds"]) == ("random", 6, 2)
    assert given["space"]["rounds"] == {"values": [10, 20, 30]}
    assert given["space"]["gamma"] == {"values": [0.0]}
    assert begun()["search"]["trials"] == 6, "as the analysis says"
    standard = begun(search="grid", hyperparams={"rounds": 20})
    assert standard["params"]["rounds"] == 20
    assert "max_depth" in standard["search"]["space"]
    assert "search" not in begun(search="none")
    with pytest.raises(ValueError, match="Name the search"):
        begun(search_args={"n_iter": 3})
    with pytest.raises(TracksideError, match="no setting called 'depth'"):
        begun(search="random", search_params={"depth": [1]})


def test_the_command_says_how_one_session_searches(rest: Rest, shell: Client) -> None:
    words = ["train", "INSECTS", "earners", "--cpu", "--search", "random", "--trials", "3"]
    assert main(words) == 0
    given = Job.objects.filter(kind="train").latest("pk").spec["search"]
    assert (given["strategy"], given["trials"]) == ("random", 3)
    assert main(words[:4]) == 0
    assert "search" not in Job.objects.filter(kind="train").latest("pk").spec

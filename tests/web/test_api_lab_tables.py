"""Analyses on tables by REST and by the client: made, changed part by part, trained."""

from typing import Any

import pytest

from tests.web import lab_stage, table_stage
from tests.web.test_client import client, shell
from tests.web.test_lab_tables import adults
from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.client import Client
from trackside.client.training import train
from trackside.datasets.models import Dataset
from trackside.jobs.models import Job
from trackside.projects.models import Project

__all__ = ["client", "shell"]
pytestmark = pytest.mark.django_db
ALL = "/projects/INSECTS/analyses"
HERE = f"{ALL}/earners"


@pytest.fixture
def rest(ada: User, project: Project, people: Dataset) -> Rest:
    return Rest(ada)


@pytest.fixture
def people(project: Project, ada: User) -> Dataset:
    return table_stage.uploaded(project, ada, "people", adults())


def create(rest: Rest, **more: Any) -> Any:
    body = {"name": "earners", "dataset": "people", "target": "income", **more}
    return rest.call("POST", ALL, body)


def test_the_task_is_the_targets_own(rest: Rest) -> None:
    made = create(rest)
    assert made.status_code == 201, made.content
    assert made.json()["task"] == "two_class"
    assert made.json()["features"] == {}
    assert create(rest, name="pay", target="pay").json()["task"] == "regression"


@pytest.mark.parametrize(
    ("more", "field"),
    [({"target": "nothing"}, "target"), ({"target": "same"}, "target"), ({"task": "x"}, "task")],
)
def test_what_cannot_be_predicted_is_refused_by_field(
    more: dict[str, Any], field: str, rest: Rest
) -> None:
    answer = create(rest, **more)
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == field


def test_features_are_changed_column_by_column_and_go_back(rest: Rest) -> None:
    create(rest)
    one = rest.call("PATCH", HERE, {"features": {"age": {"missing": "impute_mean"}}}).json()
    assert one["features"] == {"age": {"missing": "impute_mean"}}
    two = rest.call("PATCH", HERE, {"features": {"job.title": {"role": "ignore"}}}).json()
    assert set(two["features"]) == {"age", "job.title"}
    back = rest.call("PATCH", HERE, {"features": {"age": None}, "rebalance": True}).json()
    assert back["features"] == {"job.title": {"role": "ignore"}}
    assert back["rebalance"] is True
    whole = rest.call("PATCH", HERE, back)
    assert whole.status_code == 200, whole.content
    assert rest.call("GET", HERE).json() == back


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"features": {"income": {"role": "input"}}}, "features.income"),
        ({"features": {"age": {"type": "text"}}}, "features.age"),
        ({"features": {"age": "ignore"}}, "features.age"),
        ({"rebalance": "yes"}, "rebalance"),
        ({"augmentation": {"crop": 1}}, "augmentation.crop"),
        ({"compute": {"kind": "cpu", "ranks": 2}}, "compute.ranks"),
        ({"target": "age"}, "target"),
    ],
)
def test_a_wrong_part_leaves_the_design_as_it_was(
    change: dict[str, Any], field: str, rest: Rest
) -> None:
    before = create(rest).json()
    answer = rest.call("PATCH", HERE, change)
    assert answer.status_code == 422, answer.content
    assert answer.json()["error"]["field"] == field
    assert rest.call("GET", HERE).json() == before


def test_images_have_no_features(rest: Rest, project: Project, ada: User) -> None:
    lab_stage.analysis(project, ada)
    answer = rest.call("PATCH", f"{ALL}/insect sorter", {"features": {"age": {"role": "ignore"}}})
    assert answer.status_code == 422


def test_a_table_is_asked_whether_it_fits_and_trained(rest: Rest) -> None:
    create(rest)
    lab_stage.node("cpu-01")
    fits = rest.call("POST", f"{HERE}/fit", {"compute": {"kind": "cpu"}})
    assert fits.status_code == 200, fits.content
    assert "Not estimated for tables" in fits.json()["need"]["basis"]
    begun = rest.call("POST", f"{HERE}/train", {"models": [0, 3]})
    assert begun.status_code == 201, begun.content
    jobs = Job.objects.filter(pk__in=begun.json()["jobs"])
    assert {job.compute["ranks"] for job in jobs} == {1}
    assert {job.spec["algorithm"] for job in jobs} == {"xgboost", "logistic_regression"}


def test_the_client_trains_on_a_table_in_one_call(client: Client, people: Dataset) -> None:
    lab_stage.node("cpu-01")
    params = {"rounds": 20, "device": "cpu"}
    found = train("INSECTS", "people", "income", "xgboost", params, client=client, wait=False)
    assert found["task"] == "two_class"
    assert Job.objects.get(pk=found["jobs"][0]).spec["params"]["rounds"] == 20

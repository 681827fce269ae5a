"""Settings under former names, by REST: taken, and said in the answer, the session and the job."""

from typing import Any

import pytest
from django.test import Client

from tests.web import lab_stage, table_stage
from tests.web.test_lab_tables import adults
from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.datasets.models import Dataset
from trackside.jobs.models import Job
from trackside.lab.models import Analysis, Session
from trackside.projects.models import Project

pytestmark = pytest.mark.django_db
ALL = "/projects/INSECTS/analyses"
HERE = f"{ALL}/earners"
OLD = {"tree_method": "gpu_hist", "gpu_id": 0, "predictor": "gpu_predictor", "n_estimators": 7}


@pytest.fixture
def people(project: Project, ada: User) -> Dataset:
    lab_stage.node("cpu-01")
    return table_stage.uploaded(project, ada, "people", adults())


@pytest.fixture
def rest(ada: User, people: Dataset) -> Rest:
    made = Rest(ada)
    made.call("POST", ALL, {"name": "earners", "dataset": "people", "target": "income"})
    return made


def said(notes: list[str]) -> bool:
    return all(any(f"'{name}" in text for text in notes) for name in OLD)


def test_a_design_with_former_names_is_taken_and_says_what_became_of_them(rest: Rest) -> None:
    change = {"models": [{"algorithm": "xgboost", "params": OLD}]}
    answer = rest.call("PATCH", HERE, change)
    assert answer.status_code == 200, answer.content
    (model,) = answer.json()["models"]
    assert (model["params"]["rounds"], model["params"]["tree_method"]) == (7, "hist")
    assert said(model["notes"])
    assert rest.call("GET", HERE).json()["models"] == [model]
    # as it came, it may come back; with other settings the notes are those of nobody
    assert rest.call("PATCH", HERE, {"models": [model]}).json()["models"] == [model]
    model["params"]["rounds"] = 8
    changed = rest.call("PATCH", HERE, {"models": [model]}).json()["models"][0]
    assert "notes" not in changed


def test_what_is_not_used_is_not_kept_whole(rest: Rest) -> None:
    change = {"models": [{"algorithm": "xgboost", "params": {"verbosity": "x" * 100_000}}]}
    (note,) = rest.call("PATCH", HERE, change).json()["models"][0]["notes"]
    assert note.startswith("'verbosity: xxx")
    assert len(note) < 1000


@pytest.mark.parametrize(
    ("algorithm", "params"),
    [
        ("jax", {"hidden_layer_sizes": [[1]]}),
        ("mlp", {"hidden_layer_sizes": [{"a": 1}]}),
        ("deep_mlp", {"layers": [{"a": 1}]}),
        ("deep_mlp", {"layers": "²-²"}),
        ("deep_mlp", {"layers": "9" * 5000 + "-1"}),
    ],
)
def test_what_cannot_be_translated_is_refused_with_a_sentence(
    rest: Rest, as_ada: Client, algorithm: str, params: dict[str, Any]
) -> None:
    """By REST, for a design and for a training, and by the form."""
    (name,) = params
    models = [{"algorithm": algorithm, "params": params}]
    for method, where in (("PATCH", HERE), ("POST", f"{HERE}/train")):
        answer = rest.call(method, where, {"models": models})
        assert answer.status_code == 422, answer.content
        assert name in answer.content.decode()
    design = Analysis.objects.get(name="earners").design["models"]
    place = [one["algorithm"] for one in design].index(algorithm)
    sent = {f"m{place}-{name}": str(params[name])}
    page = "/p/INSECTS/lab/earners/design/algorithms/"
    as_json = as_ada.post(page, sent, headers={"Accept": "application/json"})
    assert as_json.status_code in (200, 422), as_json.content


@pytest.mark.parametrize("written_out", [True, False])
def test_a_training_says_it_in_its_answer_its_session_and_its_job(
    rest: Rest, written_out: bool
) -> None:
    models: list[Any] = [{"algorithm": "xgboost", "params": OLD}]
    if not written_out:
        rest.call("PATCH", HERE, {"models": models})
        models = [0]
    wish = {"models": models, "compute": {"kind": "cpu"}}
    answer = rest.call("POST", f"{HERE}/train", wish)
    assert answer.status_code == 201, answer.content
    begun = answer.json()
    assert said(begun["notes"])
    session = Session.objects.get(number=begun["session"])
    assert session.design["models"][0]["notes"] == begun["notes"]
    spec = Job.objects.get(pk=begun["jobs"][0]).spec
    assert spec["notes"] == begun["notes"]
    assert spec["params"]["rounds"] == 7


def test_what_the_device_changes_is_said_on_the_job_too(rest: Rest) -> None:
    models = [{"algorithm": "xgboost", "params": {"booster": "dart"}}]
    begun = rest.call("POST", f"{HERE}/train", {"models": models}).json()
    (note,) = Job.objects.get(pk=begun["jobs"][0]).spec["notes"]
    assert "Early stopping is off" in note


def test_a_learning_curve_is_asked_for_in_runtime_and_stands_in_the_spec(rest: Rest) -> None:
    assert rest.call("GET", HERE).json()["runtime"]["learning_curve"] is False
    before = Job.objects.count()
    begun = rest.call("POST", f"{HERE}/train", {"models": [0]}).json()
    assert "learning_curve" not in Job.objects.get(pk=begun["jobs"][0]).spec
    rest.call("PATCH", HERE, {"runtime": {"learning_curve": True}})
    begun = rest.call("POST", f"{HERE}/train", {"models": [0]}).json()
    assert Job.objects.get(pk=begun["jobs"][0]).spec["learning_curve"] is True
    assert Job.objects.count() == before + 2


def test_a_design_from_before_the_switch_trains_without_a_curve(rest: Rest) -> None:
    found = Analysis.objects.get(name="earners")
    del found.design["runtime"]["learning_curve"]
    found.save()
    begun = rest.call("POST", f"{HERE}/train", {"models": [0]})
    assert begun.status_code == 201, begun.content


def test_the_runtime_page_switches_it_on_and_off_and_says_what_it_costs(
    rest: Rest, as_ada: Client
) -> None:
    address = "/p/INSECTS/lab/earners/design/runtime/"
    page = as_ada.get(address).content.decode()
    assert "two and a half times as long" in page
    for sent, kept in (({"learning_curve": "on"}, True), ({}, False)):
        assert as_ada.post(address, {"seed": "1", **sent}).status_code == 302
        assert Analysis.objects.get(name="earners").design["runtime"]["learning_curve"] is kept

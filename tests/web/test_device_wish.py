"""A wish for a GPU in the words of other tools is one: no training goes to the CPU in silence."""

from typing import Any

import pytest

from tests.web import lab_stage, table_stage
from tests.web.test_client import client, shell
from tests.web.test_lab_tables import adults
from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.client import Client, TracksideError, train
from trackside.client import command as commands
from trackside.jobs.models import Job
from trackside.lab.models import Analysis
from trackside.projects.models import Project

__all__ = ["client", "shell"]
pytestmark = pytest.mark.django_db
ALL = "/projects/INSECTS/analyses"
HERE = f"{ALL}/earners"
CPU = {"kind": "cpu"}
XGBOOST = {"algorithm": "xgboost", "params": {"tree_method": "gpu_hist", "gpu_id": 1}}
OLD: list[tuple[str, dict[str, Any]]] = [
    ("xgboost", {"tree_method": "gpu_hist"}),
    ("xgboost", {"predictor": "gpu_predictor"}),
    ("xgboost", {"gpu_id": 0}),
    ("xgboost", {"device": "cuda:0"}),
    ("lightgbm", {"device": "gpu"}),
    ("lightgbm", {"device_type": "cuda"}),
    ("catboost", {"task_type": "GPU", "devices": "0"}),
]
NONE: list[tuple[str, dict[str, Any]]] = [
    ("xgboost", {"gpu_id": -1, "n_gpus": 1}),
    ("xgboost", {"predictor": "cpu_predictor"}),
    ("lightgbm", {"gpu_device_id": 0, "num_gpu": 1}),
    ("xgboost", {"device": "cuda:x"}),
]


@pytest.fixture
def rest(ada: User, project: Project) -> Rest:
    table_stage.uploaded(project, ada, "people", adults())
    made = Rest(ada)
    made.call("POST", ALL, {"name": "earners", "dataset": "people", "target": "income"})
    return made


@pytest.fixture
def gpus() -> None:
    names = ("xgboost-cu13", "lightgbm", "catboost", "scikit-learn")
    libraries = {"libraries": dict.fromkeys(names, "1.0")}
    node = lab_stage.node("gpu-01", 2)
    node.catalogue = {**lab_stage.CATALOGUE, **libraries, "gpu_builds": ["lightgbm"]}
    node.save()


def begun(rest: Rest, wish: dict[str, Any]) -> tuple[dict[str, Any], Job]:
    answer = rest.call("POST", f"{HERE}/train", wish)
    assert answer.status_code == 201, answer.content
    return answer.json(), Job.objects.get(pk=answer.json()["jobs"][0])


@pytest.mark.parametrize(("algorithm", "params"), OLD)
def test_old_words_for_a_gpu_ask_for_one(
    rest: Rest, gpus: None, algorithm: str, params: dict[str, Any]
) -> None:
    told, job = begun(rest, {"models": [{"algorithm": algorithm, "params": params}]})
    assert (job.compute["kind"], job.compute["count"]) == ("any", 1)
    assert "one GPU is asked for" in told["notes"][-1]
    assert job.spec["notes"] == told["notes"], "the job says it too"


@pytest.mark.parametrize(("algorithm", "params"), NONE)
def test_what_is_no_wish_for_a_gpu_stays_on_the_cpu(
    rest: Rest, gpus: None, algorithm: str, params: dict[str, Any]
) -> None:
    told, job = begun(rest, {"models": [{"algorithm": algorithm, "params": params}]})
    assert job.compute["kind"] == "cpu"
    assert all("is not used" in one for one in told["notes"])


def test_a_design_keeps_the_wish_with_its_settings(rest: Rest, gpus: None) -> None:
    answer = rest.call("PATCH", HERE, {"models": [XGBOOST]})
    (model,) = answer.json()["models"]
    assert model["device"] == "cuda"
    assert "its number is not used" in " ".join(model["notes"])
    assert rest.call("PATCH", HERE, {"models": [model]}).json()["models"] == [model]
    found = rest.call("POST", f"{HERE}/fit", {}).json()
    assert found["start"]["parts"][0]["uuids"], "it is asked whether a GPU is free"
    assert begun(rest, {})[1].compute["kind"] == "any"
    gone = rest.call("PATCH", HERE, {"models": [{**model, "device": ""}]}).json()["models"]
    assert "device" not in gone[0]
    wrong = rest.call("PATCH", HERE, {"models": [{**model, "device": "tpu"}]})
    assert "'device' must be cpu or cuda, not 'tpu'." in wrong.content.decode()


@pytest.mark.parametrize("where", ["call", "design"])
def test_a_compute_that_is_given_holds_and_that_is_said(rest: Rest, gpus: None, where: str) -> None:
    wish: dict[str, Any] = {"models": [XGBOOST]}
    if where == "call":
        wish["compute"] = CPU
    else:
        rest.call("PATCH", HERE, {"compute": CPU})
    told, job = begun(rest, wish)
    assert job.compute["kind"] == "cpu"
    said = "The settings ask for a GPU; the compute that is given holds: the CPU."
    assert told["notes"][-1] == said


def test_without_a_gpu_it_is_refused_and_says_what_would_be_right(rest: Rest) -> None:
    lab_stage.node("cpu-01")
    before = Job.objects.count()
    for call, wish in (("train", {}), ("fit", {})):
        rest.call("PATCH", HERE, {"models": [XGBOOST]})
        answer = rest.call("POST", f"{HERE}/{call}", wish)
        assert answer.status_code == 422
        said = answer.json()["error"]["message"]
        assert said.startswith("The settings of XGBoost ask for a GPU, and no machine has one")
        assert "{'kind': 'cpu'}" in said
    assert Job.objects.count() == before
    assert begun(rest, {"compute": CPU})[1].compute["kind"] == "cpu"


def test_what_learns_on_the_cpu_alone_says_so(rest: Rest, gpus: None) -> None:
    models = [{"algorithm": "hist_gradient_boosting", "params": {"device": "cuda"}}]
    answer = rest.call("POST", f"{HERE}/train", {"models": models})
    assert answer.status_code == 422
    assert "learns on the CPU alone" in answer.content.decode()


@pytest.mark.parametrize(
    ("params", "kind", "said"),
    [
        ({"device": "cpu"}, "cpu", "'device: cpu': it learns on the CPU."),
        ({"device": "cuda"}, "any", "'device: cuda': one GPU is asked for"),
        ({"device": "GPU"}, "any", "'device: GPU': one GPU is asked for"),
        ({"device": "cuda:1"}, "any", "; 1 is not looked at."),
        ({"tree_method": "gpu_hist"}, "any", "No compute is given: one GPU is asked for"),
        ({"tree_method": "gpu_hist", "device": "cpu"}, "cpu", "that is given holds: the CPU."),
        ({"eta": 0.3}, "cpu", "'eta' is called 'learning_rate' here."),
    ],
)
def test_the_client_says_where_it_learns(
    client: Client, rest: Rest, gpus: None, params: dict[str, Any], kind: str, said: str
) -> None:
    told = train("INSECTS", "people", "income", "xgboost", params, client=client, wait=False)
    assert Job.objects.get(pk=told["jobs"][0]).compute["kind"] == kind
    assert any(said in one for one in told["notes"]), told["notes"]


def test_the_wish_stays_with_the_settings_of_the_call_before(
    client: Client, rest: Rest, gpus: None
) -> None:
    for params in ({"tree_method": "gpu_hist"}, {"eta": 0.3}):
        told = train("INSECTS", "people", "income", "xgboost", params, client=client, wait=False)
        assert Job.objects.get(pk=told["jobs"][0]).compute["kind"] == "any"


def test_a_device_that_is_none_is_refused_before_anything_is_made(
    client: Client, rest: Rest
) -> None:
    with pytest.raises(ValueError, match="'device' is cpu, cuda or a numbered one"):
        train("INSECTS", "people", "income", hyperparams={"device": "tpu"}, client=client)
    assert not Analysis.objects.filter(name="people income").exists()
    with pytest.raises(TracksideError, match="No machine has a GPU"):
        train("INSECTS", "people", "income", hyperparams={"device": "cuda"}, client=client)


def test_the_shell_prints_the_notes_of_a_training(
    shell: Client, rest: Rest, gpus: None, capsys: pytest.CaptureFixture[str]
) -> None:
    rest.call("PATCH", HERE, {"models": [XGBOOST]})
    assert commands.main(["train", "INSECTS", "earners"]) == 0
    out = capsys.readouterr().out
    assert "No compute is given: one GPU is asked for" in out
    assert "Few rows." in out


def test_a_device_that_is_taken_away_is_no_longer_spoken_of(rest: Rest, gpus: None) -> None:
    rest.call("PATCH", HERE, {"models": [{"algorithm": "xgboost", "params": {"gpu_id": 0}}]})
    (model,) = rest.call("GET", HERE).json()["models"]
    assert "asks for a GPU" in " ".join(model["notes"])
    (model,) = rest.call("PATCH", HERE, {"models": [{**model, "device": ""}]}).json()["models"]
    assert not model.get("notes")


def test_of_settings_that_contradict_each_other_the_notes_say_which_one_holds(
    rest: Rest, gpus: None
) -> None:
    params = {"device": "cpu", "gpu_id": 0, "tree_method": "gpu_hist"}
    told, job = begun(rest, {"models": [{"algorithm": "xgboost", "params": params}]})
    assert job.compute["kind"] == "cpu"
    assert "'gpu_id: 0' is not used: another setting names the CPU." in told["notes"]
    assert not [one for one in told["notes"] if "asks for a GPU" in one]


def test_one_wish_for_a_gpu_does_not_drag_along_what_learns_on_the_cpu(
    rest: Rest, gpus: None
) -> None:
    models = [XGBOOST, {"algorithm": "hist_gradient_boosting"}]
    for call in ("train", "fit"):
        rest.call("PATCH", HERE, {"models": models})
        answer = rest.call("POST", f"{HERE}/{call}", {})
        assert answer.status_code == 422
        said = answer.json()["error"]["message"]
        assert "settings of XGBoost ask for a GPU, and Gradient boosted trees" in said
        assert "train them apart" in said

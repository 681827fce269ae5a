"""What only some machines have: a library, or its build for GPUs. Said before a job begins."""

import re
from html import unescape
from typing import Any

import pyarrow as pa
import pytest
from django.test import Client

from tests.web import lab_stage, table_stage
from tests.web.asking import AUTO, dialog
from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.compute.able import learns_on_gpu
from trackside.compute.models import Node
from trackside.compute.requests import BadCompute
from trackside.jobs import services as jobs
from trackside.jobs.kinds import ALGORITHMS, placed
from trackside.jobs.models import Attempt, Job
from trackside.lab import freezing, services
from trackside.lab.models import Analysis
from trackside.lab.trouble import Refused
from trackside.projects.models import Project
from trackside.saved_models.models import SavedModel

SPEC = {"task": "two_class", "algorithm": "lightgbm"}
CARD = ALGORITHMS["lightgbm"]
EVERY = {one.library: "1.0" for one in ALGORITHMS.values() if one.library}


@pytest.fixture
def analysis(project: Project, ada: User) -> Analysis:
    table = pa.table({"a": list(range(60)), "good": ["y", "n"] * 30})
    held = table_stage.uploaded(project, ada, "rows", table)
    return services.create_analysis(project, ada, "t", held, "good")


def node(name: str, *, builds: list[str], found: dict[str, str] | None = None, **more: Any) -> Node:
    made = lab_stage.node(name, gpus=1, **more)
    told = {"libraries": EVERY if found is None else found, "gpu_builds": builds}
    made.catalogue = {**lab_stage.CATALOGUE, **told}
    made.save()
    return made


def on(name: str) -> dict[str, Any]:
    return {"kind": "gpus", "uuids": [f"GPU-{name}-0"]}


def queued(project: Project, user: User, compute: dict[str, Any]) -> Job:
    return jobs.submit(
        project=project, user=user, kind="train", title="t", spec=SPEC, compute=compute
    )


def machines(job: Job) -> list[str]:
    return list(Attempt.objects.filter(job=job).values_list("node__name", flat=True))


def test_without_a_build_for_gpus_there_is_none_to_choose(project: Project, ada: User) -> None:
    node("plain", builds=[])
    assert not learns_on_gpu(CARD)
    for compute in (on("plain"), {"kind": "any", "count": 1}):
        with pytest.raises(BadCompute, match=r"No machine's LightGBM is built for GPUs: docs/l"):
            queued(project, ada, compute)
    assert machines(queued(project, ada, {"kind": "cpu"})) == ["plain"]


def test_a_gpu_is_taken_where_the_build_is(project: Project, ada: User) -> None:
    node("a-plain", builds=[])
    node("built", builds=["lightgbm"])
    assert learns_on_gpu(CARD)
    with pytest.raises(BadCompute, match="The LightGBM of a-plain is built for the CPU alone"):
        queued(project, ada, on("a-plain"))
    assert machines(queued(project, ada, {"kind": "any", "count": 1})) == ["built"]
    waits = queued(project, ada, {"kind": "any", "count": 1})
    waits.refresh_from_db()
    assert machines(waits) == []
    assert "on built" in waits.reason, "the free GPU of a-plain is none for it"


def test_a_simulated_gpu_needs_no_build(project: Project, ada: User) -> None:
    node("played", builds=[], simulated=True)
    assert machines(queued(project, ada, on("played"))) == ["played"]


def test_a_model_of_it_predicts_on_the_cpu() -> None:
    for compute in ({"kind": "any", "count": 1}, {"kind": "gpus", "uuids": ["GPU-1"]}):
        with pytest.raises(BadCompute, match="LightGBM predicts on the CPU alone"):
            placed({**SPEC, "bundle": "models/1"}, compute, "score")


def test_a_job_goes_where_its_library_is(project: Project, ada: User) -> None:
    node("a-bare", builds=[], found={"scikit-learn": "1.9.1"})
    with pytest.raises(BadCompute, match=r"^a-bare has no xgboost-cu13\. Choose another GPU"):
        placed({**SPEC, "algorithm": "xgboost"}, on("a-bare"))
    waits = queued(project, ada, {"kind": "cpu"})
    waits.refresh_from_db()
    assert waits.reason == (
        "Waits for a machine with the library that it needs: a-bare does not have it."
    )
    node("full", builds=[])
    jobs.later()
    assert machines(queued(project, ada, {"kind": "cpu"})) == ["full"]


def test_what_no_machine_has_is_grey_and_told_by_rest(analysis: Analysis, as_ada: Any) -> None:
    bare = node("bare", builds=[], found={"scikit-learn": "1.9.1"})
    page = "/p/INSECTS/lab/t/design/algorithms/"
    html = as_ada.get(page).content.decode()
    needy = [one for one in ALGORITHMS.values() if one.library not in ("", "scikit-learn")]
    assert html.count("algo--lacking") == len(needy)
    for package in ("xgboost-cu13", "lightgbm"):
        on_one = f"{package}. On one that shall have it, run <code>pip install {package}</code>"
        assert f"No machine has {on_one}" in html
    rest = Rest(User.objects.get(username="ada"))
    told = {one["name"]: one for one in rest.call("GET", "/algorithms").json()["algorithms"]}
    assert set(told) == set(ALGORITHMS)
    assert "pip install lightgbm" in told["lightgbm"]["lacking"]
    assert told["ridge"]["lacking"] == ""
    assert told["lightgbm"]["space"]["learning_rate"] == {"low": 0.02, "high": 0.2, "log": True}
    bare.catalogue = {**bare.catalogue, "libraries": EVERY, "gpu_builds": ["lightgbm"]}
    bare.save()
    assert "algo--lacking" not in as_ada.get(page).content.decode()
    told = {one["name"]: one for one in rest.call("GET", "/algorithms").json()["algorithms"]}
    assert (told["lightgbm"]["lacking"], told["lightgbm"]["on_gpu"]) == ("", True)
    assert told["lightgbm"]["scores_on_gpu"] is False


def test_a_param_that_needs_a_library_waits_for_a_machine_that_has_it(
    project: Project, ada: User
) -> None:
    node("a-plain", builds=[])
    spec = {"task": "two_class", "algorithm": "svm", "params": {"intel": True}}
    sent = {"project": project, "user": ada, "kind": "train", "title": "t"}
    waits = jobs.submit(**sent, spec=spec, compute={"kind": "cpu"})
    waits.refresh_from_db()
    assert waits.reason == (
        "Waits for a machine with the library that it needs: a-plain does not have it."
    )
    plain = {**spec, "params": {"intel": False}}
    assert machines(jobs.submit(**sent, spec=plain, compute={"kind": "cpu"})) == ["a-plain"]
    node("intel", builds=[], found={**EVERY, "intel": "2026.2.0"})
    assert machines(jobs.submit(**sent, spec=spec, compute={"kind": "cpu"})) == ["intel"]


def test_params_that_learn_on_the_cpu_alone_are_said_before_the_click(
    analysis: Analysis, as_ada: Any
) -> None:
    node("one", builds=[])
    models = analysis.design["models"]
    place = next(n for n, one in enumerate(models) if one["algorithm"] == "logistic_regression")
    wish = {**AUTO, "model": str(place)}
    plan = dialog(analysis, as_ada)
    assert "Fix the choice" not in plan(wish)
    models[place]["params"] = {**models[place]["params"], "penalty": "l1"}
    analysis.save()
    said = unescape(plan(wish))
    assert "Logistic regression with Regularisation 'l1' learns on the CPU alone" in said


def test_a_switch_whose_library_no_machine_has_is_grey_and_refused(
    analysis: Analysis, as_ada: Any
) -> None:
    found = node("plain", builds=[])
    page = "/p/INSECTS/lab/t/design/algorithms/"
    names = [one["algorithm"] for one in analysis.design["models"]]
    switch = re.compile(rf'<input[^>]*name="m{names.index("svm")}-intel"[^>]*>')
    html = as_ada.get(page).content.decode()
    assert "disabled" in switch.findall(html)[0]
    assert "No machine has Intel&#x27;s extension of scikit-learn. On one" in html
    model = analysis.design["models"][names.index("svm")]
    model["params"] = {**model["params"], "intel": True}
    analysis.save()
    with pytest.raises(Refused, match=r"NAMES=intel.*Or switch it off in the settings"):
        freezing.freeze(analysis, model)
    assert "algo--lacking" in as_ada.get(page).content.decode()
    found.catalogue = {**found.catalogue, "libraries": {**EVERY, "intel": "2026.2.0"}}
    found.save()
    assert "algo--lacking" not in as_ada.get(page).content.decode()


def test_what_learns_on_gpus_by_another_library_does_so_where_that_is(
    project: Project, ada: User
) -> None:
    node("a-plain", builds=[])
    spec = {"task": "two_class", "algorithm": "svm"}
    svm = ALGORITHMS["svm"]
    assert not learns_on_gpu(svm)
    with pytest.raises(BadCompute, match=r"learns by cuML\. No machine has cuML\. On one"):
        placed(spec, {"kind": "any", "count": 1})
    node("rapids", builds=[], found={**EVERY, "rapids": "26.10.0"})
    assert learns_on_gpu(svm)
    with pytest.raises(BadCompute, match=r"^a-plain has no cuML\. Choose another GPU"):
        placed(spec, on("a-plain"))
    several = {**spec, "task": "multiclass"}
    with pytest.raises(BadCompute, match="of several classes learns on the CPU alone"):
        placed(several, on("rapids"))
    sent = {"project": project, "user": ada, "kind": "train", "title": "t", "spec": spec}
    assert machines(jobs.submit(**sent, compute={"kind": "any", "count": 1})) == ["rapids"]
    assert machines(jobs.submit(**sent, compute={"kind": "cpu"})) != []
    node("played", builds=[], simulated=True)
    assert placed(spec, on("played")) == on("played")
    with pytest.raises(BadCompute, match="predicts on the CPU alone"):
        placed({**spec, "bundle": "models/1"}, on("rapids"), "score")


@pytest.mark.parametrize("task", ["two_class", "multiclass", "regression"])
def test_a_forest_of_any_task_learns_on_a_gpu_where_cuml_is(project: Project, task: str) -> None:
    node("a-plain", builds=[])
    node("rapids", builds=[], found={**EVERY, "rapids": "26.10.0"})
    spec = {"task": task, "algorithm": "random_forest"}
    assert placed(spec, on("rapids")) == on("rapids")
    with pytest.raises(BadCompute, match=r"^a-plain has no cuML\. Choose another GPU"):
        placed(spec, on("a-plain"))
    with pytest.raises(BadCompute, match="Extra trees learns on the CPU alone: cuML has no extra"):
        placed({**spec, "algorithm": "extra_trees"}, on("rapids"))


@pytest.mark.parametrize(
    ("algorithm", "said"),
    [
        ("extra_trees", "Extra trees learns on the CPU alone: cuML has no extra trees"),
        ("random_forest", ""),
    ],
)
def test_a_retraining_is_offered_no_gpu_where_none_learns_it(
    survivors: SavedModel, as_ben: Client, algorithm: str, said: str
) -> None:
    node("rapids", builds=[], found={**EVERY, "rapids": "26.10.0"})
    recipe = survivors.recipes.get(kind="train")
    recipe.settings["algorithm"] = algorithm
    recipe.save()
    page = as_ben.get(f"/p/INSECTS/recipes/{recipe.name}/").content.decode()
    assert ("learns on the CPU alone" in page) == ('value="gpus"' not in page) == bool(said)
    assert said in page

"""From a trained model to predictions: deploy, score, retrain, and what the Flow shows of it."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from tests.web.world import RESULT, Rest, analysis, attempt, bundle, done, photos, trained
from trackside.accounts.models import User
from trackside.datasets import tables
from trackside.datasets.models import Dataset
from trackside.flow import queries, services
from trackside.flow.models import Recipe
from trackside.jobs.models import Job
from trackside.lab.models import TrainedModel
from trackside.projects.models import Project
from trackside.saved_models.models import SavedModel, Version


@pytest.fixture
def model(project: Project, ada: User) -> TrainedModel:
    return trained(project, ada)


@pytest.fixture
def sorter(model: TrainedModel, ada: User) -> SavedModel:
    return services.deploy(model, "sorter", ada)


def scoring(project: Project, sorter: SavedModel, user: User, **more: Any) -> Recipe:
    new = photos(project, "new", labelled=False)
    wish = services.Wish(
        name="score new", kind="score", dataset=new, saved_model=sorter, output="scored", **more
    )
    return services.create_recipe(project, user, wish)


def node(project: Project, identity: str) -> Any:
    return next(one for one in queries.flow_of(project).nodes if one.id == identity)


def scored(job: Job, text: str = "path,prediction\na.jpg,ants\n") -> None:
    one = attempt(job)
    (Path(settings.TRACKSIDE_STORAGE) / one.folder / "output" / "data.csv").write_text(text)
    result = {"rows": text.count("\n") - 1, "columns": [{"name": "path", "type": "text"}]}
    done(job)
    services.publish_scoring(job, one, result)
    assert result["output"] == "scored"


def test_deploying_makes_a_version_and_a_recipe_that_remembers(
    sorter: SavedModel, model: TrainedModel
) -> None:
    version = sorter.versions.get()
    assert (version.number, version.active, version.trained_model_id) == (1, True, model.pk)
    recipe = Recipe.objects.get()
    assert recipe.settings["params"] == model.params
    assert recipe.settings["design"]["training"] == model.session.design["training"]
    assert recipe.compute == model.session.compute


def test_deploying_again_adds_a_version_and_no_second_recipe(
    sorter: SavedModel, model: TrainedModel, ada: User
) -> None:
    services.deploy(model, "sorter", ada, active=False)
    assert list(sorter.versions.order_by("number").values_list("active", flat=True)) == [
        True,
        False,
    ]
    assert Recipe.objects.count() == 1


def test_an_unfinished_model_cannot_be_deployed(project: Project, ada: User) -> None:
    with pytest.raises(services.BadRecipe, match="not trained yet"):
        services.deploy(TrainedModel(session=trained(project, ada).session, label="x"), "a", ada)


def test_a_scoring_goes_from_planned_to_ready_and_can_be_repeated(
    project: Project, sorter: SavedModel, ada: User
) -> None:
    recipe = scoring(project, sorter, ada)
    assert node(project, "dataset:scored").state == "planned"
    job = services.run_recipe(recipe, ada)
    assert Path(job.spec["bundle"]).is_dir()
    assert node(project, "dataset:scored").state == "building"
    scored(job)
    assert node(project, "dataset:scored").state == "ready"
    output = Dataset.objects.get(name="scored")
    table = tables.table(output)
    assert (table.names, list(table.lines())) == (["path", "prediction"], [["a.jpg", "ants"]])
    again = services.run_recipe(recipe, ada)
    scored(again, "path,prediction\na.jpg,bees\nb.jpg,bees\n")
    output.refresh_from_db()
    assert output.rows == 2
    assert next(tables.table(output).lines()) == ["a.jpg", "bees"]


def test_an_output_is_out_of_date_when_another_version_is_active(
    project: Project, sorter: SavedModel, model: TrainedModel, ada: User
) -> None:
    scored(services.run_recipe(scoring(project, sorter, ada), ada))
    services.deploy(model, "sorter", ada)
    one = node(project, "dataset:scored")
    assert one.state == "out_of_date"
    assert "version 2 is active" in one.reason


def test_a_recipe_at_work_does_not_run_twice_and_a_double_click_is_one(
    project: Project, sorter: SavedModel, ada: User
) -> None:
    recipe = scoring(project, sorter, ada)
    job = services.run_recipe(recipe, ada, click_id="c1")
    assert services.run_recipe(recipe, ada, click_id="c1") == job
    with pytest.raises(services.RecipeBusy, match=f"job {job.pk}"):
        services.run_recipe(recipe, ada, click_id="c2")
    with pytest.raises(services.RecipeBusy):
        services.delete_recipe(recipe)


@pytest.mark.parametrize("activate", [True, False])
def test_retraining_makes_a_version(
    project: Project, sorter: SavedModel, ada: User, activate: bool
) -> None:
    recipe = Recipe.objects.get(kind="train")
    services.change_recipe(recipe, services.Change(activate=activate))
    job = services.run_recipe(recipe, ada, {"kind": "cpu", "ranks": 1})
    assert job.spec["task"] == "image_classification"
    assert job.compute["ranks"] == 1
    bundle(f"models/job-{job.pk}")
    done(job)
    result: dict[str, Any] = dict(RESULT)
    services.publish_training(job, attempt(job), result)
    assert result["version"] == 2
    made = Version.objects.get(saved_model=sorter, number=2)
    assert made.active is activate
    assert made.bundle == f"models/job-{job.pk}"


def test_a_training_that_no_recipe_asked_for_is_the_labs(project: Project, ada: User) -> None:
    model = trained(project, ada)
    assert model.job is not None
    services.publish_training(model.job, attempt(model.job), dict(RESULT))
    assert not Version.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"output": "photos"}, "output"),
        ({"output": "../x"}, "output"),
        ({"name": "train sorter"}, "name"),
        ({"name": "/etc"}, "name"),
        ({"name": "one\n"}, "name"),
        ({"settings": {"batch": 0}}, "settings.batch"),
        ({"settings": {"speed": 3}}, "settings.speed"),
        ({"kind": "predict"}, "kind"),
    ],
)
def test_a_wrong_recipe_is_refused_with_its_field(
    project: Project, sorter: SavedModel, ada: User, change: dict[str, Any], field: str
) -> None:
    before = Dataset.objects.count()
    body = {
        "name": "one",
        "kind": "score",
        "inputs": {"dataset": "photos", "saved_model": "sorter"},
        "output": "out",
        **change,
    }
    answer = Rest(ada).call("POST", "/projects/INSECTS/recipes", body)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)
    assert Dataset.objects.count() == before


def test_the_flow_through_rest(project: Project, sorter: SavedModel, ada: User) -> None:
    recipe = scoring(project, sorter, ada)
    rest = Rest(ada)
    flow = rest.call("GET", "/projects/INSECTS/flow").json()
    edges = {(one["from"], one["to"]) for one in flow["edges"]}
    assert ("dataset:photos", "recipe:train sorter") in edges
    assert ("recipe:train sorter", "saved_model:sorter") in edges
    assert ("saved_model:sorter", "recipe:score new") in edges
    assert ("recipe:score new", "dataset:scored") in edges
    body = {"settings": {"batch": 8}, "compute": {"kind": "cpu", "ranks": 1}}
    changed = rest.call("PATCH", "/projects/INSECTS/recipes/score new", body)
    assert changed.json()["settings"] == {"batch": 8}
    run = rest.call("POST", "/projects/INSECTS/recipes/score new/run", {})
    assert run.status_code == 201, run.content
    assert run.json()["compute"]["ranks"] == 1
    busy = rest.call("POST", "/projects/INSECTS/recipes/score new/run", {})
    assert (busy.status_code, busy.json()["error"]["code"]) == (409, "busy")
    assert recipe.runs.get().version == sorter.versions.get()


def test_a_training_recipe_from_an_analysis(project: Project, ada: User) -> None:
    analysis(project, ada)
    body = {
        "name": "nightly",
        "kind": "train",
        "inputs": {"dataset": "photos", "analysis": "sort"},
        "output": "fresh",
    }
    answer = Rest(ada).call("POST", "/projects/INSECTS/recipes", body)
    assert answer.status_code == 201, answer.content
    run = Rest(ada).call("POST", "/projects/INSECTS/recipes/nightly/run", {})
    assert run.status_code == 201, run.content


def test_pages_for_members_and_nobody_else(
    project: Project, sorter: SavedModel, ada: User, as_ben: Client, as_cleo: Client, as_dan: Client
) -> None:
    recipe = scoring(project, sorter, ada)
    job = services.run_recipe(recipe, ada)
    reading = [
        "/p/INSECTS/",
        "/p/INSECTS/flow/?format=json",
        "/p/INSECTS/recipes/score new/",
        "/p/INSECTS/recipes/train sorter/",
        "/p/INSECTS/jobs/",
        "/p/INSECTS/jobs/?state=active",
        f"/p/INSECTS/jobs/{job.pk}/",
        f"/p/INSECTS/jobs/{job.pk}/log.txt",
    ]
    for address in reading:
        assert as_cleo.get(address).status_code == 200, address
        assert as_dan.get(address).status_code == 404, address
    writing = ["recipes/score new/run/", "recipes/score new/delete/", f"jobs/{job.pk}/stop/"]
    for address in writing:
        assert as_cleo.post(f"/p/INSECTS/{address}").status_code == 403, address
    assert as_cleo.get("/p/INSECTS/flow/new-recipe/").status_code == 403
    assert as_ben.get("/p/INSECTS/flow/new-recipe/").status_code == 200


def test_a_reader_gets_no_button_that_changes_things(
    sorter: SavedModel, as_cleo: Client, as_ben: Client
) -> None:
    def labels(client: Client) -> set[str]:
        nodes = client.get("/p/INSECTS/flow/?format=json").json()["nodes"]
        return {action["label"] for one in nodes for action in one["actions"]}

    assert labels(as_cleo) == {"Explore", "Settings", "Open"}
    assert labels(as_ben) >= {"Run", "Score", "Retrain", "Visual ML"}


def test_scoring_from_the_page(project: Project, sorter: SavedModel, as_ben: Client) -> None:
    photos(project, "new", labelled=False)
    form = {
        "dataset": "new",
        "model": "sorter",
        "output": "by_ben",
        "where": "cpu",
        "ranks": "1",
        "then": "run",
        "click_id": "x1",
    }
    answer = as_ben.post("/p/INSECTS/flow/new-recipe/", form)
    job = Job.objects.latest("id")
    assert answer.headers["Location"] == f"/p/INSECTS/jobs/{job.pk}/"
    assert (job.kind, job.compute["ranks"]) == ("score", 1)
    wrong = as_ben.post("/p/INSECTS/flow/new-recipe/", {**form, "output": "by_ben"})
    assert wrong.status_code == 422
    assert "already" in wrong.content.decode()
    wrong = as_ben.post(
        "/p/INSECTS/flow/new-recipe/", {**form, "output": "b", "where": "gpus", "gpu": []}
    )
    assert "Choose at least one GPU" in wrong.content.decode()


def test_deploying_from_the_lab(model: TrainedModel, as_ben: Client) -> None:
    answer = as_ben.post(reverse("deploy", args=["INSECTS", model.pk]), {"name": "mine"})
    assert answer.headers["Location"] == "/p/INSECTS/models/mine/"
    assert SavedModel.objects.get().versions.get().active


def test_an_empty_flow_says_what_to_do(project: Project, as_ada: Client, as_cleo: Client) -> None:
    assert "Upload data" in as_ada.get("/p/INSECTS/").content.decode()
    assert "An empty Flow" in as_cleo.get("/p/INSECTS/").content.decode()


def test_names_with_markup_stay_text(project: Project, ada: User, as_ada: Client) -> None:
    photos(project, "<img src=x onerror=alert(1)>")
    page = as_ada.get("/p/INSECTS/").content.decode()
    assert "<img src=x" not in page

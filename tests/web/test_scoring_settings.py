"""The settings of a table's scoring, by page and by REST: kept, frozen, and what comes of them."""

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.conf import settings
from django.test import Client

from tests.web import lab_stage
from tests.web.test_table_scoring import NEW, passengers, scoring
from tests.web.trained_tables import published
from tests.web.world import Rest, photos
from trackside.accounts.models import User
from trackside.compute.requests import BadCompute
from trackside.datasets.models import Dataset
from trackside.flow import queries, reading, services
from trackside.flow.actions import shown
from trackside.flow.models import Recipe
from trackside.jobs import pausing
from trackside.jobs.models import Job as JobRow
from trackside.projects.models import Project
from trackside.saved_models.models import SavedModel

RECIPES = "/projects/INSECTS/recipes"


@pytest.fixture
def new(project: Project, tmp_path: Path) -> Dataset:
    return passengers(project, tmp_path)


def body(**changes: Any) -> dict[str, Any]:
    inputs = {"dataset": "new", "saved_model": "survivors"}
    return {"name": "score new", "kind": "score", "inputs": inputs, "output": "out", **changes}


def test_the_settings_stand_in_the_spec(survivors: SavedModel, new: Dataset, ada: User) -> None:
    wanted = {"threshold": 0.4, "probabilities": "predicted", "explanations": 3}
    made = Rest(ada).call("POST", RECIPES, body(settings=wanted)).json()
    assert made["settings"] == {**wanted, "output": "dataset", "engine": "own"}
    job = services.run_recipe(Recipe.objects.get(name="score new"), ada)
    assert wanted.items() <= job.spec.items()
    assert (job.spec["task"], job.spec["algorithm"]) == ("two_class", "xgboost")


def test_a_file_is_downloaded_by_page_and_by_rest(
    survivors: SavedModel, new: Dataset, ada: User, as_ben: Client, dan: User
) -> None:
    given = body(settings={"output": "csv"})
    del given["output"]
    made = Rest(ada).call("POST", RECIPES, given).json()
    assert made["output"] is None
    assert not Dataset.objects.filter(name="out").exists()
    job = services.run_recipe(Recipe.objects.get(name="score new"), ada)
    address = f"/jobs/{job.pk}/file"
    assert Rest(ada).call("GET", address).status_code == 404
    result = published(job)
    JobRow.objects.filter(pk=job.pk).update(result=result)
    answer = Rest(ada).call("GET", address)
    content = b"".join(answer.streaming_content).decode()
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert content.count("\n") == new.rows + 1
    assert "prediction" in content.splitlines()[0]
    assert Rest(dan).call("GET", address).status_code == 404
    for page in (f"/p/INSECTS/jobs/{job.pk}/", "/p/INSECTS/recipes/score new/"):
        assert f"/p/INSECTS/jobs/{job.pk}/file/" in as_ben.get(page).content.decode()
    sent = as_ben.get(f"/p/INSECTS/jobs/{job.pk}/file/")
    assert sent.headers["Content-Disposition"].endswith('scored.csv"')
    assert Rest(ada).call("GET", f"/jobs/{job.pk}").json()["scored"]["file"] == "scored.csv"


@pytest.mark.parametrize("path", ["../secret.csv", "attempts/1/log.txt", "/etc/passwd"])
def test_only_what_a_scoring_wrote_is_sent(
    survivors: SavedModel, new: Dataset, ada: User, path: str
) -> None:
    (Path(settings.TRACKSIDE_STORAGE).parent / "secret.csv").write_text("x")
    job = services.run_recipe(scoring(survivors, new, ada), ada)
    JobRow.objects.filter(pk=job.pk).update(result={"download": path})
    assert Rest(ada).call("GET", f"/jobs/{job.pk}/file").status_code == 404


WRONG = {
    "threshold": ({"threshold": 2}, "must lie between 0 and 1"),
    "explanations": ({"explanations": 51}, "must lie between 0 and 50"),
    "probabilities": ({"probabilities": "some"}, "must be one of all, predicted, none"),
    "batch": ({"batch": 8}, "There is no setting called 'batch'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_settings_are_refused_with_their_field(
    survivors: SavedModel, new: Dataset, ada: User, name: str
) -> None:
    given, sentence = WRONG[name]
    answer = Rest(ada).call("POST", RECIPES, body(settings=given))
    error = answer.json()["error"]
    assert (answer.status_code, error["field"]) == (422, f"settings.{name}")
    assert sentence in error["message"]
    assert not Recipe.objects.filter(name="score new").exists()


def test_a_recipe_stays_with_a_dataset_or_with_files(
    survivors: SavedModel, new: Dataset, ada: User
) -> None:
    scoring(survivors, new, ada)
    answer = Rest(ada).call("PATCH", f"{RECIPES}/score scored", {"settings": {"output": "csv"}})
    assert answer.status_code == 422
    assert "writes a dataset" in answer.json()["error"]["message"]


def test_the_form_keeps_the_settings(survivors: SavedModel, new: Dataset, as_ben: Client) -> None:
    page = as_ben.get(f"{NEW}?model=survivors").content.decode()
    assert 'name="set-threshold"' in page
    form = {"dataset": "new", "model": "survivors", "output": "by_ben", "where": "cpu",
            "ranks": "1", "then": "keep", "set-output": "dataset", "set-threshold": "",
            "set-probabilities": "none", "set-explanations": "2", "set-engine": "own"}  # fmt: skip
    as_ben.post(NEW, form)
    recipe = Recipe.objects.get(name="score by_ben")
    wanted = {"output": "dataset", "threshold": None, "probabilities": "none", "explanations": 2}
    wanted["engine"] = "own"
    assert recipe.settings == wanted
    there = "/p/INSECTS/recipes/score by_ben/"
    page = as_ben.get(there).content.decode()
    assert "1, the positive class, is predicted from this probability on." in page
    assert 'name="set-output"' not in page, "a dataset stays one"
    change = {"where": "cpu", "ranks": "1", "then": "save", "set-threshold": "0.3",
              "set-probabilities": "all", "set-explanations": "0", "set-engine": "own"}  # fmt: skip
    as_ben.post(there, {**change, "ranks": "2"})
    recipe.refresh_from_db()
    assert recipe.compute["ranks"] == 2, "two processes may share it"
    assert recipe.settings == {
        **wanted,
        "threshold": 0.3,
        "probabilities": "all",
        "explanations": 0,
    }
    wrong = as_ben.post(there, {**change, "set-threshold": "7"})
    assert wrong.status_code == 422
    assert "must lie between 0 and 1" in wrong.content.decode()


def test_a_kept_threshold_scores_unless_the_recipe_has_one(
    survivors: SavedModel, new: Dataset, ada: User
) -> None:
    version = survivors.versions.get()
    version.facts = {**version.facts, "threshold": 0.11}
    version.save()
    assert services.run_recipe(scoring(survivors, new, ada, "kept"), ada).spec["threshold"] == 0.11
    own = scoring(survivors, new, ada, "own")
    own.settings = {**own.settings, "threshold": 0.9}
    own.save()
    assert services.run_recipe(own, ada).spec["threshold"] == 0.9


def test_unseen_values_are_counted_on_the_pages(
    survivors: SavedModel, project: Project, ada: User, as_ben: Client, tmp_path: Path
) -> None:
    def change(table: pa.Table) -> pa.Table:
        place = table.column_names.index("embark_town")
        return table.set_column(place, "embark_town", pa.array(["Hamburg"] * len(table)))

    recipe = scoring(survivors, passengers(project, tmp_path, change), ada)
    job = services.run_recipe(recipe, ada)
    JobRow.objects.filter(pk=job.pk).update(result=published(job))
    for page in (f"/p/INSECTS/jobs/{job.pk}/", f"/p/INSECTS/recipes/{recipe.name}/"):
        html = as_ben.get(page).content.decode()
        assert re.search(r'embark_town</th><td class="r num">91</td>', html)


@pytest.fixture
def forest(survivors: SavedModel, monkeypatch: pytest.MonkeyPatch) -> SavedModel:
    """The same model, as if a random forest had learned it."""
    monkeypatch.setattr(
        "trackside.saved_models.bundles.about", lambda _: {"algorithm": "random_forest"}
    )
    return survivors


@pytest.mark.parametrize("compute", [{"kind": "any"}, {"kind": "gpus", "uuids": ["GPU-1"]}])
def test_what_scores_on_the_cpu_alone_refuses_gpus(
    forest: SavedModel, new: Dataset, ada: User, as_ben: Client, compute: dict[str, Any]
) -> None:
    said = "Random forest predicts on the CPU alone"
    answer = Rest(ada).call("POST", RECIPES, body(compute=compute))
    assert answer.status_code == 422
    assert said in answer.json()["error"]["message"]
    recipe = scoring(forest, new, ada)
    with pytest.raises(BadCompute, match=said):
        services.run_recipe(recipe, ada, compute)
    job = services.run_recipe(recipe, ada)
    with pytest.raises(BadCompute, match=said):
        pausing.wish_elsewhere(job, compute)


def test_a_form_offers_no_gpu_where_none_is_used(
    forest: SavedModel, new: Dataset, ada: User, as_ben: Client
) -> None:
    one = lab_stage.node(gpus=1)
    one.catalogue = {**one.catalogue, "libraries": {"scikit-learn": "1.9.1"}}
    one.save()
    recipe = scoring(forest, new, ada)
    page = as_ben.get(f"/p/INSECTS/recipes/{recipe.name}/").content.decode()
    assert "Random forest scores on the CPU alone." in page
    assert 'value="gpus"' not in page
    assert (
        'data-cpu-only="Random forest scores on the CPU alone."' in as_ben.get(NEW).content.decode()
    )


def test_each_version_says_from_where_on_it_predicts(
    survivors: SavedModel, as_cleo: Client
) -> None:
    version = survivors.versions.get()
    page = "/p/INSECTS/models/survivors/"
    own = version.facts["own_threshold"]
    assert f", threshold {own:.2f}, its own" in as_cleo.get(page).content.decode()
    version.facts["threshold"] = 0.77
    version.save()
    assert ", threshold 0.77, kept" in as_cleo.get(page).content.decode()


def test_a_new_recipe_of_a_table_begins_on_the_cpu(
    survivors: SavedModel, new: Dataset, as_ben: Client
) -> None:
    lab_stage.node(gpus=2)
    for page in (NEW, "/p/INSECTS/flow/new-evaluation/"):
        shown = as_ben.get(page).content.decode()
        assert 'name="where" value="any"><' in shown
        assert 'name="where" value="cpu" checked>' in shown


def test_several_gpus_share_a_table(survivors: SavedModel, new: Dataset, ada: User) -> None:
    lab_stage.node("gpu-01", gpus=2)
    job = services.run_recipe(scoring(survivors, new, ada), ada, {"kind": "any", "count": 2})
    assert job.compute["count"] == 2


def test_images_are_called_images(survivors: SavedModel, project: Project) -> None:
    pictures = photos(project, "photos", labelled=False)
    assert "is a dataset of images" in reading.trouble(pictures, survivors.versions.get())


def test_a_scored_table_is_offered_to_the_lab_as_others_are(
    survivors: SavedModel, new: Dataset, project: Project, ada: User
) -> None:
    published(services.run_recipe(scoring(survivors, new, ada), ada))
    nodes = {one["name"]: one for one in shown(queries.flow_of(project), project, True)["nodes"]}
    offered = {
        name: [each["label"] for each in nodes[name]["actions"]] for name in ("new", "scored")
    }
    assert {"Visual ML", "Score"} <= set(offered["new"])
    assert {"Visual ML", "Score"} <= set(offered["scored"])


def test_a_run_may_have_other_settings_this_time_only(
    survivors: SavedModel, new: Dataset, ada: User, as_ben: Client
) -> None:
    recipe = scoring(survivors, new, ada)
    form = {"where": "cpu", "ranks": "1", "then": "run", "set-threshold": "0.7",
            "set-probabilities": "none", "set-explanations": "0", "set-engine": "own"}  # fmt: skip
    as_ben.post(f"/p/INSECTS/recipes/{recipe.name}/", form)
    job = JobRow.objects.latest("id")
    assert (job.spec["threshold"], job.spec["probabilities"]) == (0.7, "none")
    recipe.refresh_from_db()
    assert recipe.settings["threshold"] is None
    JobRow.objects.filter(pk=job.pk).update(state="cancelled")
    answer = Rest(ada).call("POST", f"{RECIPES}/score scored/run", {"settings": {"threshold": 0.2}})
    again = JobRow.objects.get(pk=answer.json()["id"])
    assert (again.spec["threshold"], again.spec["probabilities"]) == (0.2, "all")


def test_settings_alone_do_not_leave_a_recipe_on_a_gpu_that_it_cannot_use(
    survivors: SavedModel, new: Dataset, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = "trackside.saved_models.bundles.about"
    monkeypatch.setattr(about, lambda _: {"algorithm": "random_forest"})
    recipe = scoring(survivors, new, ada)
    recipe.settings, recipe.compute = {**recipe.settings, "engine": "onnx"}, {"kind": "any"}
    recipe.save()
    answer = Rest(ada).call("PATCH", f"{RECIPES}/{recipe.name}", {"settings": {"threshold": 0.4}})
    assert answer.status_code == 422
    assert "Random forest predicts on the CPU alone" in answer.json()["error"]["message"]
    recipe.refresh_from_db()
    assert recipe.settings["engine"] == "onnx"

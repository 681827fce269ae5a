"""A training recipe that goes on from the active version: set, run, refused; by page and REST."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tests.web import lab_stage, trained_tables
from tests.web.world import RESULT, Rest, attempt, bundle, done, spec_of
from trackside.accounts.models import User
from trackside.datasets import tables
from trackside.flow import services
from trackside.flow.models import Recipe
from trackside.jobs.models import Job
from trackside.lab.design import default_design
from trackside.projects.models import Project
from trackside.saved_models.models import Version

HERE = "/projects/INSECTS/recipes/train survivor"
PAGE = "/p/INSECTS/recipes/train survivor/"
NEW = {"name": "again", "kind": "train", "inputs": {"analysis": "two_class study"}}


@pytest.fixture
def recipe(learned: dict[str, Path], project: Project, ada: User) -> Recipe:
    lab_stage.node("cpu-01")
    model = trained_tables.placed(project, ada, learned["two_class"])
    session, spec = model.session, model.job.spec if model.job else {}
    dataset = session.analysis.dataset
    dataset.facts["columns"] = len(tables.columns(dataset))
    dataset.save()
    design = default_design(dataset.facts, "two_class", "survived")
    session.design = {**design, "features": spec["features"]}
    session.analysis.design = session.design
    session.analysis.save()
    session.save()
    services.deploy(model, "survivor", ada)
    return Recipe.objects.get()


@pytest.fixture
def rest(ada: User, recipe: Recipe) -> Rest:
    return Rest(ada)


def test_a_run_goes_on_from_the_active_version_once_that_is_set(rest: Rest) -> None:
    assert "goes_on_from" not in spec_of(rest.call("POST", f"{HERE}/run", {}))
    changed = rest.call("PATCH", HERE, {"settings": {"warm_start": True}})
    assert changed.status_code == 200, changed.content
    assert changed.json()["settings"]["warm_start"] is True
    version = Version.objects.get()
    spec = spec_of(rest.call("POST", f"{HERE}/run", {}))
    assert spec["goes_on_from"]["version"] == 1
    assert spec["goes_on_from"]["bundle"].endswith(version.bundle)
    assert "goes_on_from" not in spec_of(rest.call("POST", f"{HERE}/run", {"warm_start": False}))


def test_one_run_may_go_on_without_the_setting(rest: Rest) -> None:
    assert "goes_on_from" in spec_of(rest.call("POST", f"{HERE}/run", {"warm_start": True}))
    assert "warm_start" not in Recipe.objects.get().settings


def test_deploying_again_keeps_the_setting(recipe: Recipe, ada: User) -> None:
    services.change_recipe(recipe, services.Change(settings={"warm_start": True}))
    model = Version.objects.get().trained_model
    assert model is not None
    services.deploy(model, "survivor", ada)
    assert Recipe.objects.get().settings["warm_start"] is True


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"warm_start": "yes"}, "settings.warm_start"),
        ({"algorithm": "mlp"}, "settings.algorithm"),
        ({"params": {"rounds": 1}}, "settings.params"),
    ],
)
def test_nothing_else_of_a_training_can_be_set(rest: Rest, settings: Any, field: str) -> None:
    answer = rest.call("PATCH", HERE, {"settings": settings})
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == field


def test_what_does_not_match_is_refused_before_a_job_begins(rest: Rest, recipe: Recipe) -> None:
    recipe.settings["params"]["booster"] = "dart"
    recipe.save()
    before = Job.objects.count()
    answer = rest.call("POST", f"{HERE}/run", {"warm_start": True})
    assert answer.status_code == 422
    said = answer.json()["error"]["message"]
    assert "cannot go on from version 1. 'Booster' is 'dart' and was 'gbtree'" in said
    recipe.settings["params"]["booster"] = "gbtree"
    recipe.settings["design"]["features"]["fare"] = {"role": "ignore"}
    recipe.save()
    answer = rest.call("POST", f"{HERE}/run", {"warm_start": True})
    assert "no longer reads 'fare'" in answer.json()["error"]["message"]
    assert Job.objects.count() == before


def test_what_always_begins_anew_says_so(rest: Rest, recipe: Recipe, as_ada: Client) -> None:
    recipe.settings["algorithm"], recipe.settings["params"] = "knn", {}
    recipe.save()
    said = "K nearest neighbours cannot go on from a model, and need not: the model is the training"
    answer = rest.call("PATCH", HERE, {"settings": {"warm_start": True}})
    assert answer.status_code == 422
    assert answer.json()["error"]["message"].startswith(said)
    assert "XGBoost" in answer.json()["error"]["message"], "those that can are named"
    assert rest.call("POST", f"{HERE}/run", {"warm_start": True}).status_code == 422
    page = as_ada.get(PAGE).content.decode()
    assert said in page
    assert 'name="warm_start" disabled' in page


def test_a_new_recipe_may_say_it_at_once(rest: Rest) -> None:
    body = {**NEW, "output": "other", "settings": {"warm_start": True}}
    made = rest.call("POST", "/projects/INSECTS/recipes", body)
    assert made.status_code == 201, made.content
    assert made.json()["settings"]["warm_start"] is True
    # its saved model has no version yet: the first run begins at the beginning
    assert "goes_on_from" not in spec_of(
        rest.call("POST", "/projects/INSECTS/recipes/again/run", {})
    )
    wrong = {**NEW, "name": "b", "output": "third", "settings": {"batch": 3}}
    answer = rest.call("POST", "/projects/INSECTS/recipes", wrong)
    assert answer.json()["error"]["field"] == "settings.batch"


def test_the_page_sets_it_and_runs_once_as_it_says(as_ada: Client, recipe: Recipe) -> None:
    page = as_ada.get(PAGE).content.decode()
    assert 'name="warm_start">' in page
    form = {"kind": "cpu", "then": "save", "activate": "on", "warm_start": "on"}
    assert as_ada.post(PAGE, form).status_code == 302
    recipe.refresh_from_db()
    assert recipe.settings["warm_start"] is True
    assert 'name="warm_start" checked' in as_ada.get(PAGE).content.decode()
    once = {"kind": "cpu", "then": "run", "activate": "on"}
    assert as_ada.post(PAGE, once).status_code == 302
    assert "goes_on_from" not in Job.objects.latest("pk").spec
    recipe.refresh_from_db()
    assert recipe.settings["warm_start"] is True


def test_a_version_is_not_made_active_where_the_page_says_so_for_one_run(
    as_ada: Client, recipe: Recipe
) -> None:
    assert as_ada.post(PAGE, {"kind": "cpu", "then": "run"}).status_code == 302
    job = recipe.runs.get().job
    bundle(f"models/job-{job.pk}")
    done(job)
    services.publish_training(job, attempt(job), dict(RESULT))
    made = recipe.runs.get().version
    assert made is not None
    assert not made.active
    recipe.refresh_from_db()
    assert recipe.activate, "what is kept stays"


def retrained(recipe: Recipe, ada: User, like: Path) -> Version:
    """What a run makes that leaves the same bundle again."""
    services.run_recipe(recipe, ada)
    job = recipe.runs.latest("pk").job
    place = Path(settings.TRACKSIDE_STORAGE) / f"models/job-{job.pk}"
    shutil.copytree(like / "bundle", place)
    done(job)
    told = json.loads((place / "model.json").read_text())
    result = {**RESULT, "metric": told["metric"], "metrics": told["metrics"]}
    services.publish_training(job, attempt(job), result)
    made = recipe.runs.latest("pk").version
    assert made is not None
    return made


def test_the_threshold_that_was_kept_goes_with_the_next_version(
    recipe: Recipe, learned: dict[str, Path], ada: User, as_ada: Client
) -> None:
    first = Version.objects.get()
    assert "threshold" not in retrained(recipe, ada, learned["two_class"]).facts
    Version.objects.filter(active=True).update(facts={**first.facts, "threshold": 0.9})
    assert "The threshold 0.90, kept for version 2" in as_ada.get(PAGE).content.decode()
    made = retrained(recipe, ada, learned["two_class"])
    assert (made.number, made.facts["threshold"]) == (3, 0.9)
    assert made.metrics["recall"] < first.metrics["recall"]
    assert made.metrics["roc_auc"] == first.metrics["roc_auc"]
    assert retrained(recipe, ada, learned["two_class"]).facts["threshold"] == 0.9


def test_a_kept_threshold_of_the_other_class_does_not_go_on(
    recipe: Recipe, learned: dict[str, Path], ada: User
) -> None:
    first = Version.objects.get()
    Version.objects.update(facts={**first.facts, "threshold": 0.9})
    place = Path(settings.TRACKSIDE_STORAGE) / first.bundle / "model.json"
    told = json.loads(place.read_text())
    place.write_text(json.dumps({**told, "classes": told["classes"][::-1]}))
    assert "threshold" not in retrained(recipe, ada, learned["two_class"]).facts


def test_a_scoring_has_no_warm_start(rest: Rest, recipe: Recipe, ada: User) -> None:
    wish = services.Wish(
        name="score", kind="score", dataset=recipe.dataset, saved_model=recipe.saved_model,
        output="scored",
    )  # fmt: skip
    services.create_recipe(recipe.project, ada, wish)
    answer = rest.call("POST", "/projects/INSECTS/recipes/score/run", {"warm_start": True})
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "warm_start"
    none = {"warm_start": False, "redo_search": False}  # says what is so anyway
    answer = rest.call("POST", "/projects/INSECTS/recipes/score/run", none)
    assert answer.status_code == 201, answer.content

"""A training recipe of a model that was searched: it keeps what was found, or searches again."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tests.web import lab_stage, table_stage
from tests.web.test_lab_tables import adults
from tests.web.test_search_results import found
from tests.web.world import RESULT, Rest, attempt, bundle, done, spec_of
from trackside.accounts.models import User
from trackside.flow import services
from trackside.flow.models import Recipe
from trackside.jobs.models import Attempt, Job
from trackside.lab import services as lab
from trackside.lab.models import Analysis, TrainedModel
from trackside.projects.models import Project
from trackside.saved_models import bundles

pytestmark = pytest.mark.django_db
HERE = "/projects/INSECTS/recipes/train earner"
PAGE = "/p/INSECTS/recipes/train earner/"
SPACE = {"max_depth": {"values": [2, 4]}}


@pytest.fixture
def analysis(project: Project, ada: User) -> Analysis:
    lab_stage.node("cpu-01")
    people = table_stage.uploaded(project, ada, "people", adults())
    made = lab.create_analysis(project, ada, "earners", people, "income")
    lab.save_design(made, "search", {"strategy": "random", "trials": 4})
    lab.save_design(made, "models", [{**made.design["models"][0], "space": SPACE}])
    return made


def published(job: Job, depth: int, report: Any = None) -> None:
    """What the node leaves of a training whose best depth is this."""
    home = Path(settings.TRACKSIDE_STORAGE) / bundle(f"models/job-{job.pk}")
    params = {**job.spec["params"], "max_depth": depth}
    told = {"search": found()} if report is None else report
    model = {"params": params, "algorithm": job.spec["algorithm"]}
    (home / "model.json").write_text(json.dumps(model))
    (home / "report.json").write_text(json.dumps(told))
    done(job)


@pytest.fixture
def recipe(analysis: Analysis, ada: User) -> Recipe:
    model: TrainedModel = lab.train(analysis, ada, {"kind": "cpu"}).models.get()
    assert model.job is not None
    published(model.job, 4)
    lab.publish_training(model.job, Attempt(job=model.job, compute={}), dict(RESULT))
    model.refresh_from_db()
    services.deploy(model, "earner", ada)
    return Recipe.objects.get()


@pytest.fixture
def rest(ada: User, recipe: Recipe) -> Rest:
    return Rest(ada)


def test_a_run_keeps_the_params_that_were_found_unless_told_otherwise(rest: Rest) -> None:
    spec = spec_of(rest.call("POST", f"{HERE}/run", {}))
    assert spec["params"]["max_depth"] == 4
    assert "search" not in spec
    once = spec_of(rest.call("POST", f"{HERE}/run", {"redo_search": True}))
    assert (once["search"]["strategy"], once["search"]["space"]) == ("random", SPACE)
    assert "redo_search" not in Recipe.objects.get().settings
    changed = rest.call("PATCH", HERE, {"settings": {"redo_search": True}})
    assert changed.json()["settings"]["redo_search"] is True
    assert spec_of(rest.call("POST", f"{HERE}/run", {}))["search"]["trials"] == 4
    assert "search" not in spec_of(rest.call("POST", f"{HERE}/run", {"redo_search": False}))


def test_what_a_new_search_finds_is_kept_from_then_on_and_shown(
    recipe: Recipe, ada: User, as_ada: Client
) -> None:
    once = services.Once(redo_search=True)
    job = services.run_recipe(recipe, ada, {"kind": "cpu"}, once=once)
    one = attempt(job)
    published(job, 2)
    services.publish_training(job, one, dict(RESULT))
    recipe.refresh_from_db()
    assert recipe.settings["params"]["max_depth"] == 2
    there = "/p/INSECTS/models/earner/versions/2/results/search/"
    for page in (PAGE, "/p/INSECTS/models/earner/"):
        assert there in as_ada.get(page).content.decode()
    shown = as_ada.get(there).content.decode()
    assert "Random search: 4 trials, judged by a cross-test of 3 folds." in shown
    assert "Behind the others after fold 1." in shown
    keep = services.run_recipe(recipe, ada, {"kind": "cpu"})
    published(keep, 2, {})
    services.publish_training(keep, attempt(keep), dict(RESULT))
    none = as_ada.get("/p/INSECTS/models/earner/versions/3/results/search/").content.decode()
    assert "judged by a cross-test" not in none
    assert (
        "versions/3/results/search/" not in as_ada.get("/p/INSECTS/models/earner/").content.decode()
    )
    assert "the search of version 2" in as_ada.get(PAGE).content.decode()


def test_a_search_that_its_bundle_does_not_tell_of_is_no_link(
    recipe: Recipe, ada: User, as_ada: Client
) -> None:
    page, found_by = "/p/INSECTS/models/earner/", "versions/1/results/search/"
    assert found_by in as_ada.get(page).content.decode()
    job = services.run_recipe(recipe, ada, {"kind": "cpu"}, once=services.Once(redo_search=True))
    published(job, 2, {"history": []})
    services.publish_training(job, attempt(job), dict(RESULT))
    none = as_ada.get("/p/INSECTS/models/earner/versions/2/results/search/").content.decode()
    assert "Not for this model" in none
    assert "versions/2/results/search/" not in as_ada.get(page).content.decode()
    shutil.rmtree(bundles.folder(recipe.saved_model.versions.get(number=1)))
    assert found_by not in as_ada.get(page).content.decode(), "it is gone"


def test_what_searches_found_is_read_once_however_many_versions_there_are(
    recipe: Recipe, ada: User, as_ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        once = services.Once(redo_search=True)
        job = services.run_recipe(recipe, ada, {"kind": "cpu"}, once=once)
        published(job, 2)
        services.publish_training(job, attempt(job), dict(RESULT))
    recipe.refresh_from_db()
    recipe.settings["params"]["max_depth"] = 4  # the first version found it
    recipe.save()
    read: list[Path] = []
    file = bundles._read
    monkeypatch.setattr(bundles, "_read", lambda path: read.append(path) or file(path))
    for page in (PAGE, "/p/INSECTS/models/earner/", PAGE):
        assert "versions/1/results/search/" in as_ada.get(page).content.decode()
    reports = [path for path in read if path.name == "report.json"]
    assert len(reports) == len(set(reports)) == 4


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({"redo_search": "yes"}, "settings.redo_search", "must be true or false"),
        ({"redo_search": True, "warm_start": True}, "settings.redo_search", "begins anew"),
        ({"search": {"strategy": "tpe"}}, "settings.search", "keeps the design"),
    ],
)
def test_what_does_not_go_together_is_refused(
    given: Any, field: str, said: str, rest: Rest
) -> None:
    error = rest.call("PATCH", HERE, {"settings": given}).json()["error"]
    assert error["field"] == field
    assert said in error["message"]


def test_without_a_search_there_is_none_to_do_again(
    rest: Rest, recipe: Recipe, as_ada: Client
) -> None:
    assert 'name="redo_search"' in as_ada.get(PAGE).content.decode()
    del recipe.settings["search"]
    recipe.save()
    answer = rest.call("POST", f"{HERE}/run", {"redo_search": True})
    assert "there is no search to do again" in answer.json()["error"]["message"]
    assert 'name="redo_search"' not in as_ada.get(PAGE).content.decode()


def test_the_page_keeps_it_and_runs_once_as_it_says(as_ada: Client, recipe: Recipe) -> None:
    html = as_ada.get(PAGE).content.decode()
    assert "each run searches anew (random search, 4 trials)" in html
    job = recipe.saved_model.versions.get().job_id
    assert f">job {job}</a>, ROC AUC 0.930: " in html
    assert "the search of version 1" in html
    form = {"kind": "cpu", "then": "save", "activate": "on", "redo_search": "on"}
    assert as_ada.post(PAGE, form).status_code == 302
    recipe.refresh_from_db()
    assert recipe.settings["redo_search"] is True
    once = {"kind": "cpu", "then": "run", "activate": "on"}
    assert as_ada.post(PAGE, once).status_code == 302
    assert "search" not in Job.objects.latest("pk").spec
    recipe.refresh_from_db()
    assert recipe.settings["redo_search"] is True


def test_deploying_again_keeps_the_setting_while_it_can(
    recipe: Recipe, analysis: Analysis, ada: User
) -> None:
    services.change_recipe(recipe, services.Change(settings={"redo_search": True}))
    first = recipe.saved_model.versions.get().trained_model
    assert first is not None
    services.deploy(first, "earner", ada)
    assert Recipe.objects.get().settings["redo_search"] is True
    lab.save_design(analysis, "search", {"strategy": "none"})
    plain = lab.train(analysis, ada, {"kind": "cpu"}).models.get()
    assert plain.job is not None
    published(plain.job, 6)
    lab.publish_training(plain.job, Attempt(job=plain.job, compute={}), dict(RESULT))
    plain.refresh_from_db()
    services.deploy(plain, "earner", ada)
    assert "redo_search" not in Recipe.objects.get().settings


def test_a_recipe_made_of_an_analysis_searches_at_first(rest: Rest, analysis: Analysis) -> None:
    body = {"name": "fresh", "kind": "train", "inputs": {"analysis": "earners"}, "output": "other"}
    made = rest.call("POST", "/projects/INSECTS/recipes", body)
    assert made.status_code == 201, made.content
    assert made.json()["settings"]["redo_search"] is True
    spec = spec_of(rest.call("POST", "/projects/INSECTS/recipes/fresh/run", {}))
    assert spec["search"]["space"] == SPACE


def test_a_scoring_has_no_search(rest: Rest, recipe: Recipe, ada: User) -> None:
    wish = services.Wish(
        name="score", kind="score", dataset=recipe.dataset, saved_model=recipe.saved_model,
        output="scored",
    )  # fmt: skip
    services.create_recipe(recipe.project, ada, wish)
    answer = rest.call("POST", "/projects/INSECTS/recipes/score/run", {"redo_search": True})
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "redo_search"

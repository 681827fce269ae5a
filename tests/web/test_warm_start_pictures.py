"""Training recipes that go on with pictures and forests: offered, explained, refused in time."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tests.web.test_client import client, shell
from tests.web.world import RESULT, Rest, attempt, bundle, done, spec_of, trained
from trackside.accounts.models import User
from trackside.client import command as commands
from trackside.flow import services
from trackside.flow.models import Recipe
from trackside.jobs.models import Job
from trackside.lab.labels import learned_in_words
from trackside.projects.models import Project
from trackside.saved_models import lineage
from trackside.saved_models.models import Version

__all__ = ["client", "shell"]  # fixtures
HERE = "/projects/INSECTS/recipes/train sorter"
PAGE = "/p/INSECTS/recipes/train sorter/"
NET: dict[str, Any] = {
    "task": "image_classification",
    "algorithm": "backbone_classifier",
    "params": {"backbone": "efficientnet_lite0", "pretrained": True, "image_size": 128},
    "classes": ["ants", "bees"],
    "image": {"size": 128},
}


@pytest.fixture
def recipe(project: Project, ada: User) -> Recipe:
    services.deploy(trained(project, ada), "sorter", ada)
    says(**NET)
    return Recipe.objects.get()


@pytest.fixture
def rest(ada: User, recipe: Recipe) -> Rest:
    return Rest(ada)


def says(**about: Any) -> None:
    """What model.json of the active version says of it."""
    place = Path(settings.TRACKSIDE_STORAGE) / Version.objects.get(active=True).bundle
    (place / "model.json").write_text(json.dumps({"version": 1, **about}))


def refused(rest: Rest) -> str:
    answer = rest.call("POST", f"{HERE}/run", {"warm_start": True})
    assert answer.status_code == 422, answer.content
    assert answer.json()["error"]["field"] == "settings.warm_start"
    return str(answer.json()["error"]["message"])


def test_pictures_go_on_from_the_active_version(rest: Rest, as_ada: Client) -> None:
    page = as_ada.get(PAGE).content.decode()
    assert "starts from the active version&#x27;s weights, backbone and head" in page
    assert 'name="warm_start">' in page
    assert rest.call("PATCH", HERE, {"settings": {"warm_start": True}}).status_code == 200
    spec = spec_of(rest.call("POST", f"{HERE}/run", {}))
    assert spec["goes_on_from"]["version"] == 1
    assert spec["goes_on_from"]["bundle"].endswith(Version.objects.get().bundle)


def test_a_run_goes_on_from_a_version_that_went_on_itself(
    rest: Rest, recipe: Recipe, as_ada: Client
) -> None:
    services.run_recipe(recipe, None, once=services.Once(warm_start=True))
    job = recipe.runs.get().job
    bundle(f"models/job-{job.pk}")
    done(job)
    one = {"version": 1, "rounds": 4, "unit": "epoch"}
    facts = {**RESULT["facts"], "lineage": [one], "best_epoch": 3, "began": {"log_loss": 0.25}}
    services.publish_training(job, attempt(job), {**RESULT, "facts": facts})
    says(**NET, lineage=[one], epochs=3)
    spec = spec_of(rest.call("POST", f"{HERE}/run", {"warm_start": True}))
    assert spec["goes_on_from"]["version"] == 2
    page = as_ada.get("/p/INSECTS/models/sorter/").content.decode()
    assert "goes on from version 1: 4 epochs before, 3 of its own" in page
    said = dict(learned_in_words(Version.objects.get(active=True).facts))
    assert said["Goes on from"] == "4 epochs of version 1"
    assert said["Learned itself"] == "3 epochs"
    assert said["Log loss before it learned on"] == "0.2500"


def test_the_trees_of_a_version_are_told_by_the_version_they_came_with() -> None:
    chain = [{"version": n, "rounds": 40 * n, "unit": "tree"} for n in (1, 2)]
    learned = {"rounds": 121, "device": "cpu", "went_on_from": 120}
    facts = {"learned": learned, "lineage": chain}
    said = dict(learned_in_words(facts))
    assert said["Goes on from"] == "40 trees of version 1, 80 trees of version 2"
    assert said["Learned itself"] == "1 tree"
    assert "Went on from round" not in said, "it is said once"
    assert lineage.short(facts).endswith("version 2: 120 trees before, 1 of its own")


@pytest.mark.parametrize(
    ("about", "sentence"),
    [
        ({"classes": ["ants", "wasps"]}, "the dataset has the new 'bees' and it lacks 'wasps'"),
        (
            {"params": {"backbone": "resnet18", "pretrained": True}},
            "'Backbone' is 'efficientnet_lite0' and was 'resnet18' in the version",
        ),
        ({"algorithm": "other"}, "The version has the algorithm 'other'"),
    ],
)
def test_what_does_not_match_is_refused_before_a_job_begins(
    rest: Rest, about: dict[str, Any], sentence: str
) -> None:
    says(**{**NET, **about})
    said = refused(rest)
    assert said.startswith("train sorter cannot go on from version 1. ")
    assert sentence in said


def test_another_image_size_is_refused_where_a_machine_knows_the_backbone(
    rest: Rest, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe.settings["params"]["image_size"] = 96
    recipe.save()
    assert "goes_on_from" in spec_of(rest.call("POST", f"{HERE}/run", {"warm_start": True}))
    known = {"backbones": [{"name": "efficientnet_lite0", "input": 224, "min_size": 1}]}
    monkeypatch.setattr("trackside.flow.warm_start.catalogue", lambda: known)
    assert "The image size is 96 px and was 128 px in the version" in refused(rest)


def test_only_classes_of_which_the_training_learns_count(rest: Rest, recipe: Recipe) -> None:
    """The dataset's own parts: a class that stands in test alone is no new one."""
    counts = {"ants": {"train": 1, "val": 1}, "bees": {"train": 1, "val": 1}, "new": {"test": 2}}
    recipe.dataset.facts["by_split"] = counts
    recipe.dataset.save()
    assert "goes_on_from" in spec_of(rest.call("POST", f"{HERE}/run", {"warm_start": True}))
    recipe.dataset.facts["by_split"] = {**counts, "new": {"train": 2}}
    recipe.dataset.save()
    assert "the dataset has the new 'new'" in refused(rest)


def test_rest_says_of_each_algorithm_how_it_goes_on_or_why_not(rest: Rest) -> None:
    told = {one["name"]: one for one in rest.call("GET", "/algorithms").json()["algorithms"]}
    assert "backbone and head" in told["backbone_classifier"]["warm_start"]
    for name in ("random_forest", "extra_trees", "hist_gradient_boosting", "xgboost"):
        assert "keeps its trees and adds as many as are set" in told[name]["warm_start"], name
    for name, same in (
        ("xgboost", "Columns, classes, booster and loss of a regression must be the same."),
        ("random_forest", "Columns and classes must be the same."),
    ):
        assert same in told[name]["warm_start"], name
    for name in ("ridge", "logistic_regression", "svm"):
        assert told[name]["goes_on"] is False
        assert "one best solution" in told[name]["warm_start"], name


@pytest.mark.usefixtures("shell", "recipe")
def test_the_shell_runs_with_or_without_warm_start_this_time() -> None:
    run = ["run", "INSECTS", "train sorter"]
    assert commands.main([*run, "--warm-start"]) == 0
    assert Job.objects.latest("id").spec["goes_on_from"]["version"] == 1
    Job.objects.update(state="succeeded")
    Recipe.objects.update(settings={**Recipe.objects.get().settings, "warm_start": True})
    assert commands.main([*run, "--no-warm-start"]) == 0
    assert "goes_on_from" not in Job.objects.latest("id").spec

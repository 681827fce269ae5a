"""A search seen: while it is at work, in the leaderboard, and on the tab of what it found."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from recipes import search
from recipes.algorithms import ALGORITHMS
from recipes.params import Range
from recipes.tasks import TASKS
from tests.web import lab_stage, table_stage, trained_tables
from tests.web.test_lab_tables import adults
from tests.web.trained_tables import page
from tests.web.world import RESULT, Rest, bundle, done
from trackside.accounts.models import User
from trackside.jobs import history
from trackside.jobs.history import Entry
from trackside.jobs.models import Attempt, Job
from trackside.jobs.series import series
from trackside.lab import charts_search, running, search_results, searching, services
from trackside.lab.models import Analysis, TrainedModel
from trackside.projects.models import Project

pytestmark = pytest.mark.django_db
XGBOOST = {one.name: one for one in ALGORITHMS["xgboost"].params.fields}
FOREST = {one.name: one for one in ALGORITHMS["random_forest"].params.fields}
AUC = TASKS["two_class"].metrics["roc_auc"]
SPACE = {"max_depth": {"low": 3, "high": 10, "log": False},
         "learning_rate": {"low": 0.02, "high": 0.2, "log": True},
         "booster": {"values": ["gbtree", "dart"]}}  # fmt: skip


def trial(number: int, value: float | None, depth: int, **more: Any) -> dict[str, Any]:
    return {
        "number": number, "of": 5, "value": value, "best": False, "seconds": 1.5, "reason": "",
        "params": {"max_depth": depth, "learning_rate": 0.1 / number, "booster": "gbtree"},
        "state": "done", **more,
    }  # fmt: skip


def found(**more: Any) -> dict[str, Any]:
    """A report's part, as docs/jobs.md has it."""
    trials = [
        trial(1, 0.9, 6),
        trial(2, 0.93, 4, best=True),
        trial(3, None, 9, state="pruned", reason="Behind the others after fold 1."),
        trial(4, None, 10, state="failed", reason="Out of memory."),
    ]
    return {
        "strategy": "random", "folds": 3, "space": SPACE, "metric": "roc_auc", "trials": trials,
        "best": 0.93, "stopped": "time", **more,
    }  # fmt: skip


def searched(model: TrainedModel, told: Any) -> TrainedModel:
    path = Path(settings.TRACKSIDE_STORAGE) / model.bundle / "report.json"
    report = {**json.loads(path.read_text()), "search": told, "refit": True}
    path.write_text(json.dumps(report))
    return model


def test_the_tab_says_what_was_found_and_how(
    learned: dict[str, Path], project: Project, ada: User, as_ada: Client
) -> None:
    model = trained_tables.placed(project, ada, learned["two_class"])
    address = f"trained-models/{model.pk}/search/"
    assert address not in page(as_ada, model, "summary")
    assert address in page(as_ada, searched(model, found()), "summary")
    html = page(as_ada, model, "search")
    assert "Random search: 4 trials, judged by a cross-test of 3 folds." in html
    assert "ROC AUC 0.930 with the best settings, 0.900 with those that were set." in html
    assert "because its time was up" in html
    assert "from the training and the validation rows" in html
    assert "Behind the others after fold 1." in html
    assert "Out of memory." in html
    assert "0.02 to 0.2, logarithmic" in html
    assert html.count('class="pl') == 2
    assert "ROC AUC by Maximum depth of tree" in html
    assert "ROC AUC by Booster" in page(as_ada, model, "search", "?setting=booster&order=number")
    assert "ROC AUC by Maximum depth" in page(as_ada, model, "search", "?setting=none")


@pytest.mark.parametrize(
    ("trials", "best", "words"),
    [
        ([], None, "0 trials"),
        ([trial(1, None, 3, state="failed", reason="No.")], None, "1 trial"),
        ([trial(1, 0.9, 3, best=True)], 0.9, "0.900 with those that were set"),
    ],
)
def test_a_search_that_was_cut_short_leaves_the_page_standing(
    trials: Any, best: Any, words: str,
    learned: dict[str, Path], project: Project, ada: User, as_ada: Client,
) -> None:  # fmt: skip
    model = trained_tables.placed(project, ada, learned["two_class"])
    told = found(trials=trials, best=best, folds=0, stopped="finished early")
    html = page(as_ada, searched(model, told), "search")
    assert words in html
    assert "judged by the validation rows" in html
    assert "It was finished early." in html


@pytest.mark.parametrize("values", [[], [12]])
def test_a_setting_with_values_of_its_own_has_a_scale_before_a_trial_ends(
    values: list[int],
) -> None:
    scale = charts_search.scale_of(XGBOOST["max_depth"], {"values": [4, 8, 20]}, values)
    assert scale.low <= 4
    assert scale.high >= 20


def test_trials_are_ordered_by_the_metrics_own_direction() -> None:
    trials = [trial(1, 3.0, 3), trial(2, None, 3), trial(3, 1.0, 3), trial(4, 2.0, 3)]
    rmse = TASKS["regression"].metrics["rmse"]

    def numbers(card: Any, order: str) -> list[int]:
        return [one["number"] for one in search_results._ordered(trials, card, order)]

    assert numbers(rmse, "best") == [3, 4, 1, 2]
    assert numbers(AUC, "best") == [1, 4, 3, 2]
    assert numbers(rmse, "number") == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("name", "values"),
    [("learning_rate", [0.02, 0.063, 0.2]), ("max_depth", [3, 10]), ("booster", ["dart"]),
     ("max_depth", [5])],
)  # fmt: skip
def test_every_value_has_a_place_on_its_scale(name: str, values: list[Any]) -> None:
    given = SPACE[name] if len(values) > 1 else {"values": values}
    scale = charts_search.scale_of(XGBOOST[name], given, values)
    assert all(0 <= scale.share(one) <= 1 for one in values)
    assert scale.texts


def test_a_depth_without_a_limit_stands_above_the_deepest() -> None:
    scale = charts_search.scale_of(FOREST["max_depth"], {"values": [0, 10, 20]}, [0, 10])
    assert [text for _, text in scale.texts] == ["10", "12", "14", "16", "18", "20", "no limit"]
    assert scale.share(0) == 1.0 > scale.share(20) > scale.share(10) == 0.0
    alone = charts_search.scale_of(FOREST["max_depth"], {"values": [0]}, [0])
    assert (alone.texts[-1][1], alone.share(0)) == ("no limit", 1.0)
    assert searching.labels(FOREST["max_depth"]) == {"0": "no limit"}
    assert searching.labels(FOREST["trees"]) == {}


def test_a_range_has_its_own_ends() -> None:
    scale = charts_search.scale_of(XGBOOST["max_depth"], SPACE["max_depth"], [5])
    assert (scale.low, scale.high) == (3, 10)
    assert [text for _, text in scale.texts] == ["3", "4", "6", "8", "10"]


def test_a_model_takes_over_the_params_that_its_search_found(
    project: Project, ada: User, as_ada: Client
) -> None:
    people = table_stage.uploaded(project, ada, "people", adults())
    analysis = services.create_analysis(project, ada, "earners", people, "income")
    services.save_design(analysis, "search", {"strategy": "random", "trials": 4})
    model = services.train(analysis, ada, {"kind": "cpu"}).models.get()
    assert model.job is not None
    home = Path(settings.TRACKSIDE_STORAGE) / bundle(f"models/job-{model.job.pk}")
    best = {**model.params, "max_depth": 4}
    (home / "model.json").write_text(json.dumps({"params": best, "searched": True}))
    (home / "report.json").write_text(json.dumps({"search": found()}))
    done(model.job)
    result = {**RESULT, "metric": "roc_auc", "metrics": {"roc_auc": 0.94}, "score": 0.94}
    services.publish_training(model.job, Attempt(job=model.job, compute={}), result)
    model.refresh_from_db()
    assert model.params["max_depth"] == 4
    assert (model.search["done"], model.search["failed"], model.search["best"]) == (4, 1, 0.93)
    html = as_ada.get("/p/INSECTS/lab/earners/results/").content.decode()
    assert 'title="Random search: the best of 4 trials"' in html
    rest = Rest(ada)
    shown = rest.call("GET", f"/projects/INSECTS/trained-models/{model.pk}").json()
    assert shown["search"]["stopped"] == "time"
    assert shown["params"]["max_depth"] == 4
    listed = rest.call("GET", "/projects/INSECTS/analyses/earners/models").json()["models"]
    assert listed[0]["search"]["done"] == 4


@pytest.fixture
def at_work(project: Project, ada: User) -> Job:
    lab_stage.node("cpu-01")
    people = table_stage.uploaded(project, ada, "people", adults())
    analysis: Analysis = services.create_analysis(project, ada, "earners", people, "income")
    services.save_design(analysis, "search", {"strategy": "grid"})
    model = services.train(analysis, ada, {"kind": "cpu"}).models.get()
    assert model.job is not None
    return model.job


def told(job: Job, *trials: dict[str, Any]) -> None:
    history.append(job.pk, [Entry("trial", one, timezone.now()) for one in trials])
    job.refresh_from_db()


def test_the_page_of_a_session_shows_the_trials_so_far(at_work: Job, as_ada: Client) -> None:
    told(at_work, trial(1, 0.9, 6, best=True), trial(2, 0.93, 4, best=True))
    model = at_work.trained_model
    shown = running.page(model.session, [model])
    assert shown["searches"] is True
    one = shown["models"][0]
    assert [each["number"] for each in one["series"]["trials"]] == [1, 2]
    points = search.count(search.standard(ALGORITHMS["xgboost"].params, "grid")) or 0
    assert one["search"]["trials"] == min(30, points + 1)
    assert one["search"]["params"]["max_depth"]["label"] == "Maximum depth of tree"
    html = as_ada.get("/p/INSECTS/lab/earners/sessions/1/").content.decode()
    assert 'data-plot="trials"' in html


def test_trials_that_are_done_again_after_a_restart_are_shown_once(at_work: Job) -> None:
    told(at_work, trial(1, 0.9, 6), trial(2, 0.93, 4), trial(3, 0.91, 5))
    told(at_work, trial(2, 0.92, 4))
    assert [(one["number"], one["value"]) for one in series(at_work)["trials"]] == [
        (1, 0.9), (2, 0.92),
    ]  # fmt: skip


def test_a_range_by_order_of_size_is_marked_at_its_ends() -> None:
    tried = Range(0.02, 0.2, log=True)
    given = search.spec({"learning_rate": tried})["learning_rate"]
    scale = charts_search.scale_of(XGBOOST["learning_rate"], given, [0.02, 0.2])
    assert [text for _, text in scale.texts] == ["0.02", "0.1", "0.2"]

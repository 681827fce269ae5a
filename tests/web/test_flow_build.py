"""The panel of a dataset that is out of date: what makes it anew."""

from typing import Any

import pytest
from django.test import Client

from tests.web.test_flow import model, scored, scoring, sorter
from tests.web.world import done
from trackside.accounts.models import User
from trackside.flow import actions, queries, services
from trackside.flow.models import Recipe
from trackside.jobs.models import Job
from trackside.lab.models import TrainedModel
from trackside.projects.models import Project
from trackside.saved_models import stores
from trackside.saved_models.models import SavedModel

__all__ = ["model", "sorter"]  # fixtures
pytestmark = pytest.mark.django_db
STORE = "evaluation_store:history"


def panel(project: Project, name: str, *, may_edit: bool = True) -> dict[str, Any]:
    shown = actions.shown(queries.flow_of(project), project, may_edit)
    found = next(one for one in shown["nodes"] if one["id"] == name)
    return {one["label"]: one for one in found["actions"]}


@pytest.fixture
def old(project: Project, sorter: SavedModel, model: TrainedModel, ada: User) -> Project:
    scored(services.run_recipe(scoring(project, sorter, ada), ada))
    services.deploy(model, "sorter", ada)  # another version is active now
    return project


def test_a_click_builds_again_what_is_out_of_date(old: Project, as_ada: Client) -> None:
    found = panel(old, "dataset:scored")
    assert (found["Build"]["post"], found["Build"]["main"]) == (True, True)
    assert "Retrain its model" not in found
    assert "Build" not in panel(old, "dataset:scored", may_edit=False)
    before = Job.objects.count()
    assert as_ada.post(found["Build"]["url"], {"click_id": "c"}).status_code == 302
    assert Job.objects.count() == before + 1
    assert Job.objects.latest("pk").kind == "score"


def test_a_run_that_was_cancelled_has_built_nothing(old: Project, ada: User) -> None:
    run = services.run_recipe(Recipe.objects.get(kind="score"), ada)
    assert "Build" in panel(old, "dataset:scored")
    done(run, "cancelled")
    assert panel(old, "dataset:scored")["Build"]["main"], "the rows are those of before"


def test_where_the_model_is_out_of_date_too_its_training_is_offered(
    old: Project, model: TrainedModel
) -> None:
    assert not panel(old, "saved_model:sorter")["Retrain"]["main"]
    dataset, job = model.session.analysis.dataset, model.job
    assert job is not None
    job.spec["dataset"] = {"name": dataset.name, "fingerprint": "then"}
    job.save()
    dataset.fingerprint = "now"
    dataset.save()
    there = panel(old, "saved_model:sorter")
    assert (there["Retrain"]["main"], there["Open"]["main"]) == (True, False)
    found = panel(old, "dataset:scored")
    assert found["Build"]["main"]
    assert found["Retrain its model"]["url"] == there["Retrain"]["url"]


def test_an_evaluation_that_is_out_of_date_is_made_again_by_what_made_it(
    project: Project, sorter: SavedModel, model: TrainedModel, ada: User, as_ada: Client
) -> None:
    wish = {"kind": "evaluate", "dataset": model.session.analysis.dataset, "saved_model": sorter}
    for name in ("judge", "other"):
        services.create_recipe(project, ada, services.Wish(name=name, store="history", **wish))
    store, told = sorter.evaluation_stores.get(), {"metric": "accuracy", "metrics": {}}
    found = stores.Found(version=sorter.versions.get(), recipe="judge", dataset="photos",
                         fingerprint="", folder="", judged=9, of=9, **told)  # fmt: skip
    stores.record(store, found, ada)
    assert list(panel(project, STORE)) == ["Open"]
    services.deploy(model, "sorter", ada)  # another version is active now
    assert list(panel(project, STORE, may_edit=False)) == ["Open"]
    run = services.run_recipe(Recipe.objects.get(name="judge"), ada)
    assert list(panel(project, STORE)) == ["Open"], "it is at work"
    done(run)
    shown = panel(project, STORE)
    assert [shown[one]["main"] for one in ("Open", "Evaluate again")] == [False, True]
    assert as_ada.post(shown["Evaluate again"]["url"], {"click_id": "c"}).status_code == 302
    assert Job.objects.latest("pk").title.startswith("Evaluate sorter")
    Recipe.objects.get(name="judge").delete()
    assert panel(project, STORE)["Open"]["main"], "what made it is gone"

"""The panel of a dataset that is out of date: what makes it anew."""

from typing import Any

import pytest
from django.test import Client

from tests.web.test_flow import model, scored, scoring, sorter
from trackside.accounts.models import User
from trackside.flow import actions, queries, services
from trackside.jobs.models import Job
from trackside.lab.models import TrainedModel
from trackside.projects.models import Project
from trackside.saved_models.models import SavedModel

__all__ = ["model", "sorter"]  # fixtures
pytestmark = pytest.mark.django_db
RUN = "/p/INSECTS/recipes/score/run/"


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

"""The results of a version of pictures that a recipe trained: its tabs, its pictures, its links."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.web import lab_stage
from tests.web.test_lab_results import TABS
from tests.web.world import attempt, done
from trackside.accounts.models import User
from trackside.datasets.models import Dataset
from trackside.flow import services as flow
from trackside.flow.models import Recipe
from trackside.jobs.models import Job
from trackside.lab import services as lab
from trackside.projects.models import Project
from trackside.saved_models.models import Version

PLACE = "/p/INSECTS/models/sorter/versions/2/results/"


@pytest.fixture
def version(project: Project, ada: User) -> Version:
    """Version 2 is what the training recipe made."""
    lab_stage.node("cpu-01")
    session = lab.train(lab_stage.analysis(project, ada), ada, {"kind": "cpu"})
    flow.deploy(lab_stage.trained(session), "sorter", ada)
    job = flow.run_recipe(Recipe.objects.get(), ada, {"kind": "cpu"})
    home = Path(settings.TRACKSIDE_STORAGE) / f"models/job-{job.pk}"
    lab_stage.write_bundle(home)
    names = ("algorithm", "params", "task")
    (home / "model.json").write_text(json.dumps({one: job.spec[one] for one in names}))
    done(job)
    flow.publish_training(job, attempt(job), dict(lab_stage.RESULT))
    return Version.objects.get(number=2)


@pytest.mark.parametrize("tab", TABS)
def test_every_page_of_a_version_renders(
    tab: str, version: Version, as_ada: Client, as_cleo: Client, as_dan: Client
) -> None:
    for browser in (as_ada, as_cleo):
        answer = browser.get(f"{PLACE}{tab}/")
        assert answer.status_code == 200
        html = answer.content.decode()
        assert "sorter, version 2</h2>" in html
        assert f'href="{PLACE}{tab}/"' in html
        assert "trained-models" not in html
    assert as_dan.get(f"{PLACE}{tab}/").status_code == 404


def test_its_figures_and_pictures_are_those_of_its_bundle(
    version: Version, as_cleo: Client
) -> None:
    summary = as_cleo.get(PLACE).content.decode()
    assert "41 of 44 pictures are right (93.2 %)" in summary
    assert "mobilenet" in summary or "efficientnet" in summary
    assert f'href="{PLACE}confusion/?true=ants&amp;predicted=bees"' in summary
    cell = as_cleo.get(f"{PLACE}cell/?true=ants&predicted=bees").content.decode()
    assert "1 picture of ants predicted as bees" in cell
    assert "/datasets/insects/images/2/thumb/" in cell
    assert f'href="{PLACE}heat/?number=2"' in cell


def test_heat_maps_and_what_if_look_with_the_bundle_of_the_version(
    version: Version, as_ada: Client, as_cleo: Client
) -> None:
    url = f"{PLACE}explain/"
    assert as_cleo.post(url).status_code == 403
    assert as_ada.post(url).status_code == 409
    assert as_ada.post(f"{url}row/", {"row": "1"}).status_code == 404
    given: tuple[dict[str, Any], ...] = (
        {"number": ["2", "3"]},
        {"image": SimpleUploadedFile("a.jpg", b"bytes")},
    )
    for form in given:
        answer = as_ada.post(url, form)
        assert answer.status_code == 201
        told = answer.json()
        spec = Job.objects.get(pk=told["job"]).spec
        assert spec["bundle"].endswith(version.bundle)
        assert as_ada.get(told["address"]).json()["job"] == told["job"]
    assert url in as_ada.get(f"{PLACE}heat/").content.decode()


def test_without_its_dataset_no_picture_is_offered(version: Version, as_ada: Client) -> None:
    Dataset.objects.update(fingerprint="another")
    for tab in TABS:
        html = as_ada.get(f"{PLACE}{tab}/").content.decode()
        assert "what needs its pictures is left out" in html, tab
        assert "/thumb/" not in html, tab
    assert (
        "Every picture that it was judged on is right"
        not in as_ada.get(f"{PLACE}mistakes/").content.decode()
    )
    assert "Show heat maps" not in as_ada.get(f"{PLACE}heat/").content.decode()


def test_the_saved_model_and_the_job_lead_to_the_results(version: Version, as_cleo: Client) -> None:
    versions = as_cleo.get("/p/INSECTS/models/sorter/").content.decode()
    assert f'href="{PLACE}">Results</a>' in versions
    assert versions.count("in the Lab</a>") == 1
    job = as_cleo.get(f"/p/INSECTS/jobs/{version.job_id}/").content.decode()
    assert f'href="{PLACE}"' in job

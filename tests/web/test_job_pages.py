"""What the pages of jobs say of one that runs on several nodes, and of its story."""

import pytest
from django.test import Client

from tests.web import cast
from trackside.accounts.models import User
from trackside.jobs.models import Job
from trackside.projects.models import Project


@pytest.fixture
def gang(ada: User, project: Project) -> Job:
    cast.node("gpu-01", gpus=2)
    cast.node("gpu-02", gpus=2)
    return cast.submit(project, ada, compute={"kind": "any", "count": 3, "nodes": 2})


def test_a_gang_is_shown_with_all_its_nodes_and_devices(gang: Job, as_ada: Client) -> None:
    attempt = cast.live(gang)
    here, there = attempt.node.name, attempt.followers.get().node.name
    assert f"{here}, {there}" in as_ada.get("/p/INSECTS/jobs/").content.decode()
    page = as_ada.get(f"/p/INSECTS/jobs/{gang.pk}/").content.decode()
    for part in (here, there, "2 GPUs", "1 GPU"):
        assert f'<span class="part">{part}</span>' in page


def test_a_state_whose_reason_says_it_is_not_said_twice(gang: Job, as_ada: Client) -> None:
    page = as_ada.get(f"/p/INSECTS/jobs/{gang.pk}/").content.decode()
    assert f'<span class="wrap">{gang.reason}</span>' in page
    assert gang.reason.startswith("Starts on ")
    assert "Starting on" not in page


def test_what_is_told_twice_in_a_row_is_shown_once(
    ada: User, project: Project, as_ada: Client
) -> None:
    cast.node()
    job = cast.submit(project, ada)
    cast.claimed(job)
    job.refresh_from_db()
    assert job.events.filter(type="state", data__reason=job.reason).count() == 2
    page = as_ada.get(f"/p/INSECTS/jobs/{job.pk}/").content.decode()
    assert page.count(f'<span class="wrap">{job.reason}</span>') == 1


@pytest.mark.parametrize(
    ("task", "shown"), [("image_classification", True), ("two_class", False), ("regression", False)]
)
def test_checkpoints_are_shown_of_what_keeps_them(
    gang: Job, as_ada: Client, task: str, shown: bool
) -> None:
    Job.objects.filter(pk=gang.pk).update(spec={**gang.spec, "task": task})
    page = as_ada.get(f"/p/INSECTS/jobs/{gang.pk}/").content.decode()
    assert ('id="checkpoints"' in page) is shown

"""A training whose attempt was lost goes on from its checkpoints."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from trackside.compute.models import Node
from trackside.jobs.models import Attempt, Job
from workers.launch import write_folder

pytestmark = pytest.mark.django_db
COMPUTE = {"device": "cpu", "ranks": 1, "threads": 1, "cores": [], "uuids": []}


@pytest.fixture
def job(project: Any, tmp_path: Path, settings: Any) -> Job:
    settings.TRACKSIDE_STORAGE = tmp_path
    return Job.objects.create(
        project=project, kind="train", title="t", spec={}, compute={}, state="starting"
    )


def attempt(job: Job, fence: int, state: str = "lost") -> Attempt:
    node, _ = Node.objects.get_or_create(name="here")
    return Attempt.objects.create(
        job=job,
        number=fence,
        fence=fence,
        node=node,
        state=state,
        compute=COMPUTE,
        folder=f"jobs/{job.pk}/a{fence}",
        assigned_at=timezone.now(),
    )


def checkpoint(one: Attempt, name: str, *, whole: bool = True) -> Path:
    place = Path(django_settings.TRACKSIDE_STORAGE) / one.folder / "checkpoints" / name
    place.mkdir(parents=True)
    (place / "net.safetensors").write_text(one.folder)
    if whole:
        (place / "manifest.json").write_text("{}")
    return place


def taken(folder: Path) -> dict[str, str]:
    return {p.parent.name: p.read_text() for p in folder.glob("checkpoints/*/net.safetensors")}


def test_the_newest_lost_attempt_with_whole_checkpoints_is_gone_on_with(job: Job) -> None:
    first, second = attempt(job, 1), attempt(job, 2)
    old = checkpoint(first, "e0003"), checkpoint(first, "e0004")
    checkpoint(first, ".e0005.99")
    checkpoint(second, "e0005", whole=False)
    folder = write_folder(attempt(job, 3, "claimed"))
    assert taken(folder) == {"e0003": first.folder, "e0004": first.folder}
    assert all((place / "manifest.json").exists() for place in old)


def test_nothing_comes_from_another_job_or_a_later_attempt(job: Job, project: Any) -> None:
    other = Job.objects.create(
        project=project, kind="train", title="t", spec={}, compute={}, state="running"
    )
    checkpoint(attempt(other, 1), "e0001")
    checkpoint(attempt(job, 5), "e0001")
    assert taken(write_folder(attempt(job, 2, "claimed"))) == {}

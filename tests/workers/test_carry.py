"""A training whose attempt was lost goes on from its checkpoints."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from trackside.compute.models import Node
from trackside.jobs import committed
from trackside.jobs.models import Attempt, Event, Job
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


def checkpoint(one: Attempt, name: str, *, committed: bool = True) -> Path:
    place = Path(django_settings.TRACKSIDE_STORAGE) / one.folder / "checkpoints" / name
    place.mkdir(parents=True)
    (place / "net.safetensors").write_text(one.folder)
    (place / "manifest.json").write_text(f"{one.folder} {name}")
    if committed:
        record(one, place)
    return place


def record(one: Attempt, place: Path, *kept: str) -> None:
    """What the journal tells and the agent passes on."""
    epoch, _, step = place.name[1:].partition(".s")
    event = {
        "type": "checkpoint",
        "epoch": int(epoch),
        "step": int(step or 0),
        "path": str(place),
        "sha256": hashlib.sha256((place / "manifest.json").read_bytes()).hexdigest(),
        "bytes": 9,
        "kept": list(kept),
    }
    committed.commit(one, [event], timezone.now())


def taken(folder: Path) -> dict[str, str]:
    return {p.parent.name: p.read_text() for p in folder.glob("checkpoints/*/net.safetensors")}


def test_only_what_a_row_commits_is_gone_on_with(job: Job) -> None:
    first, second = attempt(job, 1), attempt(job, 2)
    old = checkpoint(first, "e0003"), checkpoint(first, "e0003.s000040")
    checkpoint(first, ".e0005.99", committed=False)
    checkpoint(second, "e0005", committed=False)
    folder = write_folder(attempt(job, 3, "claimed"))
    assert taken(folder) == {"e0003": first.folder, "e0003.s000040": first.folder}
    assert all((place / "manifest.json").exists() for place in old)


def test_of_the_same_checkpoint_the_later_attempts_counts(job: Job) -> None:
    first, second = attempt(job, 1), attempt(job, 2)
    checkpoint(first, "e0003")
    checkpoint(second, "e0003")
    assert taken(write_folder(attempt(job, 3, "claimed"))) == {"e0003": second.folder}


def test_nothing_comes_from_another_job_or_a_later_attempt(job: Job, project: Any) -> None:
    other = Job.objects.create(
        project=project, kind="train", title="t", spec={}, compute={}, state="running"
    )
    checkpoint(attempt(other, 1), "e0001")
    checkpoint(attempt(job, 5), "e0001")
    assert taken(write_folder(attempt(job, 2, "claimed"))) == {}


@pytest.mark.parametrize("harm", ["changed", "gone"])
def test_what_is_not_what_was_committed_is_left_and_told(job: Job, harm: str) -> None:
    first = attempt(job, 1)
    checkpoint(first, "e0001")
    place = checkpoint(first, "e0001.s000007")
    if harm == "gone":
        shutil.rmtree(place)
    else:
        (place / "manifest.json").write_text("something else")
    assert list(taken(write_folder(attempt(job, 2, "claimed")))) == ["e0001"]
    (note,) = Event.objects.filter(job=job, type="note")
    assert note.data["text"] == (
        "The checkpoint in epoch 2, step 7 is damaged or gone; an older one is taken."
    )
    assert [one["epoch"] for one in committed.shown(job)] == [1]


def test_what_the_training_drops_goes_with_its_row_also_of_older_attempts(
    job: Job, django_capture_on_commit_callbacks: Any
) -> None:
    first = attempt(job, 1)
    old = checkpoint(first, "e0001"), checkpoint(first, "e0002")
    second = attempt(job, 2, "running")
    folder = write_folder(second)
    new = checkpoint(second, "e0003", committed=False)
    with django_capture_on_commit_callbacks(execute=True):
        record(second, new, "e0003", "e0002")
    assert [row.path for row in committed.of(job.pk)] == [
        f"{second.folder}/checkpoints/e0003",
        f"{first.folder}/checkpoints/e0002",
    ]
    assert [place.exists() for place in old] == [False, True]
    assert sorted(taken(folder)) == ["e0001", "e0002", "e0003"]  # the rank drops its own itself


def test_a_path_outside_the_attempts_folder_commits_nothing(job: Job) -> None:
    first, second = attempt(job, 1), attempt(job, 2)
    record(second, checkpoint(first, "e0001", committed=False))
    assert committed.shown(job) == []


@pytest.mark.parametrize("where", ["read_bytes", "copytree"])
def test_no_checkpoint_is_given_up_because_the_storage_fails(
    job: Job, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    checkpoint(attempt(job, 1), "e0001")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((Path, where) if where == "read_bytes" else (shutil, where)), full)
    second = attempt(job, 2, "claimed")
    with pytest.raises(OSError, match="No space left"):
        write_folder(second)
    monkeypatch.undo()
    assert [one["epoch"] for one in committed.shown(job)] == [1]

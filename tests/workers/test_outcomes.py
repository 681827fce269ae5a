"""What the end of a job leaves in the storage, also where the node was killed in the middle."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from tests.web import cast
from trackside.accounts.models import User
from trackside.jobs import services
from trackside.jobs.models import Attempt, Checkpoint, Job
from trackside.projects.models import Project
from workers import outcomes

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """The process, where `crash.point` stands."""


@pytest.fixture
def attempt(
    project: Project, ada: User, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Attempt:
    """At its end, with a bundle; its agent dies when that has been moved."""
    monkeypatch.setattr(settings, "TRACKSIDE_STORAGE", tmp_path)
    cast.node()
    one = cast.claimed(cast.submit(project, ada))
    (tmp_path / one.folder / "bundle").mkdir(parents=True)

    def killed(name: str) -> None:
        if name == "publish.moved":
            raise Killed

    monkeypatch.setattr(outcomes.crash, "point", killed)
    with pytest.raises(Killed), transaction.atomic():
        services.finish(one, {}, publish=outcomes.PUBLISH["train"])
    one.refresh_from_db()
    assert (tmp_path / "models" / f"job-{one.job_id}").is_dir()
    return one


def test_a_bundle_whose_job_is_cancelled_after_a_crash_does_not_stay(attempt: Attempt) -> None:
    home = Path(settings.TRACKSIDE_STORAGE) / "models" / f"job-{attempt.job_id}"
    outcomes.tidy()
    assert home.is_dir()  # the next agent publishes it
    services.cancel_done(attempt)
    outcomes.tidy()
    assert not home.exists()


def test_what_is_published_or_not_ours_stays(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = Path(settings.TRACKSIDE_STORAGE) / "models"
    for name in ("job-x", "job-999999", "other"):
        (models / name).mkdir()
    monkeypatch.setattr(outcomes.crash, "point", lambda _: None)
    services.finish(attempt, {}, publish=outcomes.PUBLISH["train"])
    assert Job.objects.get(pk=attempt.job_id).state == "succeeded"
    outcomes.tidy()
    assert {one.name for one in models.iterdir()} == {
        f"job-{attempt.job_id}",
        "job-x",
        "job-999999",
        "other",
    }


def test_checkpoints_stay_a_day_longer_than_their_training(
    project: Project, ada: User, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(settings, "TRACKSIDE_STORAGE", tmp_path)
    cast.node()
    now = timezone.now()
    kept = []
    for hours, state in ((25, "succeeded"), (25, "failed"), (23, "cancelled"), (99, "queued")):
        job = cast.submit(project, ada)
        over = now - timedelta(hours=hours) if state != "queued" else None
        Job.objects.filter(pk=job.pk).update(state=state, finished_at=over)
        for place in (f"jobs/{job.pk}/a1", f"jobs/{job.pk}/a2"):  # one without a row
            (tmp_path / place / "checkpoints" / "e0001").mkdir(parents=True)
            (tmp_path / place / "log.txt").touch()
        path = f"jobs/{job.pk}/a2/checkpoints/e0001"
        Checkpoint.objects.create(job=job, path=path, fence=2, epoch=1, sha256="-", at=now)
        kept += [job.pk] if hours == 23 or state == "queued" else []
    outcomes.tidy()
    found = {int(one.parts[-4]) for one in tmp_path.glob("jobs/*/*/checkpoints/e0001")}
    assert sorted(found) == kept
    assert set(Checkpoint.objects.values_list("job_id", flat=True)) == set(kept)
    assert len(list(tmp_path.glob("jobs/*/*/log.txt"))) == 8

"""What the end of a job leaves in the storage, also where the node was killed in the middle."""

from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction

from tests.web import cast
from trackside.accounts.models import User
from trackside.jobs import services
from trackside.jobs.models import Attempt, Job
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

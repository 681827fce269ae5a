"""The first start: one administrator with a random password, one demo; a second does nothing."""

import json
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client

from trackside.accounts.gate import user_of_token
from trackside.accounts.models import User
from trackside.datasets.models import Dataset
from trackside.flow import first_start
from trackside.jobs.models import Job
from trackside.lab.models import Analysis
from trackside.projects.models import Project


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    path = tmp_path / "demo.zip"
    path.write_bytes(b"PK\x05\x06" + b"\0" * 18)
    return path


def start(demo: Path) -> None:
    call_command("first_start", demo_zip=demo)


@pytest.mark.django_db
def test_it_writes_how_to_sign_in_for_its_owner_alone(demo: Path, client: Client) -> None:
    start(demo)
    letter = Path(settings.TRACKSIDE_HOME) / "admin.json"
    assert letter.stat().st_mode & 0o777 == 0o600
    said = json.loads(letter.read_text())
    assert set(said) == {"url", "username", "password", "token"}
    assert client.login(username=said["username"], password=said["password"])
    owner = user_of_token(f"Bearer {said['token']}")
    assert owner is not None
    assert owner.is_staff


@pytest.mark.django_db
def test_the_demo_is_imported_by_an_ordinary_job_and_has_an_analysis(demo: Path) -> None:
    start(demo)
    job = Job.objects.get()
    assert (job.kind, job.project.key) == ("import", "DEMO")
    assert Path(job.spec["archive"]).read_bytes() == demo.read_bytes()
    analysis = Analysis.objects.get()
    assert analysis.dataset == Dataset.objects.get()
    assert analysis.design["models"]


@pytest.mark.django_db
def test_a_second_start_changes_nothing_and_a_deleted_demo_stays_deleted(demo: Path) -> None:
    start(demo)
    letter = first_start.letter()
    before = letter.read_bytes()
    Analysis.objects.all().delete()
    Project.objects.all().delete()
    start(demo)
    assert letter.read_bytes() == before
    assert not Project.objects.exists()
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_a_letter_that_was_read_and_deleted_is_not_written_again(demo: Path) -> None:
    start(demo)
    first_start.letter().unlink()
    start(demo)
    assert not first_start.letter().exists()


@pytest.mark.django_db
def test_a_start_that_was_cut_off_delivers_its_letter(demo: Path) -> None:
    start(demo)
    draft = first_start.letter().with_name(".admin.json")
    first_start.letter().rename(draft)
    start(demo)
    assert first_start.letter().exists()
    assert not draft.exists()


@pytest.mark.django_db
def test_the_slower_of_two_starts_makes_nothing(demo: Path) -> None:
    start(demo)
    assert first_start.begin(demo) is None
    assert User.objects.count() == Project.objects.count() == 1

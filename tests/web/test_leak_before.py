"""The leak of the real titanic.csv, whose `alive` is the target, is told before the training."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.utils import timezone

from recipes.events import Journal
from recipes.kinds.import_ import taken_in
from tests.product import DATA
from tests.web import lab_stage
from tests.web.test_client import client
from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.client import Client, train
from trackside.datasets import services as datasets
from trackside.datasets.models import Dataset
from trackside.datasets.reading import Wish
from trackside.jobs.models import Attempt, Job
from trackside.lab import services
from trackside.lab.models import Analysis
from trackside.lab.pages import diagnose
from trackside.projects.models import Project

__all__ = ["client"]
FILE = DATA / "titanic.csv"
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not FILE.exists(), reason="../shared/data/titanic.csv is not here"),
]
LEAK = "1 column may be the target itself"
PAGE = "/p/INSECTS/lab/titanic/"
HERE = "/projects/INSECTS/analyses/titanic"
CPU = {"kind": "cpu"}


@pytest.fixture
def titanic(project: Project, ada: User) -> Analysis:
    """As its import leaves it, which runs as its job would."""
    node = lab_stage.node("cpu-01")
    file: Any = SimpleUploadedFile("titanic.csv", FILE.read_bytes())
    one = datasets.upload(project, ada, "titanic", file, Wish())
    job = Job.objects.get(pk=one.job_id)
    made = {"number": 1, "fence": 1, "node": node, "compute": {}, "assigned_at": timezone.now()}
    attempt = job.attempts.first() or Attempt(job=job, **made)
    attempt.folder = f"jobs/{job.pk}/a1"
    attempt.save()
    home = Path(settings.TRACKSIDE_STORAGE) / attempt.folder
    home.mkdir(parents=True)
    archive = Path(job.spec["archive"])
    facts = taken_in(archive, archive.name, home / "output", Journal(home), job.spec)
    datasets.publish_import(job, attempt, {"facts": facts})
    Job.objects.filter(pk=job.pk).update(state="succeeded")
    ready = Dataset.objects.get(pk=one.pk)
    return services.create_analysis(project, ada, "titanic", ready, "survived")


def leaks(found: list[dict[str, Any]]) -> list[str]:
    return [one["text"] for one in found if one["title"] == LEAK]


def test_the_design_page_tells_it_first(titanic: Analysis, as_ada: Browser) -> None:
    first = diagnose(titanic)[0]
    assert (first.title, first.level, first.tab) == (LEAK, "wn", "features")
    assert first.text.startswith("alive: ")
    assert LEAK in as_ada.get(PAGE).content.decode()


def test_rest_tells_it_with_fit_and_with_train(titanic: Analysis, ada: User) -> None:
    rest, before = Rest(ada), Job.objects.count()
    (text,) = leaks(rest.call("POST", f"{HERE}/fit", {"compute": CPU}).json()["findings"])
    assert text.startswith("alive: ")
    assert Job.objects.count() == before, "nothing was trained for it"
    begun = rest.call("POST", f"{HERE}/train", {"compute": CPU})
    assert begun.status_code == 201, begun.content
    assert leaks(begun.json()["findings"]) == [text]
    rest.call("PATCH", HERE, {"features": {"alive": {"role": "ignore"}}})
    assert not leaks(rest.call("POST", f"{HERE}/fit", {"compute": CPU}).json()["findings"])


def test_the_clients_notes_tell_it(titanic: Analysis, client: Client) -> None:
    told = train("INSECTS", titanic.dataset.name, "survived", client=client, wait=False)
    (note,) = [one for one in told["notes"] if one.startswith(LEAK)]
    assert "alive: " in note


def test_the_train_dialog_tells_it_and_leads_to_where_it_is_mended(
    titanic: Analysis, as_ada: Browser
) -> None:
    fragment = {"X-Fragment": "1"}
    html = as_ada.get(f"{PAGE}train/", headers=fragment).content.decode()
    warned = html.partition("data-warned")[2].partition("<fieldset")[0]
    assert f"<b>{LEAK}.</b> alive: " in warned
    assert f'href="{PAGE}design/features/"' in warned
    services.save_design(titanic, "features", {"alive": {"role": "ignore"}})
    html = as_ada.get(f"{PAGE}train/", headers=fragment).content.decode()
    assert LEAK not in html

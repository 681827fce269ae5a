"""What a page takes away REST takes away too, and says what is in the way."""

import pytest

from tests.web.world import Rest, analysis, found, trained
from trackside.accounts.models import AuditEntry, User
from trackside.flow import services as flow
from trackside.lab import services as lab
from trackside.lab.models import Analysis
from trackside.projects.models import Project
from trackside.saved_models import stores
from trackside.saved_models.models import SavedModel

P = "/projects/INSECTS"
HERE = f"{P}/analyses/sort"
STORE = f"{P}/evaluation-stores/past"


@pytest.fixture
def one(project: Project, ada: User) -> Analysis:
    return analysis(project, ada)


@pytest.fixture
def sorter(one: Analysis, ada: User) -> SavedModel:
    """Of the first session."""
    return flow.deploy(trained(one.project, ada, one), "sorter", ada)


def refused(ada: User, path: str, said: str) -> None:
    answer = Rest(ada).call("DELETE", path)
    assert answer.status_code == 409, answer.content
    assert said in answer.json()["error"]["message"]


def deleted(ada: User, path: str, noted: str) -> None:
    assert Rest(ada).call("DELETE", path).status_code == 204
    assert AuditEntry.objects.filter(act=noted).count() == 1
    assert Rest(ada).call("DELETE", path).status_code == 404


def test_a_session_and_its_analysis(one: Analysis, ada: User) -> None:
    lab.train(one, ada, {"kind": "cpu"})
    for path in (f"{HERE}/sessions/1", HERE):
        refused(ada, path, "is still training")
    one.sessions.get().delete()
    trained(one.project, ada, one)
    deleted(ada, f"{HERE}/sessions/1", "session deleted")
    deleted(ada, HERE, "analysis deleted")


def test_what_a_version_uses_stays(sorter: SavedModel, ada: User) -> None:
    for path in (f"{HERE}/sessions/1", HERE):
        refused(ada, path, "sorter in the Flow uses a model of it as version 1")


def test_a_version_that_is_not_active(sorter: SavedModel, one: Analysis, ada: User) -> None:
    flow.deploy(trained(one.project, ada, one), "sorter", ada)
    refused(ada, f"{P}/saved-models/sorter/versions/2", "is the active version")
    deleted(ada, f"{P}/saved-models/sorter/versions/1", "version deleted")


def test_an_evaluation_and_its_store(sorter: SavedModel, ada: User) -> None:
    store = stores.store_for(sorter.project, ada, "past", sorter)
    stores.record(store, found(sorter.versions.get()), ada)
    deleted(ada, f"{STORE}/evaluations/1", "evaluation deleted")
    deleted(ada, STORE, "evaluation store deleted")

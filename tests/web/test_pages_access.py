"""Pages of a project: to others what is in it looks absent, and a reader changes nothing.

`test_gate.py` walks them without a session and as who is in no project; `test_api_access.py` is the
same of REST.
"""

import re
from collections.abc import Iterator

import pytest
from django.test import Client

from tests.web.test_gate import patterns, same
from tests.web.world import found, trained
from trackside.accounts.gate import decision
from trackside.accounts.models import User
from trackside.flow import services as flow
from trackside.jobs.models import Job
from trackside.lab.models import Analysis, TrainedModel
from trackside.projects.models import Member, Project, Role
from trackside.saved_models import stores
from trackside.saved_models.models import SavedModel

# What stands behind a name in an address; all else is the saved model's, and its store's.
NAMES = {"datasets": "photos", "lab": "sort", "recipes": "train sorter"}
NOBODYS = "4711"


@pytest.fixture
def model(project: Project, ada: User) -> TrainedModel:
    """One of everything in Ada's project."""
    made = trained(project, ada)
    sorter: SavedModel = flow.deploy(made, "sorter", ada)
    store = stores.store_for(project, ada, "sorter", sorter)
    stores.record(store, found(sorter.versions.get()), ada)
    return made


def pages(*below: str) -> Iterator[str]:
    for path, one in patterns():
        if decision(one.callback) == "signed_in" and path.startswith(below):
            yield path


def filled(path: str, model: TrainedModel, key: str) -> str:
    """The address of something that there is in Ada's project, as if it were in another one."""
    noun = path.split("/")[2]
    number = {"jobs": model.job_id, "analyses": model.job_id, "trained-models": model.pk}
    if path.startswith("gpus/"):
        noun = "jobs"
    told = {"key": key, "number": number.get(noun, 1), "name": NAMES.get(noun, "sorter")}
    return "/" + re.sub(r"<\w+:(\w+)>", lambda one: str(told.get(one[1], "summary")), path)


def absent(path: str, key: str) -> str:
    """The same address of what nobody has."""
    told = {"key": key, "number": NOBODYS, "name": "nobodys"}
    return "/" + re.sub(r"<\w+:(\w+)>", lambda one: told.get(one[1], "summary"), path)


def test_what_is_in_another_project_looks_absent(model: TrainedModel, as_dan: Client) -> None:
    """Also by an address within one's own project: an owner's there."""
    dan = User.objects.get(username="dan")
    own = Project.objects.create(key="DANS", name="Dan's", created_by=dan)
    Member.objects.create(project=own, user=dan, role=Role.OWNER)
    walked = [one for one in pages("p/", "gpus/queue/") if re.search(r"<\w+:(number|name)>", one)]
    for path in walked:
        for method in ("get", "post"):
            theirs = getattr(as_dan, method)(filled(path, model, "DANS"))
            nothing = getattr(as_dan, method)(absent(path, "DANS"))
            assert theirs.status_code in (404, 405), f"{method} {path}: {theirs.status_code}"
            assert theirs.status_code == nothing.status_code, path
            assert same(theirs.content) == same(nothing.content), path
    assert len(walked) > 50


def test_a_reader_changes_nothing_by_any_page(model: TrainedModel, as_cleo: Client) -> None:
    before = [one.objects.count() for one in (Job, Analysis, SavedModel, Member)]
    for path in pages("p/"):
        answer = as_cleo.post(filled(path, model, "INSECTS"))
        assert answer.status_code in (403, 405), f"{path}: {answer.status_code}"
    assert [one.objects.count() for one in (Job, Analysis, SavedModel, Member)] == before

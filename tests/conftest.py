"""The cast and the stage: Ada owns a project, Ben edits it, Cleo reads it, Dan is an outsider."""

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis
from xdist.scheduler import LoadFileScheduling

import recipes.learners.skops_file  # noqa: F401 - before torch: it looks through what is imported
from tests import order
from trackside.accounts.models import User
from trackside.projects.models import Member, Project, Role

PASSWORD = "correct horse battery"

# No time limits; where a failure cannot be looked at any more, the same examples each time.
hypothesis.register_profile(
    "trackside",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
    print_blob=True,
)
hypothesis.load_profile("trackside")


class InOrder(LoadFileScheduling):
    """A file's tests run in one process, the files in their order."""

    def _split_scope(self, nodeid: str) -> str:
        return order.together(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> InOrder:
    return InOrder(config, log)


def pytest_collection(session: pytest.Session) -> None:
    """What is imported stays: nobody looks through it for what could go, now or in a test."""
    gc.disable()


def pytest_collection_finish(session: pytest.Session) -> None:
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """One process alone takes them as they are collected."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: order.turn(item.nodeid))


@pytest.fixture(autouse=True)
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test writes into its own folder: TRACKSIDE_HOME and TRACKSIDE_STORAGE point there."""
    storage = tmp_path / "storage"
    storage.mkdir()
    monkeypatch.setattr(settings, "TRACKSIDE_HOME", tmp_path)
    monkeypatch.setattr(settings, "TRACKSIDE_STORAGE", storage)
    monkeypatch.setenv("TRACKSIDE_HOME", str(tmp_path))
    monkeypatch.setenv("TRACKSIDE_STORAGE", str(storage))
    return storage


def person(name: str, **more: bool) -> User:
    return User.objects.create_user(
        username=name, password=PASSWORD, display_name=name.capitalize(), **more
    )


@pytest.fixture
def ada(db: None) -> User:
    return person("ada")


@pytest.fixture
def ben(db: None) -> User:
    return person("ben")


@pytest.fixture
def cleo(db: None) -> User:
    return person("cleo")


@pytest.fixture
def dan(db: None) -> User:
    return person("dan")


@pytest.fixture
def admin(db: None) -> User:
    return person("root", is_staff=True)


@pytest.fixture
def project(ada: User, ben: User, cleo: User) -> Project:
    one = Project.objects.create(key="INSECTS", name="Insects", created_by=ada)
    cast = ((ada, Role.OWNER), (ben, Role.EDITOR), (cleo, Role.READER))
    for user, role in cast:
        Member.objects.create(project=one, user=user, role=role)
    return one


@pytest.fixture
def as_user() -> Callable[[User], Client]:
    """`as_user(ada).get(...)`: a browser in which that person is signed in."""

    def client(user: User) -> Client:
        browser = Client()
        browser.force_login(user)
        return browser

    return client


@pytest.fixture
def as_ada(ada: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(ada)


@pytest.fixture
def as_ben(ben: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(ben)


@pytest.fixture
def as_cleo(cleo: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(cleo)


@pytest.fixture
def as_dan(dan: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(dan)


@pytest.fixture
def as_admin(admin: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(admin)

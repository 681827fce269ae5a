"""A node under test: the real agent, a real Valkey, a file database, and ranks that obey."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from recipes import processes
from tests import valkey
from tests.workers import gangs
from trackside.accounts.models import User
from trackside.compute.models import Node as NodeRow
from trackside.jobs import services
from trackside.jobs.models import Attempt, Job
from trackside.projects.models import Project

ROOT = Path(__file__).resolve().parents[2]
LIGHT = Path(__file__).with_name("light")


@dataclass
class Node:
    """One machine of the fleet, with its agent in a process of its own."""

    home: Path
    environment: dict[str, str]
    agent: "subprocess.Popen[bytes] | None" = None
    user: Any = None
    project: Any = None
    clicks: int = 0
    logs: list[Path] = field(default_factory=list)
    name: str = "here"

    @property
    def row(self) -> NodeRow:
        return NodeRow.objects.get(name=self.name)

    def start(self, **environment: str) -> None:
        log = self.home / f"agent{len(self.logs)}.log"
        self.logs.append(log)
        with log.open("wb") as out:
            self.agent = subprocess.Popen(
                [sys.executable, "-m", "workers.agent"],
                cwd=ROOT,
                env={**os.environ, **self.environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        rows = NodeRow.objects.filter(name=self.name)
        before = rows.values_list("epoch", flat=True).first() or 0
        gangs.until(lambda: rows.filter(epoch__gt=before).exists(), self.said())

    def warm(self) -> None:
        gangs.until(lambda: NodeRow.objects.filter(name=self.name, warm=True).exists(), self.said())

    def said(self) -> str:
        return f"the agent; its log is {self.logs[-1]}"

    def end(self, number: signal.Signals) -> None:
        if self.agent is not None:
            self.agent.send_signal(number)
            self.agent.wait(60)
            self.agent = None

    def submit(
        self, do: str | list[str], *, kind: str = "train", uuids: Any = (), **cpu: Any
    ) -> Job:
        compute = {"kind": "gpus", "uuids": list(uuids)} if uuids else {"kind": "cpu", **cpu}
        self.clicks += 1
        return services.submit(
            project=self.project,
            user=self.user,
            kind=kind,
            title="A job",
            spec={"do": do},
            compute=compute,
            click_id=f"click {self.clicks}",
        )

    def until(self, job: Job, *states: str) -> Job:
        def there() -> bool:
            job.refresh_from_db()
            return job.state in states

        try:
            gangs.until(there, f"job {job.pk} to be {states}")
        except AssertionError:
            said = self.logs[-1].read_text()[-3000:]
            raise AssertionError(f"{job.state}: {job.reason}\n{said}") from None
        return job

    def attempt(self, job: Job) -> Attempt:
        return Attempt.objects.select_related("job", "node").filter(job=job).latest("number")

    def folder(self, job: Job) -> Path:
        return self.home / "storage" / self.attempt(job).folder

    def left(self) -> list[processes.Process]:
        """Live processes that were started for this home."""
        mark = f"TRACKSIDE_HOME={self.home}".encode()
        return [one for one in processes.everyone() if one.alive and mark in _environ(one.pid)]


def _environ(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


@pytest.fixture
def database(tmp_path: Path, transactional_db: None) -> Iterator[str]:
    """The test database as a file that other processes can open too."""
    file = tmp_path / "db.sqlite3"
    connection.ensure_connection()
    with closing(sqlite3.connect(file)) as target:
        connection.connection.backup(target)
    before = connection.connection, connection.settings_dict["NAME"]
    connection.connection, connection.settings_dict["NAME"] = None, str(file)
    try:
        yield f"sqlite:///{file}"
    finally:
        connection.close()
        connection.connection, connection.settings_dict["NAME"] = before


@pytest.fixture(scope="session", autouse=True)
def nobody_stays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whatever the tests of this folder started is gone when they are."""
    yield
    place = f"TRACKSIDE_HOME={tmp_path_factory.getbasetemp()}/".encode()

    def left() -> list[int]:
        seen = [one.pid for one in processes.everyone() if one.alive and one.pid != os.getpid()]
        return [pid for pid in seen if any(e.startswith(place) for e in _environ(pid))]

    gangs.until(lambda: not left(), "the last processes to end")


@pytest.fixture(scope="session")
def broker() -> Iterator[valkey.Valkey]:
    with valkey.running() as one:
        yield one


@pytest.fixture
def node(
    tmp_path: Path, database: str, broker: valkey.Valkey, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Node]:
    home = tmp_path / "home"
    (home / "storage").mkdir(parents=True)
    monkeypatch.setattr(settings, "TRACKSIDE_STORAGE", home / "storage")
    one = Node(
        home,
        {
            "TRACKSIDE_HOME": str(home),
            "TRACKSIDE_STORAGE": str(home / "storage"),
            "TRACKSIDE_NODE": "here",
            "DATABASE_URL": database,
            "BROKER_URL": broker.url,
            "DJANGO_SETTINGS_MODULE": "trackside.config.settings",
            "SECRET_KEY": "s" * 40,
            "PYTHONPATH": os.pathsep.join((str(LIGHT), str(ROOT))),
        },
    )
    one.user = User.objects.create_user(username="ada", password="correct horse battery")
    one.project = Project.objects.create(key="TEST", name="Test")
    with valkey.ringing(broker.url):
        yield one
    _finish(one)


@pytest.fixture
def other(node: Node, tmp_path: Path) -> Iterator[Node]:
    """A second machine on the same storage, as far as an agent can tell."""
    home = tmp_path / "other"
    home.mkdir()
    environment = {**node.environment, "TRACKSIDE_HOME": str(home), "TRACKSIDE_NODE": "there"}
    one = Node(home, environment, user=node.user, project=node.project, name="there")
    yield one
    _finish(one)


def _finish(one: Node) -> None:
    one.end(signal.SIGINT)
    if one.left():  # a test that failed half-way
        for process in one.left():
            os.kill(process.pid, signal.SIGKILL)
        pytest.fail(f"Processes stayed behind; the last log is {one.logs[-1].read_text()[-2000:]}")

"""A job reaches its database by a file of its node alone, which it reads and removes."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from recipes.job import read
from recipes.sql.access import Trouble, taken
from tests.web import cast
from trackside.accounts.models import User
from trackside.config import env
from trackside.connections import services as connections
from trackside.connections.models import Connection
from trackside.jobs.models import Attempt
from trackside.projects.models import Project
from workers import access
from workers.launch import write_folder

SECRET = "correct horse"
GIVEN = {
    "name": "warehouse",
    "kind": "postgresql",
    "host": "db.example.org",
    "database": "facts",
    "user": "reader",
    "password": SECRET,
    "everywhere": True,
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(settings, "TRACKSIDE_STORAGE", tmp_path / "storage")
    monkeypatch.setenv("TRACKSIDE_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def warehouse(ada: User) -> Connection:
    return connections.create(ada, GIVEN)


def claimed(project: Project, ada: User, spec: dict[str, Any]) -> Attempt:
    cast.node(gpus=0)
    job = cast.submit(project, ada, kind="import", spec=spec, compute={"kind": "cpu"})
    return cast.claimed(job)


def source(warehouse: Connection) -> dict[str, Any]:
    told = {"connection": warehouse.pk, "name": "warehouse", "schema": "", "table": "t"}
    return {"source": told, "kind": "table", "name": "t"}


def test_the_password_is_in_a_file_of_this_user_alone_and_nowhere_else(
    home: Path, project: Project, ada: User, warehouse: Connection
) -> None:
    attempt = claimed(project, ada, source(warehouse))
    folder = write_folder(attempt)
    job = read(folder)
    way = Path(job.access)
    assert way.parent == env.run_folder()
    assert stat.S_IMODE(way.stat().st_mode) == 0o600
    assert SECRET not in (folder / "job.json").read_text() + json.dumps(attempt.job.spec)
    found = taken(job.access)
    assert (found.password, found.host, found.writable) == (SECRET, "db.example.org", False)
    assert SECRET not in repr(found)
    assert not way.exists()
    with pytest.raises(Trouble, match="start the job again"):
        taken(job.access)


def test_a_job_that_reads_a_file_gets_no_way(
    home: Path, project: Project, ada: User, warehouse: Connection
) -> None:
    """Types are corrected without the database, also where the connection is gone."""
    attempt = claimed(project, ada, {**source(warehouse), "archive": "/somewhere"})
    warehouse.delete()
    assert read(write_folder(attempt)).access == ""


def test_a_connection_that_is_gone_is_said(
    home: Path, project: Project, ada: User, warehouse: Connection
) -> None:
    attempt = claimed(project, ada, source(warehouse))
    warehouse.delete()
    with pytest.raises(access.NoAccess, match="warehouse is gone"):
        write_folder(attempt)


def test_what_was_never_read_goes_with_its_attempt(
    home: Path, project: Project, ada: User, warehouse: Connection
) -> None:
    attempt = claimed(project, ada, source(warehouse))
    way = Path(read(write_folder(attempt)).access)
    stranger = way.with_name(f"{way.stem.rpartition('-')[0]}-999999.json")
    stranger.write_text("{}")
    access.tidy(attempt.node.name)
    assert way.exists()
    assert not stranger.exists()
    access.drop(attempt)
    assert not way.exists()

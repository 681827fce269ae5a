"""Races on a file SQLite and on a real Postgres: the database is the referee."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import postgres
from tests.product import ROOT
from tests.web import race_process

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Its database `postgres` has the tables; each race gets a copy."""
    with postgres.running() as url:
        migrate(url)
        yield url


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tables") / "race.sqlite3"
    migrate(f"sqlite:///{file}")
    return file


def migrate(url: str) -> None:
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "DATABASE_URL": url}, check=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("tables"), tmp_path)
        return f"sqlite:///{tmp_path}/race.sqlite3"
    import psycopg

    url: str = request.getfixturevalue("server")
    name = f"race_{os.getpid()}_{abs(hash(request.node.name)) % 10**8}"
    with psycopg.connect(url.replace("/postgres?", "/template1?"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE postgres")
    return url.replace("/postgres?", f"/{name}?")


@pytest.fixture
def race(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    def run(name: str) -> dict[str, Any]:
        answer = race_process.run("races", database, tmp_path, name)
        assert answer.pop("vendor") in str(request.node.name)
        return answer

    return run


def test_fifty_deliveries_of_a_doorbell_make_one_claim(race: Any) -> None:
    assert race("claims") == {"won": 1, "fence": 1, "fences": [1]}


def test_twenty_deliveries_of_a_click_make_one_job(race: Any) -> None:
    assert race("clicks") == {"jobs": 1, "rows": 1, "leases": 2}


def test_of_two_users_who_want_the_same_gpus_one_starts_and_one_waits(race: Any) -> None:
    assert race("gpus") == {"outcomes": {"queued starting": 200}, "leases": 0}


def test_budgets_on_a_shared_gpu_never_exceed_its_memory(race: Any) -> None:
    assert race("budgets") == {"outcomes": {"2 of 4": 30}, "leases": 0}


def test_a_gpu_is_given_to_one_alone_or_shared_but_never_both(race: Any) -> None:
    assert race("mixture") == {"rounds": 30, "leases": 0}


def test_pause_and_resume_wait_for_the_agent_and_nobody_stands_still(race: Any) -> None:
    assert race("pauses") == {"whole": True, "leases": 2}


def test_who_acts_on_a_job_as_it_is_placed_holds_the_new_attempt_too(race: Any) -> None:
    """Else they and the agent that claims it could wait for each other."""
    assert race("holding") == {"held": True}


def test_a_quota_holds_against_clicks_at_the_same_moment(race: Any) -> None:
    assert race("quotas") == {"outcomes": {"2 of 4": 30}, "leases": 0}


def test_of_many_schedulers_one_leads(race: Any) -> None:
    assert race("leaders") == {"won": [1, 1, 1]}


def test_many_writers_number_one_story_without_gap_or_twin(race: Any) -> None:
    assert race("stories") == {"whole": True, "events": 63}


def test_of_many_endings_one_happens(race: Any) -> None:
    assert race("endings") == {"states": {"one": 10}}


def test_evaluations_published_at_once_each_get_a_number_and_a_row(race: Any) -> None:
    assert race("evaluations") == {"numbers": True, "rows": True, "reports": True}


def test_the_migrations_make_what_the_models_want(race: Any) -> None:
    assert race("migrations") == {"missing": []}

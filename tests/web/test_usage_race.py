"""Each second that was held counts once, whoever settles at the same moment, on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres
from tests.web import race_process

pytestmark = pytest.mark.process


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/race.sqlite3"
        return
    with postgres.running() as url:
        yield url


def test_two_hours_on_two_gpus_are_four_hours_of_one_job(database: str, tmp_path: Path) -> None:
    found = race_process.run("usage_race", database, tmp_path)
    assert found["gpu"] == pytest.approx(4 * 3600)
    assert found["used"] == pytest.approx(1200)
    assert (found["jobs"], found["left"]) == (1, 0)

"""Each second that was held counts once, whoever settles at the same moment, on both databases."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres
from tests.product import ROOT

pytestmark = pytest.mark.process


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/race.sqlite3"
        return
    with postgres.running() as url:
        yield url


def test_two_hours_on_two_gpus_are_four_hours_of_one_job(database: str, tmp_path: Path) -> None:
    env = {**os.environ, "TRACKSIDE_HOME": str(tmp_path), "DATABASE_URL": database}
    env["BROKER_URL"] = f"redis+socket://{tmp_path}/none.sock"
    done = subprocess.run(
        [sys.executable, "-m", "tests.web.usage_race"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["gpu"] == pytest.approx(4 * 3600)
    assert found["used"] == pytest.approx(1200)
    assert (found["jobs"], found["left"]) == (1, 0)

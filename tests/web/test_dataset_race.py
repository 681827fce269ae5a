"""Nobody corrects what a training reads, nor trains on what is corrected.

On PostgreSQL, where two transactions do write at the same moment.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import postgres
from tests.product import ROOT

pytestmark = pytest.mark.process


def test_a_correction_a_training_and_a_deletion_never_meet(tmp_path: Path) -> None:
    with postgres.running() as url:
        env = {**os.environ, "TRACKSIDE_HOME": str(tmp_path), "DATABASE_URL": url}
        env["BROKER_URL"] = f"redis+socket://{tmp_path}/none.sock"
        done = subprocess.run(
            [sys.executable, "-m", "tests.web.dataset_race"],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["both"], found["torn"]) == (0, 0), found
    assert found["correct"] + found["train"] > 0

"""Nobody corrects what a training reads, nor trains on what is corrected.

On PostgreSQL, where two transactions do write at the same moment.
"""

from pathlib import Path

import pytest

from tests import postgres
from tests.web import race_process

pytestmark = pytest.mark.process


def test_a_correction_a_training_and_a_deletion_never_meet(tmp_path: Path) -> None:
    with postgres.running() as url:
        found = race_process.run("dataset_race", url, tmp_path)
    assert (found["both"], found["torn"]) == (0, 0), found
    assert found["correct"] + found["train"] > 0

"""Orders are heard between the batches of a validation too, and nothing is computed otherwise."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from recipes.job import YIELDED
from tests.recipes.making import ROOT, dataset, events, job
from tests.recipes.test_resume import GIVEN, STEPS, made, notes, prepared, run

LOOKS = 3  # of rank 0 in a validation: 312 pictures are 5 batches, and rank 1 has 2 of them
pytestmark = pytest.mark.process
# The order comes when rank 0 looks for that time.
ORDERED = """
import sys
from itertools import count
from pathlib import Path
from recipes import gang, job
folder, word, number = sys.argv[1:]
looks = count(1)
job.wanted_stop = lambda _: word if next(looks) >= int(number) else ""
sys.exit(gang.lead(Path(folder)))
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    splits = ("train", *["val"] * 13)
    return dataset(tmp_path_factory.mktemp("data"), {"red": 168, "blue": 168}, splits=splits)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, data: dict[str, str]) -> dict[str, Any]:
    folder = prepared(tmp_path_factory.mktemp("undisturbed"), data)
    assert run(folder) == 0
    return made(folder)


def ordered(folder: Path, word: str, look: int) -> int:
    command = [sys.executable, "-c", ORDERED, str(folder), word, str(look)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode


@pytest.mark.parametrize(
    ("look", "said"),
    [
        (STEPS, f"in epoch 2, step {STEPS}"),  # at the last step
        (STEPS + 1, f"in epoch 2, step {STEPS}"),  # at the first batch of the validation
        (STEPS + LOOKS, "after epoch 2"),  # at its last
    ],
)
def test_who_is_to_give_way_while_it_validates_does_and_ends_as_if_it_had_not(
    tmp_path: Path, data: dict[str, str], undisturbed: dict[str, Any], look: int, said: str
) -> None:
    folder = prepared(tmp_path, data)
    assert ordered(folder, "yield", STEPS + LOOKS + look) == YIELDED
    assert run(folder) == 0
    assert f"Goes on {said}, from its checkpoint." in notes(folder)
    assert made(folder) == undisturbed


def test_finish_early_while_it_validates_needs_no_further_epoch(
    tmp_path: Path, data: dict[str, str]
) -> None:
    folder = job(tmp_path, data, **GIVEN)
    epoch = STEPS * 2 + LOOKS + 2  # one rank: 12 steps, 5 batches
    assert ordered(folder, "finish_early", epoch + STEPS * 2 + 1) == 0
    assert [one["epoch"] for one in events(folder, "epoch")] == [1, 2]
    assert "Finished early in epoch 2, as asked." in notes(folder)

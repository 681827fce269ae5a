"""On which GPU a process was: what NVML says of real ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recipes.engine import sat
from tests.gpu.leased import trained
from tests.product import ROOT
from tests.recipes import tabling
from tests.recipes.making import events

pytestmark = [pytest.mark.gpu, pytest.mark.process]
ROWS = 8_000
ASTRAY = """
import sys
import torch
from recipes.engine import sat
from recipes.job import Compute

seen = sat.witness(torch.device("cuda", 0), Compute(device="cuda", uuids=(sys.argv[1],)))
kept = torch.ones(8, device="cuda:0")
print(seen.sat().seen)
"""


def told_here(seen: object) -> object:
    """NVML tells it only where this process has the numbers of the machine itself."""
    here = os.stat("/proc/self/ns/pid").st_ino == sat.MACHINE
    return seen if here else None


def test_a_table_learned_where_it_was_leased(uuids: list[str], tmp_path: Path) -> None:
    table, few = tabling.real("adult").slice(0, ROWS), {"rounds": 40}
    folder = trained(tmp_path, table, "income", "xgboost", uuids[-1:], params=few)
    (finished,) = events(folder, "finished")
    told = finished["facts"]["nvml"]
    assert told["seen"] is told_here(True), told["why"]
    if told["seen"]:
        assert "NVML saw this job's process on GPU " in told["why"]
        assert told["memory"] is None or told["memory"] > 50 << 20


def test_a_process_on_another_gpu_than_the_leased_one_is_found_out(uuids: list[str]) -> None:
    if len(uuids) < 2:
        pytest.skip("this machine has one GPU")
    env = {**os.environ, "CUDA_VISIBLE_DEVICES": uuids[0]}
    command = [sys.executable, "-c", ASTRAY, uuids[1]]
    done = subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    assert done.stdout.split() == [str(told_here(False))]

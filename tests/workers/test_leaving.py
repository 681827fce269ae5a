"""An agent that ends with its jobs: their checkpoints have time, in what its starter waits."""

import re
import time
from pathlib import Path

import pytest

from recipes import gang
from tests.product import ROOT
from trackside.compute import clock
from trackside.jobs.models import Attempt, Job
from workers import agent, fleet, watch
from workers.budget import Budgets
from workers.child import Part
from workers.gpus import Gpus
from workers.watch import Gang, Watch


def test_its_times_fit_into_each_other() -> None:
    assert watch.LEAVE_MOST + gang.GRACE < agent.LEAVE_WITHIN


def test_make_run_waits_longer_than_the_agent_takes_and_its_unit_longer_still() -> None:
    [alone] = fleet.agents([], Path("faults"))
    [member] = fleet.agents(fleet.read("gpu-01:1xH100-80GB"), Path("faults"))
    assert alone.grace == member.grace > agent.LEAVE_WITHIN + 5
    unit = (ROOT / "docs" / "deploying.md").read_text()
    given = re.search(r"workers\.supervisor\n.*?TimeoutStopSec=(\d+)", unit, re.DOTALL)
    assert given
    assert float(given[1]) > alone.grace + Part("valkey", ()).grace  # which ends after the others


@pytest.mark.parametrize(
    ("asked_before", "left"), [(0.0, watch.LEAVE_MOST), (60.0, watch.LEAVE_MOST), (110.0, 10.0)]
)
def test_who_was_asked_to_give_way_before_is_not_cut_off_at_once(
    asked_before: float, left: float
) -> None:
    here = Watch(dict, lambda _: True, lambda *_a, **_k: "", Budgets(Gpus()))
    row = Attempt(job=Job(kind="train"), first_step_at=clock.now())
    one = Gang(Path("folder"), 0, 0, row, stop="pause", stopped=time.monotonic() - asked_before)
    assert here._patience(one, "pause") == watch.YIELD_MOST
    here.stop_all()
    remains = one.stopped + here._patience(one, "pause") - here.leaving
    assert remains == pytest.approx(left, abs=1.0)

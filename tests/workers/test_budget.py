"""A job on a shared GPU that takes more than it was given ends, and the others go on."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from recipes import processes
from tests.workers.nvml import GB, Card, Nvml, Process
from trackside.compute.models import Node
from trackside.compute.services import GpuFacts
from trackside.jobs.models import Attempt, Follower
from workers import budget, sweep
from workers.budget import Budgets
from workers.driver import Driver
from workers.followers import Followers, Running
from workers.gpus import Gpus
from workers.launch import Launcher, Zygote
from workers.verdict import Verdict

LOST = Verdict(end="lose", cause="leader_killed", reason="The leader was killed.")


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Card:
    one = Card("GPU-a")
    monkeypatch.setattr(budget, "pynvml", Nvml(one))
    monkeypatch.setattr(budget, "EVERY", 0.0)
    monkeypatch.setattr(settings, "TRACKSIDE_STORAGE", tmp_path)
    return one


@pytest.fixture
def budgets() -> Budgets:
    facts = GpuFacts(uuid="GPU-a", index=0, name="H100", memory_total=80 * GB)
    return Budgets(Gpus(facts=[facts], asking=Driver(within=0.2)))


@pytest.fixture
def started() -> Iterator[list[Any]]:
    children: list[Any] = []
    yield children
    for child in children:
        child.kill()
        child.wait()


def attempt(number: int, memory: int = 10 * GB) -> Attempt:
    compute = {"device": "cuda", "uuids": ["GPU-a"], "share": True, "memory": memory}
    return Attempt(pk=number, job_id=number, fence=1, folder=f"jobs/{number}/a1", compute=compute)


def process(of: Attempt | Follower, started: list[Any]) -> int:
    """One that wears the attempt's tag."""
    environment = {processes.TAG: sweep.tag(of)}
    command = [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"]
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
    started.append(child)
    assert child.stdout is not None
    child.stdout.readline()
    child.stdout.close()
    return child.pid


@pytest.mark.process
def test_who_takes_too_much_is_ended_with_a_sentence_and_its_neighbour_is_not(
    card: Card, budgets: Budgets, started: list[Any]
) -> None:
    greedy, modest = attempt(1), attempt(2)
    pids = [process(one, started) for one in (greedy, modest)]
    card.processes = [Process(pids[0], 12 * GB), Process(pids[1], 10 * GB)]
    assert budgets.look(modest) == ""
    said = budgets.look(greedy)
    assert said.startswith("It used 12.0 GiB of GPU 0, more than the 10.0 GiB that it was given")
    started[0].wait(60)
    assert started[1].poll() is None
    found = budgets.verdict(greedy, LOST)
    assert (found.end, found.cause, found.reason) == ("fail", "over_budget", said)
    assert budgets.verdict(modest, LOST) is LOST
    assert budgets.look(greedy) == said  # it is told as long as the attempt is known


@pytest.mark.process
def test_all_processes_of_a_job_count_together(
    card: Card, budgets: Budgets, started: list[Any]
) -> None:
    one = attempt(1)
    card.processes = [Process(process(one, started), 6 * GB) for _ in range(2)]
    assert budgets.look(one)


def test_a_job_with_a_gpu_of_its_own_has_no_budget(card: Card, budgets: Budgets) -> None:
    card.processes = [Process(1, 80 * GB)]
    assert budgets.look(attempt(1, memory=0)) == ""


def test_a_driver_that_does_not_say_ends_nobody(
    card: Card, budgets: Budgets, started: list[Any]
) -> None:
    one = attempt(1)
    process(one, started)
    card.code = 999
    assert budgets.look(one) == ""


def test_a_job_that_was_cancelled_meanwhile_stays_cancelled(card: Card, budgets: Budgets) -> None:
    one = attempt(1)
    budgets._said[one.pk] = "It used too much."
    cancelled = Verdict(end="cancel")
    assert budgets.verdict(one, cancelled) is cancelled
    budgets.forget(one)
    assert budgets.verdict(one, LOST) is LOST


def test_a_part_on_another_node_is_measured_too_and_names_its_node(
    card: Card, budgets: Budgets, started: list[Any], tmp_path: Path
) -> None:
    of = attempt(1)
    part = Follower(pk=1, attempt=of, node=Node(name="west"), position=1, compute=of.compute)
    (tmp_path / "n1").mkdir()
    card.processes = [Process(process(part, started), 12 * GB)]
    watched = Followers(
        lambda: part.node, budgets._gpus, Launcher(Zygote(tmp_path / "z")), lambda *_, **__: ""
    )
    how, reason = watched._outcome(Running(tmp_path / "n1", 0, 0, part))
    assert (how, reason.startswith("On west: It used 12.0 GiB of GPU 0")) == ("over_budget", True)

"""A job in two parts, as two nodes run it: a folder each, one address, one gang's numbers."""

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recipes import job as jobs
from recipes import meeting
from recipes.job import BadJob, Compute, Job
from tests.recipes.making import ROOT, dataset, events, job
from tests.recipes.warm import Begun, begin
from tests.workers.gangs import until
from workers import verdict

pytestmark = pytest.mark.process
ALL = {"retrained": "all", "backbone": "shufflenet_v2_x0_5", "pretrained": False, "image_size": 32}
FIRST = Compute(world=2, nodes=2, rendezvous="tcp://127.0.0.1:0", interface="lo")
# `python -m recipes` whose ranks give up sooner.
HASTY = """
import sys
from datetime import timedelta
from recipes import __main__
from recipes.engine import peers
peers.MEET_WITHIN = timedelta(seconds=1)
sys.exit(__main__.main(sys.argv[1:]))
"""


def parts(home: Path, data: dict[str, str], **changes: Any) -> tuple[Path, Path]:
    """The folders of both parts; the second learns the address when it is known."""
    first = job(home, data, name="first", params=ALL, **changes)
    given = jobs.read(first)
    jobs.write(first, replace(given, compute=FIRST))
    second = first / "n1"
    compute = replace(FIRST, first_rank=1)
    jobs.write(second, replace(given, compute=compute, home=str(first)))
    return first, second


def address(folder: Path) -> str:
    def told() -> str:
        path = folder / "attempt.json"
        return json.loads(path.read_text())["address"] if path.exists() else ""

    return str(until(told, "the first part's address"))


def join(first: Path, second: Path) -> Begun:
    given = jobs.read(second)
    place = replace(given.compute, rendezvous=f"tcp://{address(first)}")
    jobs.write(second, replace(given, compute=place))
    return begin(second)


def losses(folder: Path) -> list[Any]:
    return [(one["train_loss"], one["val_loss"]) for one in events(folder, "epoch")]


def test_two_parts_give_the_losses_of_one_gang_to_the_last_digit(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", {"red": 9, "blue": 8})
    alone = job(tmp_path / "alone", data, params=ALL, compute={"ranks": 2})
    assert begin(alone).wait() == 0
    first, second = parts(tmp_path, data)
    leader = begin(first)
    other = join(first, second)
    assert (leader.wait(120), other.wait(120)) == (0, 0), (second / "log.txt").read_text()
    assert losses(first) == losses(alone)
    assert len(losses(first)) == 3
    (finished,) = events(first, "finished")
    assert finished["facts"]["ranks"] == 2
    assert not (second / "events.jsonl").exists()


def test_a_killed_rank_of_the_second_part_is_named_by_its_number_in_the_whole_gang(
    tmp_path: Path,
) -> None:
    data = dataset(tmp_path / "data", {"red": 9, "blue": 8})
    first, second = parts(tmp_path, data, training={"epochs": 1000, "early_stopping": False})
    leader = begin(first)
    other = join(first, second)
    until(lambda: (first / "events.jsonl").exists() and events(first, "step"), "a step")
    (rank,) = Path(f"/proc/{other.pid}/task/{other.pid}/children").read_text().split()
    os.kill(int(rank), signal.SIGKILL)
    assert (other.wait(60), leader.wait(60)) == (1, 1)
    told = json.loads((second / "attempt.json").read_text())
    assert (told["rank"], told["cause"]) == (1, "rank_killed")
    assert told["reason"] == "Rank 1 of 2 was killed by signal 9 (SIGKILL)."


def test_finish_early_is_read_by_rank_0_and_reaches_the_other_part(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", {"red": 9, "blue": 8})
    first, second = parts(tmp_path, data, training={"epochs": 1000, "early_stopping": False})
    leader = begin(first)
    other = join(first, second)
    until(lambda: (first / "events.jsonl").exists() and events(first, "step"), "a step")
    (first / "stop").write_text("finish_early")
    assert (leader.wait(60), other.wait(60)) == (0, 0)


def test_an_error_of_the_second_part_is_told_once_and_in_its_own_journal(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", {"red": 9, "blue": 8})
    first, second = parts(tmp_path, data)
    given = jobs.read(second)
    jobs.write(second, replace(given, kind="nothing"))
    leader = begin(first)
    other = join(first, second)
    assert other.wait(60) == 1
    leader.send_signal(signal.SIGTERM)  # its rank waits for the other; the agent ends it
    assert leader.wait(60) == 143
    assert "There is no kind of job" in events(second, "failed")[0]["message"]
    assert not (first / "events.jsonl").exists() or not events(first, "failed")


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1"], ids=["refuses", "is nowhere"])
def test_ranks_that_do_not_meet_are_the_machines_trouble_and_say_where(
    tmp_path: Path, host: str
) -> None:
    data = dataset(tmp_path / "data", {"red": 9, "blue": 8})
    _, second = parts(tmp_path, data)
    with socket.socket() as taken:  # and so nobody can listen there meanwhile
        taken.bind(("127.0.0.1", 0))
        where = f"{host}:{taken.getsockname()[1]}"
        given = jobs.read(second)
        there = replace(given.compute, rendezvous=f"tcp://{where}")
        jobs.write(second, replace(given, compute=there))
        done = subprocess.run([sys.executable, "-c", HASTY, str(second)], cwd=ROOT, check=False)
    assert done.returncode == 1
    (failed,) = events(second, "failed")
    assert failed["code"] == "rendezvous"
    assert f"Rank 1 of 2 did not meet the others at {where} (" in failed["message"]
    assert failed["message"].endswith("Nodes must reach each other on every port above 1023.")
    judged = verdict.judge(second, fence=given.fence, stop="")
    assert (judged.end, judged.cause) == ("fail", "rendezvous")
    assert judged.reason == failed["message"]


def test_each_gang_has_a_port_of_its_own_that_nobody_can_take(tmp_path: Path) -> None:
    given = Job(job=1, kind="train", spec={}, compute=FIRST)
    one, two = (meeting.arrange(tmp_path, given) for _ in range(2))
    assert one.address != two.address
    addresses = one.address, two.address
    place, _, listening = one.of(0).partition("?listening=")
    assert (place, two.of(1)) == (f"tcp://{addresses[0]}", f"tcp://{addresses[1]}")
    os.close(int(listening))


def test_an_address_of_another_machine_is_refused_with_a_sentence(tmp_path: Path) -> None:
    wrong = replace(FIRST, rendezvous="tcp://192.0.2.1:0")
    with pytest.raises(BadJob, match="cannot listen on its address"):
        meeting.arrange(tmp_path, Job(job=1, kind="train", spec={}, compute=wrong))

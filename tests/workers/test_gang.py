"""The gang leader: how a gang ends, and that nothing of it stays."""

import os
import signal
from pathlib import Path

import pytest

from recipes import processes
from tests.workers import gangs

pytestmark = pytest.mark.process


def test_ranks_that_end_well_end_the_gang_with_0(tmp_path: Path) -> None:
    where = gangs.folder(tmp_path, "finish")
    assert gangs.lead(where).wait(60) == 0
    told = gangs.outcome(where)
    assert (told["exit"], told["rank"], told["signal"], told["fence"]) == (0, None, None, 3)
    assert gangs.nobody(where)


def test_a_killed_rank_stops_the_others_and_is_named(tmp_path: Path) -> None:
    where = gangs.folder(tmp_path, "work")
    leader = gangs.lead(where)
    os.kill(gangs.rank(where, 1)["pid"], signal.SIGKILL)
    assert leader.wait(60) == 1
    told = gangs.outcome(where)
    assert (told["rank"], told["signal"]) == (1, 9)
    assert told["reason"] == "Rank 1 of 2 was killed by signal 9 (SIGKILL)."
    assert gangs.nobody(where)


@pytest.mark.parametrize(
    ("do", "reason"),
    [
        ("crash", "Rank 1 of 2 crashed with signal 11 (SIGSEGV)."),
        ("error", "Rank 1 of 2 ended with exit code 1: ValueError: the reason on its last line"),
    ],
)
def test_each_way_to_fail_has_its_own_sentence(tmp_path: Path, do: str, reason: str) -> None:
    where = gangs.folder(tmp_path, ["work", do])
    assert gangs.lead(where).wait(60) == 1
    assert gangs.outcome(where)["reason"] == reason


def test_a_killed_leader_takes_its_ranks_along(tmp_path: Path) -> None:
    where = gangs.folder(tmp_path, "work")
    leader = gangs.lead(where)
    gangs.rank(where, 0), gangs.rank(where, 1)
    leader.kill()
    leader.wait(60)
    gangs.until(lambda: gangs.nobody(where), "the ranks to die with their leader")
    assert gangs.outcome(where)["exit"] is None


def test_a_stop_ends_with_143_even_when_a_rank_is_deaf(tmp_path: Path) -> None:
    where = gangs.folder(tmp_path, ["work", "deaf"])
    leader = gangs.lead(where, FIXTURE_GRACE="0.3")
    gangs.until(lambda: "deaf" in _log(where), "the rank to turn deaf")
    leader.terminate()
    assert leader.wait(60) == 143
    assert gangs.outcome(where)["reason"] == "It was stopped."
    assert gangs.nobody(where)


def test_finish_early_is_read_from_the_file(tmp_path: Path) -> None:
    where = gangs.folder(tmp_path, "work", ranks=1)
    leader = gangs.lead(where)
    gangs.until(lambda: gangs.steps(where), "a step")
    (where / "stop").write_text("finish_early")
    assert leader.wait(60) == 0


def test_a_grandchild_in_its_own_session_goes_too(tmp_path: Path) -> None:
    where = gangs.folder(tmp_path, "leaves_children", ranks=1)
    leader = gangs.lead(where)
    gangs.until(lambda: gangs.steps(where), "a step")
    grandchild = int((where / "grandchild").read_text())
    assert grandchild in [one.pid for one in processes.wearing(gangs.mark(where))]
    leader.terminate()
    assert leader.wait(60) == 143
    assert processes.look(grandchild) is None


@pytest.mark.parametrize(("do", "code"), [("work", 75), ("deaf", 143)])
def test_a_gang_whose_agent_stays_away_ends_itself(tmp_path: Path, do: str, code: int) -> None:
    where = gangs.folder(tmp_path, do, ranks=1)
    (where / "alive").touch()
    leader = gangs.lead(where, FIXTURE_DEAD_MAN="0.5", FIXTURE_GRACE="1")
    assert leader.wait(60) == code
    assert "agent was away" in gangs.outcome(where)["reason"]


def test_a_gang_that_gives_way_ends_with_75_and_no_rank_is_blamed(tmp_path: Path) -> None:
    where = gangs.folder(tmp_path, "work")
    leader = gangs.lead(where)
    gangs.until(lambda: gangs.steps(where), "a step")
    (where / "stop").write_text("yield")
    assert leader.wait(60) == 75
    told = gangs.outcome(where)
    assert (told["exit"], told["rank"], told["reason"]) == (75, None, "It gave way.")


def test_a_gang_without_an_agent_has_no_dead_man(tmp_path: Path) -> None:
    where = gangs.folder(tmp_path, "work", ranks=1)
    leader = gangs.lead(where, FIXTURE_DEAD_MAN="0.01")
    gangs.until(lambda: gangs.steps(where), "a step")
    (where / "stop").write_text("finish_early")
    assert leader.wait(60) == 0


def test_the_log_is_capped_and_keeps_what_came_first(tmp_path: Path) -> None:
    where = gangs.folder(tmp_path, "chatter", ranks=1)
    assert gangs.lead(where).wait(60) == 0
    text = (where / "log.txt").read_text()
    assert len(text) < 10 * 2**20 + 100
    assert text.startswith("rank 0 begins\n0 xxx")
    assert text.endswith("what follows is left out]\n")


def test_each_rank_has_its_devices_and_cores(tmp_path: Path) -> None:
    core = sorted(os.sched_getaffinity(0))[0]
    where = gangs.folder(
        tmp_path, "finish", device="cuda", uuids=("GPU-a", "GPU-b"), cores=(core, core)
    )
    gangs.lead(where).wait(60)
    for number in (0, 1):
        told = gangs.rank(where, number)
        assert told["environment"]["CUDA_VISIBLE_DEVICES"] == "GPU-a,GPU-b"
        assert told["environment"]["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
        assert told["cores"] == [core]
        assert told["rendezvous"].startswith("file://")


def test_simulated_devices_are_never_visible(tmp_path: Path) -> None:
    where = gangs.folder(tmp_path, "finish", uuids=("GPU-sim-1", "GPU-sim-2"), simulated=True)
    gangs.lead(where).wait(60)
    assert gangs.rank(where, 0)["environment"]["CUDA_VISIBLE_DEVICES"] == ""


def test_a_torn_job_is_told_in_a_sentence(tmp_path: Path) -> None:
    where = gangs.folder(tmp_path, "finish")
    (where / "job.json").write_text('{"job": 7,')
    assert gangs.lead(where).wait(60) == 1
    assert "is not valid JSON" in gangs.outcome(where)["reason"]


def _log(where: Path) -> str:
    path = where / "log.txt"
    return path.read_text() if path.exists() else ""

"""How an attempt ended, read from its folder: also from a folder that was torn by a crash."""

import json
from pathlib import Path
from typing import Any

import pytest

from recipes import pulse
from recipes.events import read_from
from trackside.jobs.retries import RULES
from workers.verdict import Verdict, judge


def folder(root: Path, leader: dict[str, Any] | None, *lines: dict[str, Any] | str) -> Path:
    if leader is not None:
        base = {"pid": 1, "started": 1, "fence": 3, "exit": None, "signal": None, "rank": None}
        (root / "attempt.json").write_text(json.dumps({**base, "reason": "", **leader}))
    text = [one if isinstance(one, str) else json.dumps(one) + "\n" for one in lines]
    (root / "events.jsonl").write_text("".join(text))
    return root


FINISHED = {"seq": 2, "t": 1.0, "type": "finished", "rows": 5}
FAILED = {"seq": 2, "t": 1.0, "type": "failed", "code": "bad_data", "message": "Too few images."}
CASES = [
    ({"exit": 0}, [FINISHED], "", ("finish", "")),
    ({"exit": 0}, [FINISHED], "cancel", ("finish", "")),  # it was done before it could be stopped
    ({"exit": 0}, [], "", ("fail", "The job's processes ended without a result.")),
    (
        {"exit": 0},
        ['{"type":"finished"'],
        "",
        ("fail", "The job's processes ended without a result."),
    ),
    ({"exit": 1, "rank": 0}, [FAILED], "", ("fail", "Too few images.")),
    ({"exit": 1, "rank": 1, "signal": 9, "reason": "Rank 1."}, [FAILED], "", ("fail", "Rank 1.")),
    ({"exit": 1, "reason": "Rank 0 ended."}, [], "", ("fail", "Rank 0 ended.")),
    ({"exit": 143}, [], "cancel", ("cancel", "")),
    ({"exit": None}, [], "cancel", ("cancel", "")),
    ({"exit": 143, "reason": "Away."}, [], "", ("lose", "Away.")),
    ({"exit": None}, [FINISHED], "", ("lose", "The leader of the job's processes was killed.")),
    (None, [], "", ("lose", "The leader of the job's processes was killed.")),
    (
        {"exit": 0, "fence": 2},
        [FINISHED],
        "",
        ("lose", "The leader of the job's processes was killed."),
    ),
]


@pytest.mark.parametrize(("leader", "lines", "stop", "end"), CASES)
def test_every_ending_has_one_verdict(
    tmp_path: Path, leader: Any, lines: Any, stop: str, end: tuple[str, str]
) -> None:
    verdict = judge(folder(tmp_path, leader, *lines), fence=3, stop=stop)
    assert (verdict.end, verdict.reason) == end


def test_an_agent_that_leaves_says_so(tmp_path: Path) -> None:
    verdict = judge(folder(tmp_path, {"exit": 143}), fence=3, stop="", leaving=True)
    reason = "Trackside was stopped."
    assert verdict == Verdict(end="give_way", cause="stopped", reason=reason)


@pytest.mark.parametrize("stop", ["pause", "move", "preempt", "drain"])
@pytest.mark.parametrize("code", [75, 143, None])
def test_what_ends_on_order_gives_way(tmp_path: Path, stop: str, code: int | None) -> None:
    leader = None if code is None else {"exit": code, "reason": "It gave way."}
    verdict = judge(folder(tmp_path, leader), fence=3, stop=stop)
    assert verdict == Verdict(end="give_way", cause=stop)


def test_a_gang_that_was_alone_too_long_gives_way_with_its_own_reason(tmp_path: Path) -> None:
    leader = {"exit": 75, "reason": "The node's agent was away for 10 minutes."}
    verdict = judge(folder(tmp_path, leader), fence=3, stop="")
    assert (verdict.end, verdict.cause, verdict.reason) == (
        "give_way",
        "stopped",
        "The node's agent was away for 10 minutes.",
    )


@pytest.mark.parametrize(
    ("leader", "stop"),
    [({"exit": 75, "cause": "time_limit"}, ""), ({"exit": 75}, "time_limit"), (None, "time_limit")],
)
def test_a_time_limit_is_a_failure_whoever_saw_it(
    tmp_path: Path, leader: dict[str, Any] | None, stop: str
) -> None:
    verdict = judge(folder(tmp_path, leader), fence=3, stop=stop)
    assert (verdict.end, verdict.cause) == ("fail", "time_limit")


FAILURES = [
    ({"exit": 1, "signal": 9, "cause": "rank_killed"}, "error", "rank_killed"),
    ({"exit": 1, "signal": 9, "cause": "out_of_memory"}, "error", "out_of_memory"),
    ({"exit": 1, "signal": 11, "cause": "rank_crashed"}, "error", "rank_crashed"),
    ({"exit": 1, "cause": "hung", "reason": "Rank 1 stands still."}, "error", "hung"),
    ({"exit": 1, "cause": "program"}, "error", "program"),
    ({"exit": 1, "cause": "program"}, "not_finite", "not_finite"),
    ({"exit": 1, "cause": "program"}, "disk_full", "disk_full"),
    ({"exit": 1, "cause": "program"}, "out_of_memory", "out_of_memory"),
    ({"exit": 1, "cause": "program"}, "cuda_out_of_memory", "cuda_out_of_memory"),
    ({"exit": 1, "cause": "program"}, "rendezvous", "rendezvous"),
    ({"exit": 1, "cause": "program"}, "ranks_apart", "ranks_apart"),
    ({"exit": 1, "cause": "rank_killed", "signal": 9}, "ranks_apart", "rank_killed"),
    ({"exit": 1, "cause": "program"}, "bad_job", "bad_data"),
]


@pytest.mark.parametrize(("leader", "code", "cause"), FAILURES)
def test_every_failure_has_a_cause_that_the_table_of_retries_knows(
    tmp_path: Path, leader: dict[str, Any], code: str, cause: str
) -> None:
    told = {**FAILED, "code": code, "message": "Said by a rank."}
    verdict = judge(folder(tmp_path, leader, told), fence=3, stop="")
    assert (verdict.end, verdict.cause) == ("fail", cause)
    assert cause in RULES
    if cause == "hung":
        assert verdict.reason == "Rank 1 stands still."


def test_the_step_is_the_last_one_that_a_rank_began(tmp_path: Path) -> None:
    pulse.Watcher(tmp_path, range(2), 2)
    pulse.start(tmp_path, 1)
    pulse.beat(42, pulse.LEARN)
    verdict = judge(folder(tmp_path, {"exit": 1, "signal": 11}), fence=3, stop="")
    assert verdict.step == 42


def test_the_result_is_the_event_without_its_envelope(tmp_path: Path) -> None:
    assert judge(folder(tmp_path, {"exit": 0}, FINISHED), fence=3, stop="").result == {"rows": 5}


def test_a_torn_line_waits_until_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"type":"step","step":1}\n{"type":"st')
    events, offset = read_from(path, 0)
    assert [one["type"] for one in events] == ["step"]
    with path.open("a") as out:
        out.write('ep","step":2}\n')
    events, _ = read_from(path, offset)
    assert events == [{"type": "step", "step": 2}]

"""Of several ends on several nodes, which one was the cause: told once, with the node's name."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from trackside.compute.models import Node
from trackside.jobs.models import Attempt, Follower
from workers import sweep
from workers.gathering import Gathering
from workers.verdict import Verdict, judge

KILLED = {"exit": 1, "signal": 9, "rank": 3, "reason": "Rank 3 of 4 was killed.",
          "cause": "rank_killed"}  # fmt: skip
ERROR = {"exit": 1, "signal": None, "rank": 0, "reason": "Rank 0 of 4 ended.", "cause": "program"}
HUNG = {**ERROR, "rank": 2, "reason": "Rank 2 of 4 stands still.", "cause": "hung"}
STOPPED = {"exit": 143, "signal": None, "rank": None, "reason": "It was stopped.", "cause": ""}
WELL = {"exit": 0, "signal": None, "rank": None, "reason": "", "cause": ""}


@dataclass
class Parts:
    """`east` is the first part, `west` the other; `ends` writes what their leaders told."""

    attempt: Attempt
    west: Follower

    def ends(self, east: dict[str, Any], west: dict[str, Any] | None, **row: str) -> None:
        for part, leader in ((self.attempt, east), (self.west, west)):
            folder = sweep.folder(part)
            folder.mkdir(parents=True, exist_ok=True)
            if leader is not None:
                told = {"pid": 1, "started": 1, "fence": 3, **leader}
                (folder / "attempt.json").write_text(json.dumps(told))
        for name, value in row.items():
            setattr(self.west, name, value)

    def journal(self, part: Attempt | Follower, **event: str) -> None:
        line = json.dumps({"seq": 1, "t": 1, **event}, separators=(",", ":"))
        (sweep.folder(part) / "events.jsonl").write_text(line + "\n")

    def verdict(self, stop: str = "") -> Verdict:
        own = judge(sweep.folder(self.attempt), fence=3, stop=stop)
        return Gathering(self.attempt, waits=False, parts=[self.west]).verdict(own)


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Parts:
    monkeypatch.setattr(settings, "TRACKSIDE_STORAGE", tmp_path)
    attempt = Attempt(pk=1, job_id=7, fence=3, folder="jobs/7/a3", node=Node(pk=1, name="east"))
    west = Follower(attempt=attempt, node=Node(pk=2, name="west"), position=1, state="over")
    return Parts(attempt, west)


CONNECTION = {"type": "failed", "code": "error", "message": "Another rank ended without a word."}


@pytest.mark.parametrize(("west", "cause"), [(KILLED, "rank_killed"), (HUNG, "hung")])
def test_a_killed_or_hung_rank_is_the_cause_of_what_the_others_complain_about(
    parts: Parts, west: dict[str, Any], cause: str
) -> None:
    parts.ends(ERROR, west, exit="1", reason="On west: it.")
    parts.journal(parts.attempt, **CONNECTION)
    found = parts.verdict()
    assert (found.end, found.cause) == ("fail", cause)
    assert found.reason == f"On west: {west['reason']}"


def test_of_two_errors_the_one_that_was_told_first_is_the_cause(parts: Parts) -> None:
    parts.ends(ERROR, ERROR, exit="1", reason="On west: it.")
    parts.journal(parts.attempt, type="failed", code="error", message="The east's own error.")
    assert parts.verdict().reason == "On east: The east's own error."
    (sweep.folder(parts.attempt) / "events.jsonl").unlink()
    parts.journal(parts.west, type="failed", code="error", message="The west's own error.")
    assert parts.verdict().reason == "On west: The west's own error."


def test_what_lies_in_the_job_is_told_without_a_node(parts: Parts) -> None:
    parts.ends(STOPPED, ERROR, exit="1", reason="On west: it.")
    parts.journal(parts.west, type="failed", code="bad_data", message="There is one class only.")
    found = parts.verdict()
    assert (found.end, found.cause, found.reason) == (
        "fail", "bad_data", "There is one class only.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("row", "cause", "reason"),
    [
        ({"state": "going"}, "node_lost", "west has not been heard from."),
        ({"exit": "lost", "reason": "On west: killed."}, "leader_killed", "On west: killed."),
        ({"exit": "reboot", "reason": "west was restarted."}, "reboot", "west was restarted."),
        ({"exit": "launch", "reason": "On west: no disk."}, "rendezvous", "On west: no disk."),
    ],
)
def test_a_machine_that_was_lost_is_a_loss_whatever_the_ranks_elsewhere_say(
    parts: Parts, row: dict[str, str], cause: str, reason: str
) -> None:
    parts.ends(ERROR, None, **row)
    parts.journal(parts.attempt, **CONNECTION)
    found = parts.verdict()
    assert (found.end, found.cause, found.reason) == ("lose", cause, reason)


def test_who_takes_too_much_of_a_shared_card_elsewhere_fails_the_job(parts: Parts) -> None:
    parts.ends(ERROR, {**KILLED}, exit="over_budget", reason="On west: It used 12.0 GiB of GPU 0.")
    parts.journal(parts.attempt, **CONNECTION)
    found = parts.verdict()
    assert (found.end, found.cause) == ("fail", "over_budget")
    assert found.reason == "On west: It used 12.0 GiB of GPU 0."


def test_a_cancel_and_a_result_are_the_first_parts_word(parts: Parts) -> None:
    parts.ends(STOPPED, None, exit="killed")
    assert parts.verdict(stop="cancel").end == "cancel"
    parts.ends(WELL, KILLED, exit="1", reason="On west: it.")
    parts.journal(parts.attempt, type="finished")
    assert parts.verdict().end == "finish"

"""How an attempt ended, from what its folder says. Pure, but for reading the folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from recipes import pulse
from recipes.events import read_from
from recipes.job import STOPPED, YIELDED
from trackside.jobs.retries import ORDERS, TIME_LIMIT

End = Literal["finish", "fail", "cancel", "lose", "give_way"]
# What a rank says of its own end, in the words of jobs/retries.py.
CAUSES = {
    "out_of_memory": "out_of_memory",
    "cuda_out_of_memory": "cuda_out_of_memory",
    "not_finite": "not_finite",
    "disk_full": "disk_full",
    "bad_data": "bad_data",
    "bad_job": "bad_data",
    "rendezvous": "rendezvous",
    "ranks_apart": "ranks_apart",
}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`step` is the last one that a rank began, None where none was marked."""

    end: End
    reason: str = ""
    exit: str = ""
    cause: str = ""
    step: int | None = None
    result: dict[str, Any] | None = None


def told(folder: Path) -> dict[str, Any]:
    """What the leader wrote, empty when it wrote nothing."""
    try:
        answer = json.loads((folder / "attempt.json").read_text())
    except (OSError, ValueError):
        return {}
    return answer if isinstance(answer, dict) else {}


def judge(folder: Path, *, fence: int, stop: str, leaving: bool = False) -> Verdict:
    """`stop` is what was asked for; `leaving`: this agent ended the gang as it stops itself."""
    leader = told(folder)
    code = leader.get("exit") if leader.get("fence") == fence else None
    last = last_words(folder)
    if code == 0 and "finished" in last:
        result = {k: v for k, v in last["finished"].items() if k not in ("seq", "t", "type")}
        return Verdict(end="finish", exit="0", result=result)
    if stop == "cancel":
        return Verdict(end="cancel", exit=str(STOPPED if code is None else code))
    if code in (YIELDED, STOPPED, None):
        return _ended(leader, code, stop, leaving=leaving, step=pulse.last_step(folder))
    return Verdict(
        end="fail",
        exit=_exit(leader),
        reason=_why(leader, last),
        cause=_cause(leader, last),
        step=pulse.last_step(folder),
    )


def _ended(
    leader: dict[str, Any], code: int | None, stop: str, *, leaving: bool, step: int | None
) -> Verdict:
    """On order, or by somebody who is not us."""
    said = str(leader.get("reason") or "") if code is not None else ""
    if stop == TIME_LIMIT or (code is not None and leader.get("cause") == TIME_LIMIT):
        reason = "It has run as long as it may."
        return Verdict(end="fail", exit=TIME_LIMIT, reason=reason, cause=TIME_LIMIT, step=step)
    if stop in ORDERS:
        return Verdict(end="give_way", cause=stop, step=step)
    if leaving:
        return Verdict(end="give_way", cause="stopped", reason="Trackside was stopped.", step=step)
    if code == YIELDED:
        reason = said or "It gave way."
        return Verdict(end="give_way", cause="stopped", reason=reason, step=step)
    reason = said or "The leader of the job's processes was killed."
    return Verdict(end="lose", cause="leader_killed", reason=reason, step=step)


def _exit(leader: dict[str, Any]) -> str:
    signal = leader.get("signal")
    return f"signal {signal}" if signal else str(leader.get("exit"))


def _why(leader: dict[str, Any], last: dict[str, dict[str, Any]]) -> str:
    """A rank that was killed, or stands still, is the cause of what the others complained about."""
    message = str(last.get("failed", {}).get("message") or "")
    reason = str(leader.get("reason") or "")
    if leader.get("exit") == 0:
        return "The job's processes ended without a result."
    if leader.get("signal") or leader.get("cause") == "hung":
        return reason
    return message or reason or "The job's processes ended with an error."


def _cause(leader: dict[str, Any], last: dict[str, dict[str, Any]]) -> str:
    said = str(leader.get("cause") or "")
    if said not in ("", "program"):
        return said
    return CAUSES.get(str(last.get("failed", {}).get("code") or ""), "program")


def last_words(folder: Path) -> dict[str, dict[str, Any]]:
    """The last event of each type that ends a job."""
    events, _ = read_from(folder / "events.jsonl", 0)
    ends = ("finished", "failed")
    return {one["type"]: one for one in events if one.get("type") in ends}

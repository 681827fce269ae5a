"""How an attempt ended, from what its folder says. Pure, but for reading the folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from recipes.events import read_from

STOPPED = 143
End = Literal["finish", "fail", "cancel", "lose", "give_back"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    end: End
    reason: str = ""
    exit: str = ""
    cause: str = ""  # jobs/retries.py
    result: dict[str, Any] | None = None


def told(folder: Path) -> dict[str, Any]:
    """What the leader wrote, empty when it wrote nothing."""
    try:
        answer = json.loads((folder / "attempt.json").read_text())
    except (OSError, ValueError):
        return {}
    return answer if isinstance(answer, dict) else {}


def judge(folder: Path, *, fence: int, stop: str, leaving: bool = False) -> Verdict:
    """`stop` is what a user asked for; `leaving`: this agent ended the gang as it stops itself."""
    leader = told(folder)
    code = leader.get("exit") if leader.get("fence") == fence else None
    last = _last(folder)
    if code == 0 and "finished" in last:
        result = {k: v for k, v in last["finished"].items() if k not in ("seq", "t", "type")}
        return Verdict(end="finish", exit="0", result=result)
    if stop == "cancel":
        return Verdict(end="cancel", exit=str(STOPPED if code is None else code))
    if leaving:
        return Verdict(end="give_back", reason="Trackside was stopped.")
    if code is None:
        return Verdict(end="lose", reason="The leader of the job's processes was killed.")
    if code == STOPPED:
        return Verdict(end="lose", reason=str(leader.get("reason") or "It was stopped."))
    return Verdict(end="fail", exit=_exit(leader), reason=_why(leader, last))


def _exit(leader: dict[str, Any]) -> str:
    signal = leader.get("signal")
    return f"signal {signal}" if signal else str(leader.get("exit"))


def _why(leader: dict[str, Any], last: dict[str, dict[str, Any]]) -> str:
    """A rank that was killed is the cause of what the others then complained about."""
    message = str(last.get("failed", {}).get("message") or "")
    reason = str(leader.get("reason") or "")
    if leader.get("exit") == 0:
        return "The job's processes ended without a result."
    if leader.get("signal"):
        return reason
    return message or reason or "The job's processes ended with an error."


def _last(folder: Path) -> dict[str, dict[str, Any]]:
    """The last event of each type that ends a job."""
    events, _ = read_from(folder / "events.jsonl", 0)
    ends = ("finished", "failed")
    return {one["type"]: one for one in events if one.get("type") in ends}

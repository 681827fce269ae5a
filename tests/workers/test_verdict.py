"""How an attempt ended, read from its folder: also from a folder that was torn by a crash."""

import json
from pathlib import Path
from typing import Any

import pytest

from recipes.events import read_from
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
    assert verdict == Verdict(end="give_back", reason="Trackside was stopped.")


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

"""Job folders and leaders for the tests of the gang, and the proof that nothing stays behind."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from recipes import job as jobs
from recipes import processes

RANKS = Path(__file__).with_name("fixture_ranks.py")


def folder(root: Path, do: str | list[str], *, ranks: int = 2, **compute: Any) -> Path:
    """A job folder whose ranks do as they are told."""
    where = root / "jobs" / "7" / "a3"
    spec = {"do": do}
    asked = jobs.Compute(ranks=ranks, **compute)
    jobs.write(where, jobs.Job(job=7, kind="train", spec=spec, fence=3, compute=asked))
    return where


def lead(where: Path, **environment: str) -> "subprocess.Popen[bytes]":
    """A cold leader in its own session."""
    return subprocess.Popen(
        [sys.executable, str(RANKS), "lead", str(where)],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def until(true: Callable[[], Any], what: str, seconds: float = 300) -> Any:
    """Wait for it; the limit only keeps a broken test from hanging."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = true()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError(f"Waited in vain for {what}.")


def rank(where: Path, number: int) -> dict[str, Any]:
    """What a rank said about itself when it began."""
    path = where / f"rank{number}.json"

    def told() -> dict[str, Any] | None:
        try:
            return dict(json.loads(path.read_text()))
        except (FileNotFoundError, ValueError):
            return None

    return dict(until(told, f"rank {number} to begin"))


def steps(where: Path) -> bool:
    """Whether rank 0 has written its first step."""
    path = where / "events.jsonl"
    return path.exists() and '"type":"step"' in path.read_text()


def outcome(where: Path) -> dict[str, Any]:
    return dict(json.loads((where / "attempt.json").read_text()))


def mark(where: Path) -> str:
    return processes.tag(7, 3, where)


def nobody(where: Path) -> bool:
    """No live process wears the tag of this folder; zombies do not count."""
    return not processes.wearing(mark(where))

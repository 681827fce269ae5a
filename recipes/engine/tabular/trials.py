"""The trials of a search, and where they are kept while the search is paused.

A checkpoint of a search lies where those of other trainings do: `t0012` holds what twelve trials
came to.
"""

import json
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from recipes.engine import checkpoint
from recipes.engine.checkpoint import Damaged
from recipes.events import Journal, finite

FILE = "trials.jsonl"
EACH = 5.0  # seconds between two checkpoints: a quick trial is tried again sooner than written


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What came of some params. `value` is null unless it is done."""

    number: int  # from 1
    params: dict[str, Any]  # only those that are searched
    value: float | None
    state: str  # done, pruned or failed
    seconds: float
    reason: str = ""
    steps: list[float] = field(default_factory=list)  # the mean so far after each of its folds


class Kept:
    """Checkpoints of the trials: all ranks call it, and rank 0 writes."""

    def __init__(self, folder: Path, journal: Journal, rank: int) -> None:
        self._home, self._journal, self._rank = folder / "checkpoints", journal, rank
        self._at = time.monotonic()
        self._held = 0  # trials in the newest one

    def find(self) -> list[Trial]:
        """What the newest whole one holds; nothing where there is none."""
        names = checkpoint.names(self._home)
        for name in names:
            try:
                trials = _read(self._home / name)
            except Damaged as why:
                text = f"The checkpoint after trial {int(name[1:5])} is not used: {why}."
                self._journal.write("note", level="warning", text=text)
                continue
            self._held = len(trials)
            text = f"The search goes on after trial {len(trials)}; what ran then begins anew."
            self._journal.write("note", level="info", text=text)
            return trials
        return []

    def save(self, trials: list[Trial], *, now: bool) -> None:
        """Write one; unless `now`, only if the last one was a while ago."""
        if (
            self._rank
            or len(trials) == self._held
            or not (now or time.monotonic() - self._at >= EACH)
        ):
            return
        lines = "".join(json.dumps(finite(asdict(one))) + "\n" for one in trials)
        fill = partial(checkpoint.sign, files={FILE: lines.encode()}, there={})
        self._at = time.monotonic()
        try:
            written = checkpoint.put(self._home, f"t{len(trials):04d}", fill)
        except OSError as problem:
            text = f"The trials could not be kept for a pause: {problem.strerror or problem}."
            self._journal.write("note", level="warning", text=text)
            return
        self._held = len(trials)
        self._journal.write(
            "checkpoint",
            epoch=len(trials),
            step=0,
            path=str(written.path),
            sha256=written.sha256,
            bytes=written.bytes,
            kept=written.kept,
        )


def _read(place: Path) -> list[Trial]:
    try:
        lines = checkpoint.contents(place)[FILE].decode().splitlines()
        return [Trial(**json.loads(line)) for line in lines]
    except (KeyError, ValueError, TypeError) as wrong:
        raise Damaged(f"it cannot be read: {wrong}") from None

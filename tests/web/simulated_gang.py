"""The processes of one part of an attempt, as far as files and signals tell of them."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipes.events import Journal
from recipes.job import YIELDED


@dataclass
class Gang:
    """The processes of one part of an attempt: alive, or over with an exit that its leader told."""

    pid: int
    folder: Path
    job: int
    fence: int
    uuids: tuple[str, ...]
    tag: str
    first: bool  # it has rank 0, which writes the journal
    nodes: int  # on which the job runs
    alive: bool = True
    signalled: bool = False

    def tell(self, code: int | None) -> None:
        told = {"pid": self.pid, "started": 1, "fence": self.fence, "exit": code, "signal": None}
        words = {"rank": None, "reason": "It broke." if code == 1 else ""}
        if self.first and self.nodes > 1:
            words["address"] = "10.0.0.1:5000"
        (self.folder / "attempt.json").write_text(json.dumps({**told, **words}))

    def write(self, type: str, /, **data: Any) -> None:  # noqa: A002
        journal = Journal(self.folder)
        journal.write(type, **data)
        journal.close()

    def end(self, code: int | None) -> None:
        """None: killed before it could tell."""
        if self.alive:
            if code is not None:
                self.tell(code)
            self.alive = False

    def obey(self) -> None:
        """What a gang does when it is asked to stop."""
        word = (self.folder / "stop").read_text() if (self.folder / "stop").exists() else ""
        if self.signalled or word == "cancel":
            self.end(143)
        elif word == "yield":
            self.end(YIELDED)

    def keep(self) -> None:
        """A checkpoint, whole on disk and told."""
        place = self.folder / "checkpoints" / "e0001"
        place.mkdir(parents=True, exist_ok=True)
        (place / "manifest.json").write_text("{}")
        sha256 = hashlib.sha256(b"{}").hexdigest()
        self.write("checkpoint", epoch=1, step=0, path=str(place), sha256=sha256, bytes=2)

    def succeed(self) -> None:
        if self.first:
            bundle = self.folder / "bundle"
            bundle.mkdir(exist_ok=True)
            (bundle / "model.json").write_text("{}")
            self.write("finished", bundle="bundle", metrics={"accuracy": 1.0})
        self.end(0)

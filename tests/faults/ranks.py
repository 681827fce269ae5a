"""Light ranks: a training whose outcome is known beforehand, without torch.

Each step hashes the one before it, so that the score tells whether every step was done once and in
order, through whatever happened meanwhile. `TRACKSIDE_HOME/orders/hold` keeps them at work.
"""

import hashlib
import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

from recipes import crash
from recipes.events import Journal
from recipes.job import YIELDED, Job, read, wanted_stop, write_whole

STEPS = 8  # an epoch
PACE = 0.02  # seconds a step


def score(seed: int, epochs: int) -> float:
    """What a training of that many epochs ends with."""
    state = begin(seed)
    for step in range(epochs * STEPS):
        state = advance(state, step)
    return number(state)


def begin(seed: int) -> str:
    return hashlib.sha256(str(seed).encode()).hexdigest()


def advance(state: str, step: int) -> str:
    return hashlib.sha256(f"{state} {step}".encode()).hexdigest()


def number(state: str) -> float:
    return int(state[:12], 16) / 16**12


def run(folder: Path, *, rank: int, world: int, **_rest: Any) -> int:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    folder = Path(folder)
    job = read(folder)
    crash.point("rank.began")
    print(f"rank {rank} of {world} begins", flush=True)
    if rank:
        return _accompany(folder)
    return _Training(folder, job, world).run()


def _accompany(folder: Path) -> int:
    """As long as rank 0 works."""
    while not (folder / "done").exists():
        if wanted_stop(folder) == "yield":
            return YIELDED
        time.sleep(PACE)
    return 0


class _Training:
    def __init__(self, folder: Path, job: Job, world: int) -> None:
        self.folder, self.job = folder, job
        self.epochs = int(job.spec["training"]["epochs"])
        self.journal = Journal(folder)
        self.epoch, self.state = 0, begin(job.seed)
        self.journal.write("started", device="light", ranks=world, threads=1, precision="fp32")
        orders = Path(os.environ["TRACKSIDE_HOME"]) / "orders"
        self.holds = [orders / "hold", orders / f"hold-{job.job}"]

    def run(self) -> int:
        self._resume()
        while self.epoch < self.epochs:
            for step in range(STEPS):
                if self._wait() == "yield":
                    self.journal.write("note", level="info", text="Gives way.")
                    return YIELDED  # the last whole epoch counts
                self._step(self.epoch * STEPS + step)
            self.epoch += 1
            self.journal.write("epoch", epoch=self.epoch, train_loss=number(self.state),
                               val_loss=None, metrics={}, best=True, seconds=0.1,
                               train_seconds=0.1)  # fmt: skip
            self._keep()
            if wanted_stop(self.folder) == "finish_early":
                break
        self._finish()
        return 0

    def _wait(self) -> str:
        """Held as long as the test says; tells now and then that it lives."""
        told = time.monotonic()
        while any(one.exists() for one in self.holds):
            word = wanted_stop(self.folder)
            if word in ("yield", "finish_early"):
                return word
            if time.monotonic() - told > 0.2:
                told = time.monotonic()
                self.journal.write("progress", done=self.epoch, of=self.epochs, unit="epoch",
                                   eta=None)  # fmt: skip
            time.sleep(PACE)
        return wanted_stop(self.folder)

    def _step(self, step: int) -> None:
        crash.point("rank.step")
        self.state = advance(self.state, step)
        self.journal.write("step", epoch=step / STEPS, step=step + 1, loss=number(self.state),
                           lr=0.1, rate=9, wait=0)  # fmt: skip
        time.sleep(PACE)

    def _keep(self) -> None:
        home = self.folder / "checkpoints"
        place = home / f"e{self.epoch:04d}"
        draft = home / f".{place.name}"
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(place, ignore_errors=True)
        draft.mkdir(parents=True)
        body = json.dumps({"epoch": self.epoch, "state": self.state})
        write_whole(draft / "info.json", body)
        manifest = json.dumps({"info.json": hashlib.sha256(body.encode()).hexdigest()})
        write_whole(draft / "manifest.json", manifest)
        crash.point("rank.checkpoint.written")
        draft.rename(place)
        crash.point("rank.checkpoint.renamed")
        self.journal.write("checkpoint", epoch=self.epoch, step=0, path=str(place),
                           sha256=hashlib.sha256(manifest.encode()).hexdigest(),
                           bytes=len(body) + len(manifest))  # fmt: skip

    def _resume(self) -> None:
        for place in sorted((self.folder / "checkpoints").glob("e*"), reverse=True):
            try:
                hashes = json.loads((place / "manifest.json").read_text())
                body = (place / "info.json").read_bytes()
            except (OSError, ValueError):
                continue
            if hashes["info.json"] == hashlib.sha256(body).hexdigest():
                found = json.loads(body)
                self.epoch, self.state = found["epoch"], found["state"]
                text = f"Goes on after epoch {self.epoch}, from its checkpoint."
                self.journal.write("note", level="info", text=text)
                return

    def _finish(self) -> None:
        draft, place = self.folder / ".bundle", self.folder / "bundle"
        for old in (draft, place):
            shutil.rmtree(old, ignore_errors=True)
        draft.mkdir()
        (draft / "weights.safetensors").write_text(self.state)
        hashes = {"weights.safetensors": hashlib.sha256(self.state.encode()).hexdigest()}
        (draft / "model.json").write_text(json.dumps({"version": 1, "sha256": hashes}))
        crash.point("rank.bundle.written")
        draft.rename(place)
        crash.point("rank.bundle.renamed")
        done = number(self.state)
        self.journal.write("finished", bundle="bundle", metric="accuracy", score=done,
                           metrics={"accuracy": done, "epochs": self.epoch}, facts={})  # fmt: skip
        crash.point("rank.finished")
        (self.folder / "done").touch()

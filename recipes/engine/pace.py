"""How fast a training goes: `step` and `progress` events, at most four a second."""

import time
from collections.abc import Iterator
from typing import TypeVar

from recipes.engine.peers import Peers
from recipes.events import Journal

PAUSE = 0.25

Batch = TypeVar("Batch")


class Pace:
    """Counts pictures and the time spent waiting for them."""

    def __init__(self, journal: Journal, peers: Peers, epochs: int, before: int) -> None:
        self._journal = journal
        self._world = peers.world
        self._epochs = epochs
        self._before = {"before": before} if before else {}
        self._told = 0.0
        self._pictures = 0
        self._waited = 0.0
        self._began = time.monotonic()
        self._first: tuple[float, float] | None = None
        self.first_step = 0.0  # Unix time
        self.pictures = 0  # of all ranks
        self.seconds = 0.0  # spent in steps

    def timed(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The same batches; the time that they let us wait is counted."""
        entered = time.monotonic()
        asked = entered
        try:
            for batch in batches:
                self._waited += time.monotonic() - asked
                yield batch
                asked = time.monotonic()
        finally:  # a training that is finished early leaves in the middle
            self.seconds += time.monotonic() - entered

    def did(self, pictures: int) -> None:
        self._pictures += pictures * self._world
        self.pictures += pictures * self._world
        self.first_step = self.first_step or time.time()

    def due(self) -> bool:
        return time.monotonic() - self._told >= PAUSE

    def tell(self, *, done: float, step: int, loss: float, lr: float) -> None:
        """Write `step` and `progress`. `done` counts epochs and their parts."""
        now = time.monotonic()
        since = max(now - (self._told or self._began), 1e-9)
        self._journal.write(
            "step",
            epoch=round(done, 4),
            step=step,
            loss=loss,
            lr=lr,
            rate=round(self._pictures / since, 1),
            wait=round(100 * min(1.0, self._waited / since), 1),
        )
        self._first = self._first or (now, done)
        self._journal.write(
            "progress",
            done=round(done, 3),
            of=self._epochs,
            unit="epoch",
            eta=self._eta(now, done),
            **self._before,
        )
        self._told, self._pictures, self._waited = now, 0, 0.0

    def gap(self, done: float, step: int) -> None:
        """A step whose loss is no number: the chart shows a gap there."""
        self._journal.write("step", epoch=round(done, 4), step=step, loss=None)

    def _eta(self, now: float, done: float) -> float | None:
        """Seconds to the last epoch at the pace so far, validation included."""
        began, first = self._first or (now, done)
        if done - first < 1e-6:
            return None
        return round((now - began) / (done - first) * max(0.0, self._epochs - done), 1)


class Count:
    """`progress` events over pictures or rows, at most two a second. Other ranks count as fast."""

    def __init__(self, journal: Journal, world: int, of: int, *, unit: str) -> None:
        self._journal = journal
        self._world = world
        self._of = of
        self._unit = unit
        self._done = 0
        self._began = self._told = time.monotonic()

    def add(self, pictures: int) -> None:
        self._done = min(self._of, self._done + pictures * self._world)
        now = time.monotonic()
        if now - self._told < 2 * PAUSE and self._done < self._of:
            return
        self._told = now
        left = (now - self._began) / self._done * (self._of - self._done)
        self._journal.write(
            "progress", done=self._done, of=self._of, unit=self._unit, eta=round(left, 1)
        )

"""Hears the doorbells: a Celery worker in a thread of the agent.

Four threads, one queue, nothing chatty. What it misses, the poll finds: so its end is never waited
for, and signals stay with the agent.
"""

import logging
import threading
import time
from collections.abc import Callable
from time import monotonic

from django.db import close_old_connections

from trackside.compute.services import queue_of
from trackside.jobs import broker
from workers.app import WorkController, app
from workers.jobs import ears

PAUSE = 2.0
LATE = 0.5  # seconds: a doorbell takes milliseconds, the poll looks every second
MISSED = 3
log = logging.getLogger(__name__)


class Doorbells:
    """Calls `start` with the number of an attempt, and `poke`, each in a thread of Celery's."""

    def __init__(self, node: str, start: Callable[[int], None], poke: Callable[[], None]) -> None:
        self.node = node
        self._life = 0  # of the worker that is to listen; an older one ends
        self._missed = 0
        self._worker: WorkController | None = None
        ears.start, ears.poke = _closing(start), poke

    def start(self) -> None:
        self._life += 1
        run = threading.Thread(target=self._run, args=(self._life,), name="doorbells", daemon=True)
        run.start()

    def missed(self, age: float) -> bool:
        """The poll found work that a doorbell should have told `age` seconds ago.

        After MISSED times a worker that hears nothing from a broker that answers is replaced: True.
        """
        if age < LATE:
            return False
        if ears.rang is not None and monotonic() - ears.rang < age:
            self._missed = 0
            return False
        self._missed += 1
        if self._missed < MISSED or not broker.answers():
            return False
        log.warning("No doorbell was heard for work that the poll found; listening anew.")
        self._missed = 0
        self._end_worker()
        self.start()
        return True

    def _run(self, life: int) -> None:
        while life == self._life:
            try:
                self._worker = WorkController(
                    app=app,
                    hostname=f"agent@{self.node}",
                    pool_cls="threads",
                    concurrency=4,
                    queues=[queue_of(self.node)],
                    without_gossip=True,
                    without_mingle=True,
                    without_heartbeat=True,
                )
                self._worker.start()
            except Exception:
                log.exception("The doorbells are out of order; the poll goes on.")
            if life == self._life:
                time.sleep(PAUSE)

    def stop(self) -> None:
        """Hear no more. The thread may be waiting for the broker; the process does not."""
        self._life += 1
        ears.start, ears.poke = (lambda _attempt: None), (lambda: None)
        self._end_worker()

    def _end_worker(self) -> None:
        """It may be deaf for good: nobody waits for it, and hearing twice does no harm."""
        if self._worker is not None:
            threading.Thread(target=self._worker.stop, daemon=True).start()


def _closing(start: Callable[[int], None]) -> Callable[[int], None]:
    """Celery's threads live long: a broken database connection must not stay in one."""

    def act(attempt: int) -> None:
        close_old_connections()
        try:
            start(attempt)
        finally:
            close_old_connections()

    return act

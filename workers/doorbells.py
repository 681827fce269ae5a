"""Hears the doorbells: a Celery worker in a thread of the agent.

Four threads, one queue, nothing chatty. What it misses, the poll finds: so its end is never waited
for, and signals stay with the agent.
"""

import logging
import threading
import time
from collections.abc import Callable

from django.db import close_old_connections

from trackside.compute.services import queue_of
from workers.app import WorkController, app
from workers.jobs import ears

PAUSE = 2.0
log = logging.getLogger(__name__)


class Doorbells:
    """Calls `start` with the number of an attempt, and `poke`, each in a thread of Celery's."""

    def __init__(self, node: str, start: Callable[[int], None], poke: Callable[[], None]) -> None:
        self.node = node
        self._over = False
        self._worker: WorkController | None = None
        ears.start, ears.poke = _closing(start), poke
        self._thread = threading.Thread(target=self._run, name="doorbells", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        while not self._over:
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
            if not self._over:
                time.sleep(PAUSE)

    def stop(self) -> None:
        """Hear no more. The thread may be waiting for the broker; the process does not."""
        self._over = True
        ears.start, ears.poke = (lambda _attempt: None), (lambda: None)
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

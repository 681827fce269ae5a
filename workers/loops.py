"""Threads that do one thing again and again, and outlive a database that is away."""

import logging
import threading
from collections.abc import Callable

from django.db import DatabaseError, close_old_connections, connection

log = logging.getLogger(__name__)


class Loop:
    """Calls `act` every `every` seconds, at once after `wake`, until `stop`."""

    def __init__(self, name: str, act: Callable[[], None], every: float) -> None:
        self._act, self._every = act, every
        self._bell, self._over = threading.Event(), threading.Event()
        self._failing = False
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self.thread.start()

    def wake(self) -> None:
        self._bell.set()

    def stop(self) -> None:
        """Returns when the round that was going on is done."""
        self._over.set()
        self._bell.set()
        if self.thread.is_alive():
            self.thread.join(10)

    def _run(self) -> None:
        while not self._over.is_set():
            safely(self._once)
            self._bell.wait(self._every)
            self._bell.clear()
        connection.close()

    def _once(self) -> None:
        try:
            self._act()
            if self._failing:
                log.info("%s: the database answers again.", self.thread.name)
            self._failing = False
        except DatabaseError as problem:
            if not self._failing:
                log.warning("%s: the database does not answer (%s).", self.thread.name, problem)
            self._failing = True


def safely(act: Callable[[], None]) -> None:
    """One round must not end its thread: what it raised is logged, and the next round comes."""
    close_old_connections()
    try:
        act()
    except Exception:
        log.exception("A round of %s failed.", threading.current_thread().name)
    finally:
        close_old_connections()

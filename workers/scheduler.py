"""The scheduler: `python -m workers.scheduler`. Any number may run: every write is guarded.

A click places itself, and so does a device that comes free; this is the slow twin of both, and the
only one who notices what did not happen: an attempt nobody claimed, a lease nobody renewed.
"""

import logging
import os
import signal
import sys
import threading
import time
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "trackside.config.settings")
django.setup()

from django.db import DatabaseError, close_old_connections  # noqa: E402

from trackside.compute import clock  # noqa: E402
from trackside.compute.services import age  # noqa: E402
from trackside.jobs import services  # noqa: E402
from trackside.jobs.attempts import LEASE  # noqa: E402

EVERY = 1.0
log = logging.getLogger("workers.scheduler")


class Scheduler:
    """One pass a second. Leases are reaped only by who has watched for as long as a lease lasts:
    after an outage of the database, or a pause of this machine, the agents get time to renew."""

    def __init__(self, trust_after: timedelta = LEASE) -> None:
        self._trust_after = trust_after.total_seconds()
        self._watching_since = self._last = time.monotonic()

    def step(self) -> None:
        """Raises DatabaseError."""
        before, self._last = self._last, time.monotonic()
        if self._last - before > 10 * EVERY:
            self._watching_since = self._last
        now = clock.now()
        try:
            age(now)
            services.expire(now)
            services.end_overdue(now)
            if self._last - self._watching_since > self._trust_after:
                services.reap(now)
            services.schedule(now)
        except DatabaseError:
            self._watching_since = time.monotonic()
            raise


def main() -> int:
    """Until SIGTERM or SIGINT."""
    over = threading.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: over.set())
    scheduler, failing = Scheduler(), False
    while not over.is_set():
        close_old_connections()
        try:
            scheduler.step()
            failing = False
        except DatabaseError as problem:
            if not failing:
                log.warning("The database does not answer: %s", problem)
            failing = True
        except Exception:
            log.exception("A pass failed.")
        over.wait(EVERY)
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)

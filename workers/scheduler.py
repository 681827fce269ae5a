"""The scheduler: `python -m workers.scheduler`. Any number may run; one leads, all are ready to.

A click places itself, and so does a device that comes free, on a small site; on a large one they
ring here. Only the leader makes jobs give way, looks at the whole queue, and notices what did not
happen: an attempt nobody claimed, a lease nobody renewed, a job that runs too long.
"""

import logging
import os
import signal
import socket
import sys
import threading
import time
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "trackside.config.settings")
django.setup()

import redis  # noqa: E402
from django.db import DatabaseError, close_old_connections  # noqa: E402

from recipes import crash  # noqa: E402
from trackside.compute import clock, usage  # noqa: E402
from trackside.compute.services import age  # noqa: E402
from trackside.jobs import bell, broker, services  # noqa: E402
from trackside.jobs.attempts import LEASE  # noqa: E402
from trackside.jobs.backlog import Backlog  # noqa: E402
from trackside.jobs.leading import SCHEDULER, lead, resign  # noqa: E402
from trackside.jobs.passes import look  # noqa: E402

EVERY = 1.0
SETTLE_EVERY = 60.0
REST = 10  # a look at the whole queue is followed by ten times as long without one
DEAF_FOR = 15  # seconds without a sign of life from the broker
log = logging.getLogger("workers.scheduler")


class Scheduler:
    """Leases are reaped only by who has watched for as long as a lease lasts: after an outage of
    the database, or a pause of this machine, the agents get time to renew."""

    def __init__(self, trust_after: timedelta = LEASE) -> None:
        self.holder = f"{socket.gethostname()}/{os.getpid()}"
        self._trust_after = trust_after.total_seconds()
        self._watching_since = self._last = time.monotonic()
        self._backlog = Backlog()
        self._whole_at = self._settled_at = 0.0
        self._leads = False

    def step(self, *, rung: bool = False) -> None:
        """What is due; `rung`: something has happened to the queue. Raises DatabaseError."""
        before, self._last = self._last, time.monotonic()
        if self._last - before > 10 * EVERY:
            self._watching_since = self._last
        try:
            if self._lead():
                self._notice()
                self._place(rung)
                self._settle()
        except DatabaseError:
            self._watching_since = time.monotonic()
            raise

    def end(self) -> None:
        """The next one leads at once. Raises DatabaseError."""
        if self._leads:
            resign(SCHEDULER, self.holder, clock.now())

    def _lead(self) -> bool:
        leads = lead(SCHEDULER, self.holder, clock.now())
        if leads != self._leads:
            log.info("%s %s.", self.holder, "leads" if leads else "stands by")
            self._whole_at = 0.0
        self._leads = leads
        return leads

    def _notice(self) -> None:
        now = clock.now()
        age(now)
        services.expire(now)
        services.end_overdue(now)
        if self._last - self._watching_since > self._trust_after:
            services.reap(now)
        crash.point("scheduler.noticed")

    def _place(self, rung: bool) -> None:
        """The whole queue now and then; what a bell announces is looked for at its beginning."""
        begin = time.monotonic()
        whole = begin >= self._whole_at
        if not whole and not rung:
            return
        look(clock.now(), self._backlog, whole=whole)
        if whole:
            self._whole_at = time.monotonic() + REST * (time.monotonic() - begin)

    def _settle(self) -> None:
        if time.monotonic() - self._settled_at >= SETTLE_EVERY:
            self._settled_at = time.monotonic()
            usage.settle_all(clock.now())


class Ear(threading.Thread):
    """Hears the scheduler's bell. While the broker is away there is a look every second anyway."""

    def __init__(self, woken: threading.Event) -> None:
        super().__init__(name="bell", daemon=True)
        self._woken = woken
        self.rung = threading.Event()

    def run(self) -> None:
        pause = EVERY
        while True:
            try:
                self._listen()
            except (redis.RedisError, OSError):
                time.sleep(pause)
                pause = min(pause * 2, 10 * EVERY)
            else:
                pause = EVERY

    def _listen(self) -> None:
        client = redis.Redis.from_url(
            broker.redis_url(),
            socket_connect_timeout=2,
            socket_timeout=DEAF_FOR,
            health_check_interval=DEAF_FOR,
        )
        with client, client.pubsub(ignore_subscribe_messages=True) as channel:  # type: ignore[no-untyped-call]
            channel.subscribe(bell.CHANNEL)
            while True:
                if channel.get_message(timeout=DEAF_FOR / 3) is not None:
                    self.rung.set()
                    self._woken.set()

    def take(self) -> bool:
        """Whether it has rung since it was last asked."""
        rung = self.rung.is_set()
        self.rung.clear()
        return rung


def main() -> int:
    """Until SIGTERM or SIGINT."""
    over, woken = threading.Event(), threading.Event()

    def stop(*_: object) -> None:
        over.set()
        woken.set()

    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, stop)
    scheduler, ear = Scheduler(), Ear(woken)
    ear.start()
    failing = False
    while not over.is_set():
        woken.wait(EVERY)
        woken.clear()
        begin = time.monotonic()
        failing = _step(scheduler, ear.take(), failing)
        over.wait(min(EVERY, time.monotonic() - begin))  # half of the time is others'
    _end(scheduler)
    return 0


def _step(scheduler: Scheduler, rung: bool, failing: bool) -> bool:
    """Whether the database is away: that is said once."""
    close_old_connections()
    try:
        scheduler.step(rung=rung)
    except DatabaseError as problem:
        if not failing:
            log.warning("The database does not answer: %s", problem)
        return True
    except Exception:
        log.exception("A pass failed.")
    return False


def _end(scheduler: Scheduler) -> None:
    try:
        scheduler.end()
    except DatabaseError as problem:
        log.warning("The next scheduler leads in some seconds: %s", problem)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)

"""Races for one job: who records, pauses, places and ends it at the same moment."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from django.db import OperationalError, connection, transaction
from django.utils import timezone

from tests.web import cast
from tests.web.racing import ROUNDS, stage, together
from trackside.accounts.models import User
from trackside.compute.models import Lease
from trackside.jobs import living, scheduling, services
from trackside.jobs.models import Attempt, Event, Job


def stories() -> dict[str, Any]:
    """Many writers of one job's story: numbers have no gap and no twin."""
    project, ada, _ = stage()
    cast.node()
    attempt = cast.claimed(cast.submit(project, ada))

    def load() -> None:
        now = timezone.now()
        one = Attempt.objects.get(pk=attempt.pk)
        services.record(one, [{"type": "load", "cpu": 1}] * 3, one.journal_offset, now)

    together([load] * 20)
    seqs = list(Event.objects.order_by("seq").values_list("seq", flat=True))
    return {"whole": seqs == list(range(1, len(seqs) + 1)), "events": len(seqs)}


def pauses() -> dict[str, Any]:
    """Paused and resumed while the agent records: both hold the attempt before the job."""
    project, ada, _ = stage()
    cast.node()
    job = cast.submit(project, ada)
    attempt = cast.claimed(job)

    def record() -> None:
        for _ in range(ROUNDS):
            one = Attempt.objects.get(pk=attempt.pk)
            load = [{"type": "load", "cpu": 1}] * 3
            services.record(one, load, one.journal_offset, timezone.now())

    def press(act: Callable[[Job, User], Job]) -> None:
        for _ in range(ROUNDS):
            with suppress(services.NotNow):
                act(Job.objects.get(pk=job.pk), ada)

    together([record, record, partial(press, services.pause), partial(press, services.resume)])
    seqs = list(Event.objects.order_by("seq").values_list("seq", flat=True))
    return {"whole": seqs == list(range(1, len(seqs) + 1)), "leases": Lease.objects.count()}


def holding() -> dict[str, Any]:
    """A person acts on a job just as it is placed: they hold its new attempt, and it, alone."""
    project, ada, _ = stage()
    job, placed = cast.submit(project, ada), threading.Event()
    cast.node()

    def place() -> None:
        with transaction.atomic():
            scheduling.run(timezone.now())
            placed.set()
            while connection.vendor == "postgresql" and not _somebody_waits():
                time.sleep(0.01)

    def hold() -> bool:
        placed.wait()
        with transaction.atomic():
            living.hold(one := Job.objects.get(pk=job.pk))
            assert one.state == "starting"
            return connection.vendor == "sqlite" or together([_is_held])[0]

    return {"held": together([place, hold])[1]}


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted")
        return cursor.fetchone() is not None


@transaction.atomic
def _is_held() -> bool:
    try:
        Attempt.objects.select_for_update(nowait=True).get()
    except OperationalError:
        return True
    return False


def endings() -> dict[str, Any]:
    """Finish, fail and cancel of the same attempt at once: one of them happens."""
    project, ada, _ = stage()
    cast.node()
    states: Counter[str] = Counter()
    for _ in range(10):
        attempt = cast.claimed(cast.submit(project, ada))
        won = sum(together([partial(_done, act) for act in _endings(attempt)]))
        job = Job.objects.get(pk=attempt.job_id)
        states["one" if won == 1 and job.finished_at else f"{won} {job.state}"] += 1
        services.release(attempt)
    return {"states": states}


def _endings(attempt: Attempt) -> list[Callable[[], Any]]:
    one, two, three = (Attempt.objects.get(pk=attempt.pk) for _ in range(3))
    return [
        lambda: services.finish(one, {}, publish=None),
        lambda: services.fail(two, reason="It broke.", exit="1"),
        lambda: services.cancel_done(three),
    ]


def _done(act: Callable[[], Any]) -> bool:
    try:
        act()
    except services.StaleAttempt:
        return False
    return True

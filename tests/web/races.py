"""Races against a real database, in a process of their own: `python -m tests.web.races NAME`.

DATABASE_URL says which. Prints what happened as one line of JSON.
"""

import json
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "trackside.config.settings"
django.setup()

from django.apps import apps  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, connections  # noqa: E402
from django.utils import timezone  # noqa: E402

from tests.web import cast  # noqa: E402
from trackside.accounts.models import User  # noqa: E402
from trackside.compute.models import Lease, Quota  # noqa: E402
from trackside.jobs import announce, bell, doorbell, services  # noqa: E402
from trackside.jobs.leading import TERM, lead  # noqa: E402
from trackside.jobs.models import Attempt, Event, Job  # noqa: E402
from trackside.projects.models import Project  # noqa: E402

THREADS = 16
ROUNDS = 30
MANY_ROUNDS = 200
GIB = 2**30


def together(acts: list[Callable[[], Any]]) -> list[Any]:
    """All at the same moment, each in a thread with a connection of its own."""
    gate = threading.Barrier(min(len(acts), THREADS))

    def one(number: int) -> Any:
        if number < gate.parties:
            gate.wait()
        try:
            return acts[number]()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, range(len(acts))))


def stage() -> tuple[Project, User, User]:
    project = Project.objects.create(key="RACE", name="Race")
    ada, ben = (User.objects.create(username=name) for name in ("ada", "ben"))
    return project, ada, ben


def claims() -> dict[str, Any]:
    """50 deliveries of the same doorbell."""
    project, ada, _ = stage()
    node = cast.node()
    attempt = cast.live(cast.submit(project, ada))
    answers = together([lambda: services.claim(attempt.pk, node=node.pk, now=timezone.now())] * 50)
    won = [one for one in answers if one is not None]
    job = Job.objects.get()
    return {"won": len(won), "fence": job.fence, "fences": [one.fence for one in won]}


def clicks() -> dict[str, Any]:
    """The same click, 20 times at once."""
    project, ada, _ = stage()
    cast.node()
    jobs = together([lambda: cast.submit(project, ada, click_id="same").pk] * 20)
    return {"jobs": len(set(jobs)), "rows": Job.objects.count(), "leases": Lease.objects.count()}


def gpus() -> dict[str, Any]:
    """Two users want the same two GPUs, named in different orders, again and again."""
    project, ada, ben = stage()
    node = cast.node(gpus=2)
    uuids = ["GPU-gpu-01-0", "GPU-gpu-01-1"]
    outcomes: Counter[str] = Counter()
    for _ in range(MANY_ROUNDS):
        cast.beat(node)
        wishes = [(ada, uuids), (ben, uuids[::-1])]
        acts = [
            lambda user=user, wish=wish: cast.submit(
                project, user, compute={"kind": "gpus", "uuids": wish}
            )
            for user, wish in wishes
        ]
        made = together(acts)
        jobs = sorted(
            Job.objects.filter(pk__in=[one.pk for one in made]), key=lambda one: one.state
        )
        outcomes[" ".join(one.state for one in jobs)] += 1
        held = Lease.objects.filter(gpu__isnull=False)
        assert held.count() == 8, "all shares of both GPUs belong to the winner"
        waiting = jobs[0]
        assert "is in use by" in waiting.reason or "reserved" in waiting.reason, waiting.reason
        for job in jobs:
            services.stop(job, user=ada, how="cancel")
    return {"outcomes": outcomes, "leases": Lease.objects.count()}


def budgets() -> dict[str, Any]:
    """Four at once want 30 GiB each of the same GPU of 80 GiB, while its node beats."""
    project, ada, ben = stage()
    node = cast.node(gpus=1)
    wish = {"kind": "any", "share": "shared", "memory": 30 * GIB}
    outcomes: Counter[str] = Counter()
    for _ in range(ROUNDS):
        acts = [partial(cast.submit, project, user, compute=wish) for user in (ada, ben) * 2]
        made = together([*acts, lambda: cast.beat(node)])
        jobs = Job.objects.filter(pk__in=[one.pk for one in made if one is not None])
        held = Lease.objects.filter(gpu__isnull=False)
        given = sum(held.values_list("memory", flat=True))
        assert given <= 80 * GIB, "two budgets fit, three do not"
        outcomes[f"{jobs.filter(state='starting').count()} of {len(jobs)}"] += 1
        _clear(jobs, ada)
    return {"outcomes": outcomes, "leases": Lease.objects.count()}


def mixture() -> dict[str, Any]:
    """One wants the GPU alone, two want a share: it is alone or shared, never both."""
    project, ada, ben = stage()
    node = cast.node(gpus=1)
    alone = {"kind": "any"}
    share = {"kind": "any", "share": "shared", "memory": 30 * GIB}
    outcomes: Counter[str] = Counter()
    for _ in range(ROUNDS):
        cast.beat(node)
        wishes = [(ada, alone), (ben, share), (ada, share)]
        acts = [partial(cast.submit, project, user, compute=wish) for user, wish in wishes]
        jobs = Job.objects.filter(pk__in=[one.pk for one in together(acts)])
        held = Lease.objects.filter(gpu__isnull=False)
        sorts = set(held.values_list("shared", flat=True))
        assert len(sorts) == 1, sorts
        outcomes["shared" if sorts == {True} else "alone"] += 1
        _clear(jobs, ada)
    return {"rounds": sum(outcomes.values()), "leases": Lease.objects.count()}


def quotas() -> dict[str, Any]:
    """Four jobs of a user who may have two GPUs, on a node with four."""
    project, ada, _ = stage()
    node = cast.node(gpus=4)
    Quota.objects.create(user=ada, gpus=2)
    outcomes: Counter[str] = Counter()
    for _ in range(ROUNDS):
        cast.beat(node)
        acts = [partial(cast.submit, project, ada, compute={"kind": "any"})] * 4
        jobs = Job.objects.filter(pk__in=[one.pk for one in together(acts)])
        outcomes[f"{jobs.filter(state='starting').count()} of {len(jobs)}"] += 1
        _clear(jobs, ada)
    return {"outcomes": outcomes, "leases": Lease.objects.count()}


def _clear(jobs: Any, user: User) -> None:
    """Those that wait first, so that none starts in the place of another."""
    for job in sorted(jobs, key=lambda one: one.state != "queued"):
        services.stop(job, user=user, how="cancel")


def leaders() -> dict[str, Any]:
    """Twelve schedulers start at the same moment, and again when the first has fallen silent."""
    now = timezone.now()
    names = [str(number) for number in range(12)]
    won = [
        sum(together([partial(lead, "scheduler", name, moment) for name in names]))
        for moment in (now, now + 2 * TERM, now + 4 * TERM)
    ]
    return {"won": won}


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


def migrations() -> dict[str, Any]:
    """No race: the tables that the models want are the tables that the migrations make."""
    call_command("makemigrations", "--check", "--dry-run", verbosity=0, skip_checks=True)
    tables = connection.introspection.table_names()
    missing = [one._meta.db_table for one in apps.get_models() if one._meta.db_table not in tables]
    return {"missing": missing}


FIRST = (claims, clicks, gpus, budgets, mixture, quotas, leaders)
ALL = (*FIRST, stories, pauses, endings, migrations)
RACES = {one.__name__: one for one in ALL}


def main(name: str) -> None:
    for fuse in (announce.fuse, bell.fuse, doorbell.fuse):
        fuse.run = lambda act: False  # type: ignore[method-assign]  # no broker here
    call_command("migrate", verbosity=0)
    print(json.dumps({"vendor": connection.vendor, **RACES[name]()}))


if __name__ == "__main__":
    main(sys.argv[1])

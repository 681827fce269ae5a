"""Races against a real database, in a process of their own: `python -m tests.web.races NAME`.

DATABASE_URL says which. Prints what happened as one line of JSON.
"""

import json
import sys
from collections import Counter
from functools import partial
from typing import Any

from tests.web.racing import ROUNDS, stage, together  # isort: skip - it sets Django up

from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from tests.web import cast
from tests.web.races_of_evaluations import evaluations
from tests.web.races_of_one import endings, holding, pauses, stories
from trackside.accounts.models import User
from trackside.compute.models import Lease, Quota
from trackside.jobs import announce, bell, doorbell, services
from trackside.jobs.leading import TERM, lead
from trackside.jobs.models import Job

MANY_ROUNDS = 200
GIB = 2**30


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


def migrations() -> dict[str, Any]:
    """No race: the tables that the models want are the tables that the migrations make."""
    call_command("makemigrations", "--check", "--dry-run", verbosity=0, skip_checks=True)
    tables = connection.introspection.table_names()
    missing = [one._meta.db_table for one in apps.get_models() if one._meta.db_table not in tables]
    return {"missing": missing}


FIRST = (claims, clicks, gpus, budgets, mixture, quotas, leaders)
ALL = (*FIRST, stories, pauses, holding, endings, evaluations, migrations)
RACES = {one.__name__: one for one in ALL}


def main(name: str) -> None:
    for fuse in (announce.fuse, bell.fuse, doorbell.fuse):
        fuse.run = lambda act: False  # type: ignore[method-assign]  # no broker here
    call_command("migrate", verbosity=0)
    print(json.dumps({"vendor": connection.vendor, **RACES[name]()}))


if __name__ == "__main__":
    main(sys.argv[1])

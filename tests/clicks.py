"""What people do on the pages, without pages: `python -m tests.clicks` obeys lines of JSON.

{"what": "submit", "spec": {...}, "compute": {...}} answers with one line of JSON, and so on.
"""

import itertools
import json
import os
import sys
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "trackside.config.settings"
django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from trackside.accounts.models import User  # noqa: E402
from trackside.compute.models import Lease, Node  # noqa: E402
from trackside.compute.requests import BadCompute  # noqa: E402
from trackside.jobs import services  # noqa: E402
from trackside.jobs.kinds import placed  # noqa: E402
from trackside.jobs.models import Attempt, Job  # noqa: E402
from trackside.jobs.passes import look  # noqa: E402
from trackside.projects.models import Project  # noqa: E402

numbers = itertools.count(1)


def stage() -> bool:
    call_command("migrate", verbosity=0)
    User.objects.create_user(username="ada", password="correct horse battery")
    Project.objects.create(key="FLEET", name="Fleet")
    return True


def nodes() -> list[dict[str, Any]]:
    return [
        {
            "name": one.name,
            "address": one.address,
            "interface": one.interface,
            "warm": one.warm,
            "uuids": [gpu.uuid for gpu in one.gpus.all()],
        }
        for one in Node.objects.order_by("name")
    ]


def submit(spec: dict[str, Any], compute: dict[str, Any], kind: str = "train") -> int:
    job = services.submit(
        project=Project.objects.get(),
        user=User.objects.get(),
        kind=kind,
        title="A job",
        spec=spec,
        compute=compute,
        click_id=f"click {next(numbers)}",
    )
    return int(job.pk)


def refused(spec: dict[str, Any], compute: dict[str, Any]) -> str:
    """The sentence; "" where it would run."""
    try:
        placed(spec, compute, "train")
    except BadCompute as bad:
        return bad.sentence
    return ""


def allow(ranks: bool) -> bool:
    """TRACKSIDE_XGBOOST_RANKS, as if web and scheduler had begun with it."""
    settings.TRACKSIDE_XGBOOST_RANKS = ranks
    return ranks


def stop(job: int, how: str) -> bool:
    services.stop(Job.objects.get(pk=job), user=User.objects.get(), how=how)
    return True


def job(job: int) -> dict[str, Any]:
    """The job with all its attempts, oldest first."""
    row = Job.objects.get(pk=job)
    attempts = Attempt.objects.filter(job=row).select_related("node").order_by("number")
    return {
        "state": row.state,
        "reason": row.reason,
        "leases": Lease.objects.filter(attempt__job=row).count(),
        "attempts": [_attempt(one) for one in attempts],
    }


def _attempt(one: Attempt) -> dict[str, Any]:
    begun = (one.first_step_at or timezone.now()) - one.assigned_at
    return {
        "state": one.state,
        "cause": one.cause,
        "reason": one.reason,
        "node": one.node.name,
        "folder": one.folder,
        "address": one.address,
        "launch": one.launch,
        "first_step": begun.total_seconds() if one.first_step_at else None,
        "followers": [
            {"node": part.node.name, "state": part.state, "exit": part.exit}
            for part in one.followers.select_related("node").order_by("position")
        ],
    }


def reap() -> int:
    """What the scheduler does every few seconds."""
    now = timezone.now()
    services.expire(now)
    lost: int = services.reap(now)
    look(now)
    return lost


DOES = {one.__name__: one for one in (stage, nodes, submit, refused, allow, stop, job, reap)}

if __name__ == "__main__":
    for line in sys.stdin:
        asked = json.loads(line)
        answer = DOES[asked.pop("what")](**asked)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()

"""The quick job that compares models row by row, and where its answer is found again."""

import hashlib
import json
from typing import Any

from trackside.accounts.models import User
from trackside.jobs import services as jobs
from trackside.jobs.models import Job
from trackside.jobs.states import JOB_OVER
from trackside.lab import comparison
from trackside.lab.entrants import Entrant
from trackside.lab.quick import ONE_CORE
from trackside.lab.trouble import Refused
from trackside.projects.models import Project

Json = dict[str, Any]


def order(found: list[Entrant], champion: Entrant) -> Json:
    """The spec: the champion's bundle first. The same models in any order give the same one."""
    challengers = sorted(_named(one) for one in found if one is not champion)
    named = [_named(champion), *challengers]
    made = {
        "task": champion.task,
        "bundles": [bundle for bundle, _ in named],
        "thresholds": [None if at < 0 else at for _, at in named],
    }
    return {**made, "question": hashlib.sha256(json.dumps(made).encode()).hexdigest()}


def _named(one: Entrant) -> tuple[str, float]:
    """What tells it apart for the job: its bundle and the threshold in use; -1: it has none."""
    at = one.report.get("threshold")
    return str(one.bundle), -1.0 if at is None else float(at)


def newest(project: Project, found: list[Entrant], champion: Entrant) -> Job | None:
    """The last job that was asked this."""
    asked = order(found, champion)["question"]
    rows = Job.objects.filter(project=project, kind="compare", spec__question=asked)
    return rows.order_by("-pk").first()


def start(project: Project, user: User, found: list[Entrant], champion: Entrant) -> Job:
    """The job; one that is at work or has answered is not started again. Raises Refused where a
    model knew what judges it: that is no chance, and no number of drawings tells it."""
    if knew(found):
        raise Refused(comparison.same_rows(found, champion, {})["sentence"])
    before = newest(project, found, champion)
    if before is not None and (before.state not in JOB_OVER or before.state == "succeeded"):
        return before
    return jobs.submit(
        project=project,
        user=user,
        kind="compare",
        title=f"Compare {champion.title} with {len(found) - 1} more",
        spec=order(found, champion),
        compute=dict(ONE_CORE),
    )


def knew(found: list[Entrant]) -> bool:
    """Whether one of them had, or may have, learned from what judges it."""
    return any(one.too_good for one in found)


def pairs(job: Job | None, found: list[Entrant]) -> Json:
    """What a job that has answered says about each challenger, by its key."""
    if job is None or job.state != "succeeded" or knew(found):
        return {}
    spec = job.spec
    at = [-1.0 if each is None else each for each in spec["thresholds"][1:]]
    asked = zip(spec["bundles"][1:], at, strict=True)
    told = dict(zip(asked, job.result.get("pairs") or [], strict=False))
    return {one.key: told[_named(one)] for one in found if _named(one) in told}

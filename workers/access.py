"""The way of a job to its database: a file of this node alone, which the job reads and removes.

So no password stands in `job.json`, the platform's database, a log or the storage that nodes share.
"""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

from trackside.config import env
from trackside.connections.access import NoAccess, for_job
from trackside.jobs.attempts import CLAIMED
from trackside.jobs.models import Attempt

__all__ = ["NoAccess", "drop", "left", "tidy"]


def left(attempt: Attempt) -> str:
    """The file's path; "" where the job asks no database. Raises NoAccess, OSError."""
    told = None if attempt.job.spec.get("archive") else for_job(attempt.job)
    if told is None:
        return ""
    path = _path(attempt)
    path.unlink(missing_ok=True)
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(number, "w") as out:
        json.dump(told, out)
    return str(path)


def drop(attempt: Attempt) -> None:
    """What a job left that never began; a folder that cannot be written is no reason to stop."""
    with suppress(OSError):
        _path(attempt).unlink(missing_ok=True)


def tidy(node: str) -> None:
    """At the agent's start: the files of attempts that are none of its own any more."""
    ours = set(
        Attempt.objects.filter(node__name=node, state__in=CLAIMED).values_list("pk", flat=True)
    )
    for path in env.run_folder().glob(f"{_stem(node)}-*.json"):
        number = path.stem.rpartition("-")[2]
        if not number.isdecimal() or int(number) not in ours:
            path.unlink(missing_ok=True)


def _path(attempt: Attempt) -> Path:
    return env.run_folder() / f"{_stem(attempt.node.name)}-{attempt.pk}.json"


def _stem(node: str) -> str:
    return f"access-{hashlib.sha256(node.encode()).hexdigest()[:8]}"

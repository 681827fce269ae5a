"""No process of an ended attempt stays: found by its tag, whatever became of its parents."""

import contextlib
import os
import signal
from pathlib import Path

from django.conf import settings

from recipes import processes
from trackside.compute.models import Node
from trackside.jobs.models import Attempt, Follower

Part = Attempt | Follower  # of a job on several nodes: the first, or another


def of(attempt: Attempt, node: Node) -> Part:
    """What of an attempt is on this node."""
    if attempt.node_id == node.pk:
        return attempt
    rows = Follower.objects.filter(attempt=attempt, node=node).select_related("attempt")
    return rows.first() or attempt


def folder(part: Part) -> Path:
    storage = Path(settings.TRACKSIDE_STORAGE)
    if isinstance(part, Follower):
        return storage / part.attempt.folder / f"n{part.position}"
    return storage / part.folder


def tag(part: Part) -> str:
    attempt = part.attempt if isinstance(part, Follower) else part
    return processes.tag(attempt.job_id, attempt.fence, folder(part))


def living(part: Part) -> list[processes.Process]:
    """The processes of this part that are still there."""
    attempt = part.attempt if isinstance(part, Follower) else part
    return processes.wearing(tag(part)) if attempt.folder else []


def kill(part: Part) -> bool:
    """Kill what is left; True when nothing was. Ask again until it is: a kill takes a moment."""
    left = living(part)
    for process in left:
        if processes.same(process.pid, process.started):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
    return not left

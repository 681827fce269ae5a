"""No process of an ended attempt stays: found by its tag, whatever became of its parents."""

import contextlib
import os
import signal
from pathlib import Path

from django.conf import settings

from recipes import processes
from trackside.jobs.models import Attempt


def folder(attempt: Attempt) -> Path:
    return Path(settings.TRACKSIDE_STORAGE) / attempt.folder


def tag(attempt: Attempt) -> str:
    return processes.tag(attempt.job_id, attempt.fence, folder(attempt))


def living(attempt: Attempt) -> list[processes.Process]:
    """The processes of this attempt that are still there."""
    return processes.wearing(tag(attempt)) if attempt.folder else []


def kill(attempt: Attempt) -> bool:
    """Kill what is left; True when nothing was. Ask again until it is: a kill takes a moment."""
    left = living(attempt)
    for process in left:
        if processes.same(process.pid, process.started):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
    return not left

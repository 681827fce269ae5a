"""What a new attempt takes over from the ones before it: the checkpoints of a training."""

import hashlib
import os
import shutil
from pathlib import Path

from django.conf import settings

from trackside.compute import clock
from trackside.jobs import committed
from trackside.jobs.models import Attempt, Checkpoint

PLACE = "checkpoints"
MANIFEST = "manifest.json"


def checkpoints(attempt: Attempt, folder: Path) -> None:
    """Those that a row commits, whatever else lies in the folders of former attempts.

    Linked, not copied: a checkpoint's files never change. The manifest is compared with the row
    here, the files with the manifest where they are read; what is damaged is told. Raises OSError
    when the storage does not answer or is full: no checkpoint is given up for that.
    """
    for row in committed.of(attempt.job_id, before=attempt.fence):
        home = Path(settings.TRACKSIDE_STORAGE) / row.path
        target = folder / PLACE / home.name
        if target.exists():
            continue  # a later attempt wrote it once more
        if _signed(home, row):
            _link(home, target)
        else:
            committed.drop(attempt, row, clock.now())


def _signed(home: Path, row: Checkpoint) -> bool:
    try:
        content = (home / MANIFEST).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return hashlib.sha256(content).hexdigest() == row.sha256


def _link(home: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copytree(home, target, copy_function=_link_or_copy)
    except OSError:
        shutil.rmtree(target, ignore_errors=True)
        raise


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)

"""Checkpoints that count: a row commits what the files hold, and only its attempt writes it."""

import shutil
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from recipes import crash
from trackside.jobs import history
from trackside.jobs.models import Attempt, Checkpoint, Job
from trackside.jobs.states import JOB_OVER


def of(job: int, *, before: int | None = None) -> QuerySet[Checkpoint]:
    """A job's checkpoints, the one to go on from first; `before` a fence: those of older attempts.

    The same one may be written twice, by a training that went on from an older one: the later
    attempt's comes first.
    """
    rows = Checkpoint.objects.filter(job_id=job)
    older = rows if before is None else rows.filter(fence__lt=before)
    return older.order_by("-epoch", "-step", "-fence")


def commit(attempt: Attempt, events: Sequence[dict[str, Any]], now: datetime) -> None:
    """The rows of what these journal lines tell. The caller has proved the fence."""
    told = [one for one in events if one.get("type") == "checkpoint" and _sane(attempt, one)]
    for one in told:
        crash.point("committed.before")
        Checkpoint.objects.update_or_create(
            job_id=attempt.job_id,
            path=_relative(str(one["path"])),
            defaults={
                "fence": attempt.fence,
                "epoch": int(one["epoch"]),
                "step": int(one.get("step") or 0),
                "sha256": str(one["sha256"]),
                "bytes": int(one.get("bytes") or 0),
                "at": now,
            },
        )
        crash.point("committed.row")
    if told:
        _forget(attempt, told[-1].get("kept") or [])


def _sane(attempt: Attempt, event: dict[str, Any]) -> bool:
    """Whole, and in this attempt's own folder."""
    if not all(event.get(name) is not None for name in ("path", "sha256", "epoch")):
        return False
    return _relative(str(event["path"])).startswith(f"{attempt.folder}/checkpoints/")


def _relative(path: str) -> str:
    """Below TRACKSIDE_STORAGE, whatever links lead there."""
    return path[path.rfind("jobs/") :] if "/jobs/" in path else path


def _forget(attempt: Attempt, kept: Iterable[str]) -> None:
    """Rows, and then files, of those that the training has dropped: also of older attempts."""
    names = set(kept)
    rows = [row for row in of(attempt.job_id) if Path(row.path).name not in names]
    if not names or not rows:
        return
    Checkpoint.objects.filter(pk__in=[row.pk for row in rows]).delete()
    old = [row.path for row in rows if row.fence != attempt.fence]
    transaction.on_commit(partial(_remove, old), robust=True)


def _remove(paths: list[str]) -> None:
    for path in paths:
        shutil.rmtree(Path(settings.TRACKSIDE_STORAGE) / path, ignore_errors=True)


def clear(ended_before: datetime) -> None:
    """Files and rows of the jobs that were over by then: nobody goes on from them any more."""
    rows = Checkpoint.objects.filter(job__state__in=JOB_OVER, job__finished_at__lt=ended_before)
    for job in set(rows.values_list("job_id", flat=True)):
        for place in (Path(settings.TRACKSIDE_STORAGE) / "jobs" / str(job)).glob("*/checkpoints"):
            shutil.rmtree(place, ignore_errors=True)
        of(job).delete()


@transaction.atomic
def drop(attempt: Attempt, row: Checkpoint, now: datetime) -> None:
    """Its files are not what was committed: say so, and never look at it again."""
    Checkpoint.objects.filter(pk=row.pk).delete()
    at = where(vars(row))
    text = f"The checkpoint {at} is damaged or gone; an older one is taken."
    note = history.Entry("note", {"level": "warning", "text": text}, now)
    history.append(attempt.job_id, [note])


def where(told: dict[str, Any]) -> str:
    """`after epoch 3`, `in epoch 4, step 120`, `after trial 12`: of a row's values or of a journal
    line."""
    epoch, step = int(told.get("epoch") or 0), int(told.get("step") or 0)
    if of_a_search(told):
        return f"after trial {epoch}"
    return f"in epoch {epoch + 1}, step {step}" if step else f"after epoch {epoch}"


def of_a_search(told: dict[str, Any]) -> bool:
    """It holds trials that have ended, and nothing of the one that runs."""
    return Path(str(told.get("path") or "")).name.startswith("t")


def shown(job: Job) -> list[dict[str, Any]]:
    """For a page and for REST, the newest first."""
    numbers = dict(Attempt.objects.filter(job=job).values_list("fence", "number"))
    return [
        {
            "epoch": row.epoch,
            "step": row.step,
            "where": _capital(where(vars(row))),
            "attempt": numbers.get(row.fence),
            "bytes": row.bytes,
            "at": row.at,
        }
        for row in of(job.pk)
    ]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

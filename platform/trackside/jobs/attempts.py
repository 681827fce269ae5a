"""What an agent tells about an attempt while it lives. Each write is fenced."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from recipes import crash
from trackside.jobs import committed, history
from trackside.jobs.history import Entry
from trackside.jobs.models import Attempt, Job
from trackside.jobs.moves import StaleAttempt, move_attempt, move_job
from trackside.jobs.states import ATTEMPT_OVER, AttemptState, Move

LEASE = timedelta(seconds=settings.LEASE_SECONDS)
LIVE = [state for state in AttemptState if state not in ATTEMPT_OVER]
CLAIMED = [state for state in LIVE if state != AttemptState.ASSIGNED]
WORTH = ("step", "trial")  # from the first on there is something to keep for a pause
BEGUN = ("step", "progress", "epoch")  # the job does its work: no longer starting
FAR = ("done", "of", "unit", "eta", "share", "before")
LONGEST_TYPE = 12


@transaction.atomic
def claim(attempt_id: int, *, node: int, now: datetime) -> Attempt | None:
    """ASSIGNED -> STARTING for exactly one caller, with a new fence; None for all the others."""
    rows = Attempt.objects.filter(pk=attempt_id, node_id=node, state=AttemptState.ASSIGNED)
    claimed = rows.update(state=AttemptState.STARTING, claimed_at=now, lease_until=now + LEASE)
    if not claimed:
        return None
    job = Attempt.objects.values_list("job_id", flat=True).get(pk=attempt_id)
    Job.objects.filter(pk=job).update(fence=F("fence") + 1)
    fence = Job.objects.values_list("fence", flat=True).get(pk=job)
    Job.objects.filter(pk=job, started_at=None).update(started_at=now)
    Attempt.objects.filter(pk=attempt_id).update(fence=fence, folder=f"jobs/{job}/a{fence}")
    crash.point("claim.fenced")
    history.tell_state(job, now)
    return Attempt.objects.select_related("job", "node").get(pk=attempt_id)


def mark_launched(attempt: Attempt, pid: int, launch: str) -> None:
    """The gang leader lives: `launch` is warm or cold. Raises StaleAttempt."""
    write(attempt, pid=pid, launch=launch)


def renew(attempts: Iterable[Attempt], now: datetime) -> dict[int, str]:
    """Prolong the leases of these attempts.

    The answer maps each that is still ours to the stop that is asked of it ("", finish_early,
    cancel); an attempt that is not in it is stale, and its gang must be ended.
    """
    ours = {}
    for attempt in attempts:
        if entitled(attempt).update(lease_until=now + LEASE):
            ours[attempt.job_id] = attempt.pk
    stops = Job.objects.filter(pk__in=ours).values_list("pk", "stop")
    return {ours[job]: stop for job, stop in stops}


@transaction.atomic
def record(attempt: Attempt, events: Sequence[dict[str, Any]], offset: int, now: datetime) -> None:
    """Keep journal lines that were read from `attempt.journal_offset` up to `offset`.

    A repeat of what is kept already touches nothing: the instance then gets the offset from which
    to read on. The agent's own `load` lines leave the offset as it is. Raises StaleAttempt.
    """
    start = attempt.journal_offset
    rows = entitled(attempt).filter(journal_offset=start)
    if not rows.update(journal_offset=offset):
        _reread(attempt)
        return
    attempt.journal_offset = offset
    if not events:
        return
    _advance(attempt, events, now)
    committed.commit(attempt, events, now)
    history.append(attempt.job_id, [_entry(one, now) for one in events])


def _reread(attempt: Attempt) -> None:
    kept = entitled(attempt).values_list("journal_offset", flat=True).first()
    if kept is None:
        raise StaleAttempt(f"Attempt {attempt.pk} with fence {attempt.fence} is over.")
    attempt.journal_offset = kept


def _entry(event: dict[str, Any], now: datetime) -> Entry:
    data = {key: value for key, value in event.items() if key not in ("seq", "t", "type")}
    at = event.get("t")
    here = timezone.now()  # the ranks' own clock: a journal's times are told apart by it alone
    sane = isinstance(at, int | float) and abs(at - here.timestamp()) < 7 * 86400
    when = now + (datetime.fromtimestamp(at, UTC) - here) if sane and at is not None else now
    return Entry(str(event.get("type", "log"))[:LONGEST_TYPE], data, when)


def _advance(attempt: Attempt, events: Sequence[dict[str, Any]], now: datetime) -> None:
    """What the lines mean for the rows: begun, how far, how good."""
    kinds = {one.get("type") for one in events}
    if kinds & set(WORTH) and attempt.first_step_at is None:
        write(attempt, first_step_at=now)
    if attempt.state == AttemptState.STARTING and kinds & set(BEGUN):
        _begin(attempt, now)
    values: dict[str, Any] = {}
    progress, metrics = _progress(events), _metrics(events)
    if progress or metrics:
        job = Job.objects.only("progress", "metrics").get(pk=attempt.job_id)
        values["progress"] = {**job.progress, **progress}
        values["metrics"] = {**job.metrics, **metrics}
        Job.objects.filter(pk=attempt.job_id).update(**values)


def _begin(attempt: Attempt, now: datetime) -> None:
    try:
        move_attempt(attempt, Move.FIRST_STEP)
    except StaleAttempt:  # asked to stop meanwhile: then it stays so
        attempt.refresh_from_db(fields=["state"])
        return
    parts = [(attempt.node.name, attempt.compute)]
    if attempt.compute.get("world"):
        others = attempt.followers.order_by("position")
        parts += others.values_list("node__name", "compute")
    move_job(attempt.job_id, Move.FIRST_STEP, reason=f"Runs on {history.where(parts)}.")
    history.tell_state(attempt.job_id, now)


def _progress(events: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The last `progress` line, and the phase that it belongs to."""
    values: dict[str, Any] = {}
    for one in events:
        if one.get("type") == "progress":
            values |= {key: one.get(key) for key in FAR}
        elif one.get("type") == "phase":
            values |= {"phase": one.get("name"), "text": one.get("text")}
    return values


def _metrics(events: Sequence[dict[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for one in events:
        if one.get("type") == "step":
            values |= {key: one[key] for key in ("loss", "rate") if key in one}
        elif one.get("type") == "epoch":
            values |= {key: one.get(key) for key in ("epoch", "train_loss", "val_loss")}
            values |= one.get("metrics") or {}
    return values


def entitled(attempt: Attempt) -> QuerySet[Attempt]:
    """Its row while it is claimed and under this fence: the guard of what its agent writes."""
    return Attempt.objects.filter(pk=attempt.pk, fence=attempt.fence, state__in=CLAIMED)


def write(attempt: Attempt, **values: Any) -> None:
    """Into the row and the instance. Raises StaleAttempt."""
    if not entitled(attempt).update(**values):
        raise StaleAttempt(f"Attempt {attempt.pk} with fence {attempt.fence} is over.")
    for name, value in values.items():
        setattr(attempt, name, value)

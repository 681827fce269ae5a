"""How attempts end. The first ending wins; devices go only when their processes are proved gone."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from recipes import crash
from trackside.compute import clock, usage
from trackside.compute import services as compute
from trackside.compute.models import Gpu, Lease, Node
from trackside.jobs import committed, followers, history, living, retries, scheduling, waited
from trackside.jobs.attempts import CLAIMED, LIVE
from trackside.jobs.models import Attempt, Job
from trackside.jobs.moves import StaleAttempt, move_attempt, must_move_job
from trackside.jobs.states import JOB_OVER, AttemptState, Move

LAST = ("epoch", "train_loss", "val_loss")  # of the round that was told last
CLAIM_WITHIN = timedelta(seconds=settings.CLAIM_SECONDS)
Publish = Callable[[Job, Attempt, dict[str, Any]], None]
log = logging.getLogger(__name__)


class StillRunning(Exception):
    """Devices of an attempt that is not over are not released."""


@transaction.atomic
def finish(attempt: Attempt, result: dict[str, Any], *, publish: Publish | None) -> None:
    """The job succeeded. `publish` makes its outcome in this same transaction, or all of it fails.

    What `publish` adds to `result` is kept with it. Raises StaleAttempt.
    """
    now = clock.now()
    move_attempt(attempt, Move.FINISH, finished_at=now, exit="0")
    Lease.objects.filter(attempt=attempt).update(quarantined=True)
    crash.point("end.finished")
    job = Job.objects.get(pk=attempt.job_id)
    if _over_before(attempt, job):
        return
    if publish is not None:
        publish(job, attempt, result)
    early = job.stop == "finish_early"
    reason = f"Finished early by {job.stopped_by}; the best weights are kept." if early else ""
    metrics = _kept(job.metrics, result)
    must_move_job(
        job.pk,
        Move.FINISH,
        finished_at=now,
        result=result,
        metrics=metrics,
        reason=reason,
        paused=False,
    )
    _learn(job, attempt, result)
    history.tell_state(job.pk, now)


def _over_before(attempt: Attempt, job: Job) -> bool:
    """Whether the job had ended without this attempt, as by hand in the database: the attempt's own
    end is kept then, said once, and nothing more follows from it."""
    if job.state not in JOB_OVER:
        return False
    how = AttemptState(attempt.state).label.lower()
    words = (
        f"Attempt {attempt.number} ended ({how}) when the job was {job.state} already: the job "
        "stays as it is."
    )
    log.warning("Job %s: %s", job.pk, words)
    history.append(
        job.pk, [history.Entry("note", {"level": "warning", "text": words}, clock.now())]
    )
    return True


def _kept(live: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    """What the model came to, with the losses of the round that it keeps: those of the last round
    would stand beside figures of another one."""
    stays = {name: value for name, value in live.items() if name not in LAST}
    return {**stays, **_numbers(result.get("kept")), **_numbers(result.get("metrics"))}


def _numbers(metrics: object) -> dict[str, Any]:
    return metrics if isinstance(metrics, dict) else {}


def _learn(job: Job, attempt: Attempt, result: dict[str, Any]) -> None:
    """A finished training corrects later estimates; a simulated GPU teaches nothing."""
    facts: dict[str, Any] = result.get("facts") or {}
    taught = job.kind == "train" and job.needs.get("key") and facts
    if taught and not attempt.compute.get("simulated"):
        compute.learn(job.needs, facts)


@transaction.atomic
def fail(
    attempt: Attempt,
    *,
    reason: str,
    exit: str,  # noqa: A002 - the column's name
    cause: str = "program",
    step: int | None = None,
) -> None:
    """The attempt ended with an error; its `cause` decides whether the job is tried again.

    `reason` is a sentence. Raises StaleAttempt.
    """
    _ended_badly(attempt, Move.FAIL, retries.Past(cause=cause, step=step), reason, exit=exit)


@transaction.atomic
def cancel_done(attempt: Attempt, *, exit: str = "143") -> None:  # noqa: A002 - the column's name
    """The gang is gone after a cancel. Raises StaleAttempt."""
    now = clock.now()
    job = Job.objects.select_related("stopped_by").get(pk=attempt.job_id)
    reason = f"Cancelled by {job.stopped_by}." if job.stopped_by else "Cancelled."
    move_attempt(attempt, Move.CANCEL, finished_at=now, reason=reason, exit=exit)
    Lease.objects.filter(attempt=attempt).update(quarantined=True)
    if not _over_before(attempt, job):
        must_move_job(attempt.job_id, Move.CANCEL, finished_at=now, reason=reason)
        history.tell_state(attempt.job_id, now)


@transaction.atomic
def lose(
    attempt: Attempt, reason: str, *, cause: str = "node_lost", step: int | None = None
) -> None:
    """The machine or the gang is gone without a word: quarantine its devices, try again.

    As often as jobs/retries.py allows; a cancelled job is cancelled. Raises StaleAttempt.
    """
    _ended_badly(attempt, Move.LOSE, retries.Past(cause=cause, step=step), reason)


@transaction.atomic
def give_way(attempt: Attempt, reason: str = "", *, cause: str, step: int | None = None) -> None:
    """It ended on order, with its checkpoint: back to the queue, and no retry is used up.

    `cause` is pause, move, preempt, drain or stopped; without a `reason` it says who asked. Raises
    StaleAttempt.
    """
    job = Job.objects.select_related("stopped_by").get(pk=attempt.job_id)
    words = reason or asked(job, cause)
    values = {"finished_at": clock.now(), "reason": words, "cause": cause, "step": step}
    move_attempt(attempt, Move.YIELD, **values)
    Lease.objects.filter(attempt=attempt).update(quarantined=True)
    crash.point("end.yielded")
    if _over_before(attempt, job):
        return
    _again(job, attempt, f"{words} {kept(job.pk)}", progress={**job.progress, "eta": None})


def asked(job: Job, cause: str) -> str:
    """Who wanted it to give way, as a sentence."""
    who = str(job.stopped_by or "Trackside")
    return {
        "pause": f"Paused by {who}.",
        "move": f"Stopped to go on elsewhere, as {who} asked.",
        "preempt": "Made room for a more urgent job.",
        "drain": "Its machine is taken out of service.",
        "stopped": "Trackside was stopped.",
    }.get(cause, "It was asked to give way.")


def kept(job: int) -> str:
    """What the next attempt begins with, as a sentence."""
    newest = committed.of(job).first()
    if newest is None:
        return "It has no checkpoint: it begins anew."
    told = vars(newest)
    anew = "; what ran after it begins anew" if committed.of_a_search(told) else ""
    return f"It goes on {committed.where(told)}{anew}."


def _ended_badly(
    attempt: Attempt, move: Move, end: retries.Past, reason: str, **values: str
) -> None:
    before, now = retries.past(attempt.job_id), clock.now()
    told = {"reason": reason, "cause": end.cause, "step": end.step, **values}
    move_attempt(attempt, move, finished_at=now, **told)
    Lease.objects.filter(attempt=attempt).update(quarantined=True)
    crash.point("end.attempt")
    job = Job.objects.select_related("stopped_by").get(pk=attempt.job_id)
    if _over_before(attempt, job):
        return
    ruling = retries.ruling(end, before)
    words = f"{reason} {ruling.words}".strip()
    if ruling.again or job.stop == "cancel":
        _again(job, attempt, words, progress={})
    else:
        must_move_job(job.pk, Move.FAIL, finished_at=now, reason=words)
        history.tell_state(job.pk, now)


def _again(job: Job, attempt: Attempt, words: str, *, progress: dict[str, Any]) -> None:
    """Back to the queue, but what was to be cancelled is."""
    now = clock.now()
    if job.stop == "cancel":
        words = f"Cancelled by {job.stopped_by or 'a former user'}."
        must_move_job(job.pk, Move.CANCEL, finished_at=now, reason=words)
    else:
        must_move_job(job.pk, Move.REQUEUE, reason=words, progress=progress, stop="")
        waited.ran(job, attempt, now)
        scheduling.later()
    history.tell_state(job.pk, now)


@transaction.atomic
def release(attempt: Attempt, *, node: int | None = None, tell: bool = True) -> None:
    """The devices are free again. Only for who has proved that the attempt's processes are gone.

    They are those of one node: of another than the attempt's first, for a job on several. The job's
    story tells it once; not with `tell` False, where a stranger is on the device.
    """
    if Attempt.objects.filter(pk=attempt.pk, state__in=LIVE).exists():
        raise StillRunning(f"Attempt {attempt.pk} is not over: its devices stay with it.")
    held = Lease.objects.filter(attempt=attempt, node=node or attempt.node_id)
    for lease in held:
        usage.settle(lease, clock.now())
    given, _ = held.all().delete()
    crash.point("end.released")
    if given and tell:
        text = f"No process remains{_free(attempt, node)}."
        note = history.Entry("note", {"level": "info", "text": text}, clock.now())
        history.append(attempt.job_id, [note])
    scheduling.later()


def _free(attempt: Attempt, node: int | None) -> str:
    """Nothing of a quick job, which holds no device of its own, nor where a GPU has failed."""
    part = attempt.followers.filter(node_id=node).select_related("node").first() if node else None
    compute, where = (part.compute, f" on {part.node.name}") if part else (attempt.compute, "")
    failed = ~Q(broken="") | Q(health="failed")
    if Gpu.objects.filter(failed, uuid__in=compute.get("uuids") or ()).exists():
        return where
    devices = history.devices(compute)
    one = len(compute.get("uuids") or compute.get("cores") or ()) == 1
    free = f"; {', '.join(devices)} {'is' if one else 'are'} free" if devices != ["CPU"] else ""
    return where + free


def expire(now: datetime) -> int:
    """Assigned, but not claimed in time: back to the queue. How many."""
    late = Attempt.objects.filter(
        state=AttemptState.ASSIGNED, assigned_at__lt=now - CLAIM_WITHIN
    ).select_related("node")
    return sum(_quiet(_expire, attempt, now) for attempt in late)


@transaction.atomic
def _expire(attempt: Attempt, now: datetime) -> None:
    seconds = CLAIM_WITHIN.total_seconds()
    reason = f"{attempt.node.name} did not start it within {seconds:.0f} seconds."
    living.take_back(attempt, Move.EXPIRE, now, reason=reason, cause="not_claimed")
    if _over_before(attempt, Job.objects.get(pk=attempt.job_id)):
        return
    must_move_job(attempt.job_id, Move.REQUEUE, reason=f"{reason} Waits for another try.")
    history.tell_state(attempt.job_id, now)


def reap(now: datetime) -> int:
    """Claimed, but not renewed in time: lost. How many."""
    late = Attempt.objects.filter(state__in=CLAIMED, lease_until__lt=now).select_related("node")
    return sum(_quiet(_reap, attempt, now) for attempt in late)


@transaction.atomic
def _reap(attempt: Attempt, now: datetime) -> None:
    rows = Attempt.objects.filter(pk=attempt.pk, fence=attempt.fence, lease_until__lt=now)
    if not rows.update(lease_until=attempt.lease_until):
        raise StaleAttempt(f"Attempt {attempt.pk} was renewed meanwhile.")
    lose(attempt, f"{attempt.node.name} has not been heard from.", cause="node_lost")


def after_reboot(node: Node) -> int:
    """The machine was restarted: nothing of its claimed attempts runs, so that devices are free."""
    lost = Attempt.objects.filter(node=node, state__in=CLAIMED).select_related("node")
    reason = f"{node.name} was restarted."
    number = sum(_quiet(partial(lose, cause="reboot"), one, reason) for one in lost)
    held = Attempt.objects.filter(leases__node=node, leases__quarantined=True).distinct()
    followers.after_reboot(node, clock.now())
    for attempt in held:
        release(attempt, node=node.pk)
    return number


def _quiet(act: Callable[..., None], attempt: Attempt, *rest: Any) -> bool:
    """Somebody else may end it first: then there is nothing to do."""
    try:
        act(attempt, *rest)
    except StaleAttempt:
        return False
    return True

"""What becomes of a job after an attempt that did not succeed: one line a cause.

The table and `ruling` are pure; the two questions at the end are for the scheduler.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Q

from trackside.compute import clock
from trackside.compute.models import Node
from trackside.jobs.models import Attempt, Follower, Job
from trackside.jobs.states import AttemptState

RETRIES = 3
LONGEST_WAIT = 300  # seconds
BLOCKED_FOR = timedelta(hours=1)
HEARD = timedelta(seconds=settings.LOST_SECONDS)
TIME_LIMIT = "time_limit"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """`again`: the job is tried again, which `counts` as one of the RETRIES or does not.

    `blocks`: not on the same node, while there is another. `waits`: longer each time. `poison`:
    the same end twice at the same step is the job's own fault.
    """

    again: bool = False
    counts: bool = True
    blocks: bool = False
    waits: bool = True
    poison: bool = False


_ORDERED = Rule(again=True, counts=False, waits=False)
_FINAL = Rule()
RULES: dict[str, Rule] = {
    # the machine's fault
    "node_lost": Rule(again=True),
    "reboot": Rule(again=True),
    "leader_killed": Rule(again=True),
    "rank_killed": Rule(again=True),
    "gpu_failed": Rule(again=True),
    "rendezvous": Rule(again=True, blocks=True),
    "not_started": Rule(again=True, blocks=True),
    "not_claimed": Rule(again=True, counts=False, blocks=True),
    "gpu_taken": Rule(again=True, counts=False),
    # perhaps the job's own
    "rank_crashed": Rule(again=True, poison=True),
    "hung": Rule(again=True, blocks=True, poison=True),
    "ranks_apart": Rule(again=True, blocks=True, poison=True),
    # the job's own: the same again would end the same way
    "out_of_memory": _FINAL,
    "cuda_out_of_memory": _FINAL,
    "over_budget": _FINAL,
    "not_finite": _FINAL,
    "disk_full": _FINAL,
    TIME_LIMIT: _FINAL,
    "bad_data": _FINAL,
    "publish": _FINAL,
    "program": _FINAL,
    # ended on order, its checkpoint kept
    "pause": _ORDERED,
    "move": _ORDERED,
    "preempt": _ORDERED,
    "drain": _ORDERED,
    "stopped": _ORDERED,  # by the end of its agent, and not by an order of the job's own
}
ON_ORDER = frozenset(name for name, rule in RULES.items() if rule is _ORDERED)
ORDERS = ON_ORDER - {"stopped"}
_NOT_COUNTED = [name for name, rule in RULES.items() if not rule.counts]
_NOT_WAITING = [name for name, rule in RULES.items() if not rule.waits]
_BADLY = (AttemptState.LOST, AttemptState.FAILED, AttemptState.EXPIRED)
_BLOCKING = [name for name, rule in RULES.items() if rule.blocks]


@dataclass(frozen=True, kw_only=True)
class Past:
    """An attempt that is over. `step` is the last one that its ranks began, None if unknown."""

    cause: str
    step: int | None = None


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """Whether it is tried again, and the sentence that says so, empty where none is needed."""

    again: bool
    words: str


def ruling(end: Past, before: Sequence[Past]) -> Ruling:
    """What follows from this end, after those `before` it."""
    rule = RULES.get(end.cause, _FINAL)
    if not rule.again:
        return Ruling(again=False, words="")
    if rule.poison and end in before:
        step = "before its first step" if not end.step else f"at step {end.step}"
        words = f"It ended the same way twice {step}, so that it is not tried again."
        return Ruling(again=False, words=words)
    if not rule.counts:
        return Ruling(again=True, words="")
    times = 1 + sum(_counted(one) for one in before)
    if times > RETRIES:
        return Ruling(again=False, words=f"It was tried {times} times.")
    return Ruling(again=True, words=f"It will be tried again ({times} of {RETRIES}).")


def _counted(one: Past) -> bool:
    """An attempt of a time before causes were kept has none, and counted."""
    rule = RULES.get(one.cause, Rule(again=True))
    return rule.again and rule.counts


def past(job: int) -> list[Past]:
    """The attempts of a job that ended without a result."""
    rows = Attempt.objects.filter(job_id=job, state__in=_BADLY)
    return [Past(cause=cause, step=step) for cause, step in rows.values_list("cause", "step")]


def holds(job_ids: Collection[int], now: datetime) -> dict[int, str]:
    """Which of these jobs must wait before they are tried again, each with a sentence.

    The first time none does; then longer each time.
    """
    gone = Attempt.objects.filter(job__in=job_ids, state__in=_BADLY, finished_at__isnull=False)
    counted = gone.exclude(cause__in=_NOT_WAITING)
    ends: dict[int, list[datetime]] = {}
    for job, at in counted.order_by("finished_at").values_list("job_id", "finished_at"):
        if at is not None:
            ends.setdefault(job, []).append(at)
    said = {}
    for job, times in ends.items():
        pause = back_off(len(times))
        until = times[-1] + timedelta(seconds=pause)
        if pause and until > now:
            said[job] = f"Was lost {len(times)} times; tries again at {until:%H:%M:%S} UTC."
    return said


def back_off(times: int) -> int:
    """Seconds to wait after that many losses."""
    return 0 if times < 2 else min(settings.RETRY_SECONDS * 2 ** (times - 2), LONGEST_WAIT)


def blocked_nodes(job_ids: Collection[int]) -> dict[int, set[int]]:
    """The nodes on which each of these jobs is not to be tried for a while.

    None where the person chose the very GPUs, and none where the other nodes could not hold the
    job: a doubtful node is better than none.
    """
    now = clock.now()
    ended = Attempt.objects.filter(job__in=job_ids, finished_at__gt=now - BLOCKED_FOR)
    blocking = ended.filter(cause__in=_BLOCKING).exclude(job__compute__kind="gpus")
    blocked: dict[int, set[int]] = {}
    for attempt, job, node in blocking.values_list("pk", "job_id", "node_id"):
        blocked.setdefault(job, set()).update(_guilty(attempt) or {node})
    if not blocked:
        return {}
    heard = Node.objects.filter(heartbeat_at__gt=now - HEARD, draining=False)
    working = Count("gpus", filter=Q(gpus__present=True, gpus__broken=""))
    fleet = dict(heard.annotate(working=working).values_list("pk", "working"))
    asks = dict(Job.objects.filter(pk__in=blocked).values_list("pk", "compute"))
    return {job: nodes for job, nodes in blocked.items() if _others(asks[job], fleet, nodes)}


def _others(asks: dict[str, Any], fleet: dict[int, int], blocked: set[int]) -> bool:
    """Whether the job has room elsewhere at all, once what is there comes free."""
    left = sorted((gpus for node, gpus in fleet.items() if node not in blocked), reverse=True)
    most = sum(left[: int(asks.get("nodes") or 1)])
    return bool(left) and (asks.get("kind") == "cpu" or most >= int(asks.get("count") or 1))


def _guilty(attempt: int) -> set[int]:
    """Of an attempt on several nodes: those that gave a reason."""
    parts = Follower.objects.filter(attempt=attempt).exclude(reason="")
    return set(parts.values_list("node_id", flat=True))

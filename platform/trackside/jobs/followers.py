"""The parts of an attempt on other nodes than its first.

A part is assigned; ready, once its node has proved its devices free; going, once the first part's
ranks listen; ending, when they are to end it; over. Only a part that is going has processes. Each
write names the attempt's fence, and only the part's own agent says that a going part is over.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from recipes import crash
from trackside.compute.models import Node
from trackside.jobs import doorbell
from trackside.jobs.attempts import CLAIMED, write
from trackside.jobs.models import Attempt, Follower

GATHERS = "gathers"  # Attempt.launch, while its parts get ready
NOT_BEGUN = "not begun"
WAITING = (Follower.ASSIGNED, Follower.READY)


def of(attempt: Attempt) -> list[Follower]:
    """The other parts, in the order of their ranks; of most attempts none."""
    rows = Follower.objects.filter(attempt=attempt).select_related("node")
    return list(rows.order_by("position"))


def on(node: Node) -> list[Follower]:
    """What this node has to do with, as a part that is not the first."""
    rows = Follower.objects.filter(node=node).exclude(state=Follower.OVER)
    return list(rows.select_related("attempt__job", "attempt__node", "node").order_by("pk"))


# What the first part's agent says -------------------------------------------------------------


@transaction.atomic
def gather(attempt: Attempt) -> None:
    """The job's folder is there: the others may get ready. Raises StaleAttempt."""
    write(attempt, launch=GATHERS)
    doorbell.poke_soon(_nodes(attempt))


@transaction.atomic
def go(attempt: Attempt, address: str, now: datetime) -> None:
    """Rank 0 listens at `address`: the others start. Raises StaleAttempt."""
    write(attempt, address=address)
    rows = Follower.objects.filter(attempt=attempt, state=Follower.READY)
    rows.update(state=Follower.GOING, seen_at=now)
    crash.point("followers.going")
    doorbell.poke_soon(_nodes(attempt))


@transaction.atomic
def end(attempt: Attempt, now: datetime, *, late: str = "") -> None:
    """No part goes on. One that has not begun is over at once: it has no process.

    `late` is the sentence for those that were not ready in time; it follows the node's name.
    """
    rows = Follower.objects.filter(attempt=attempt)
    for part in rows.filter(state=Follower.ASSIGNED).select_related("node") if late else ():
        values = {"state": Follower.OVER, "exit": "late", "reason": f"{part.node.name} {late}"}
        rows.filter(pk=part.pk, state=Follower.ASSIGNED).update(**values, finished_at=now)
    rows.filter(state__in=WAITING).update(state=Follower.OVER, exit=NOT_BEGUN, finished_at=now)
    rows.filter(state=Follower.GOING).update(state=Follower.ENDING)
    doorbell.poke_soon(_nodes(attempt))


# What a part's own agent says -----------------------------------------------------------------


@transaction.atomic
def ready(part: Follower, now: datetime) -> bool:
    """Its devices are free and its folder is written. False: the attempt does not wait for it."""
    moved = _live(part).filter(state=Follower.ASSIGNED, attempt__launch=GATHERS)
    if not moved.update(state=Follower.READY, ready_at=now, seen_at=now):
        return False
    part.state = Follower.READY
    doorbell.poke_soon([part.attempt.node.name])
    return True


def launched(part: Follower, pid: int) -> None:
    """Its leader lives."""
    Follower.objects.filter(pk=part.pk).update(pid=pid)


def renew(part: Follower, now: datetime) -> bool:
    """It is there; False when the attempt is over or somebody else's: its processes must end."""
    return bool(_live(part).exclude(state=Follower.OVER).update(seen_at=now))


@transaction.atomic
def over(part: Follower, exit: str, reason: str, now: datetime) -> None:  # noqa: A002
    """None of its processes is left. A `reason` blames this node and is a sentence."""
    rows = Follower.objects.filter(pk=part.pk).exclude(state=Follower.OVER)
    rows.update(state=Follower.OVER, exit=exit[:40], reason=reason, finished_at=now)
    doorbell.poke_soon([part.attempt.node.name])


def after_reboot(node: Node, now: datetime) -> int:
    """The machine was restarted: none of its parts runs."""
    parts = on(node)
    for part in parts:
        begun = part.state not in WAITING
        words = f"{node.name} was restarted." if begun else ""
        over(part, "reboot" if begun else NOT_BEGUN, words, now)
    return len(parts)


def _live(part: Follower) -> QuerySet[Follower]:
    return Follower.objects.filter(
        pk=part.pk, attempt__fence=part.attempt.fence, attempt__state__in=CLAIMED
    )


def wake(attempt: Attempt) -> None:
    """The attempt is over: each node may give its devices back."""
    doorbell.poke_soon(_nodes(attempt))


def _nodes(attempt: Attempt) -> list[str]:
    return list(Follower.objects.filter(attempt=attempt).values_list("node__name", flat=True))

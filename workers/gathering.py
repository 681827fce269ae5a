"""The first part of a job on several nodes: waits for the others, starts and ends with them.

All parts run or none does. When one ends badly the first part's agent ends the rest and says once,
with the node's name, what happened.
"""

import time
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from django.conf import settings

from recipes.job import STOPPED, YIELDED
from trackside.compute import clock
from trackside.compute.models import Gpu
from trackside.jobs import followers, services
from trackside.jobs.attempts import LEASE
from trackside.jobs.models import Attempt, Follower
from trackside.jobs.retries import TIME_LIMIT
from workers import sweep
from workers.verdict import Verdict, judge, last_words, told

WITHIN = timedelta(seconds=settings.CLAIM_SECONDS)  # for all parts to get ready
LOOK = 0.5
PATIENCE = 10.0  # for the other parts to end by themselves after a good end
LONGEST = 60.0  # for their agents to end them; then nobody knows what becomes of them
# How a part ends that is no fault of the job's, and the cause that this is.
LOSSES = {
    "lost": "leader_killed",
    "reboot": "reboot",
    "launch": "rendezvous",
    "gpu_failed": "gpu_failed",
}
FAILURES = ("over_budget",)  # its agent's own word for what the job did there
WELL = ("0", str(YIELDED))
FINE = ("", *WELL, str(STOPPED), "killed", followers.NOT_BEGUN)


@dataclass
class Gathering:
    """What the first part's agent knows of the others. Times are of this machine's own clock."""

    attempt: Attempt
    waits: bool  # for the others to get ready; no rank lives yet
    parts: list[Follower] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    looked: float = 0.0
    went: bool = False
    ended: float = 0.0  # when the first part was over
    asked: bool = False  # the others to end
    failed: Verdict | None = None  # nothing was started

    def hurry(self) -> None:
        self.looked = 0.0

    def look(self) -> bool:
        """Read the rows anew, twice a second at most; whether it was done."""
        now = time.monotonic()
        if now - self.looked < LOOK:
            return False
        self.looked = now
        self.parts = followers.of(self.attempt)
        return True

    # --- before the start ----------------------------------------------------------------------

    def complete(self) -> bool:
        """All parts are ready, so that the ranks can be started. False also when it has failed."""
        if not self.look():
            return False
        guilty = [part for part in self.parts if part.reason]
        if guilty:
            self._abort(guilty[0].reason)
        elif all(part.state == Follower.READY for part in self.parts):
            self.waits = False
            return True
        elif time.monotonic() - self.began > WITHIN.total_seconds():
            late = [part.node.name for part in self.parts if part.state == Follower.ASSIGNED]
            words = f"not ready within {WITHIN.total_seconds():.0f} seconds"
            followers.end(self.attempt, clock.now(), late=f"was {words}.")
            were = "was" if len(late) == 1 else "were"
            self._abort(f"{' and '.join(late)} {were} {words}.")
        return False

    def stop(self) -> None:
        """Somebody wants it to end before it has begun."""
        self.waits = False

    def _abort(self, reason: str) -> None:
        self.waits = False
        self.failed = Verdict(end="lose", reason=reason, cause="rendezvous")

    # --- while it runs -------------------------------------------------------------------------

    def gpus(self) -> list[Gpu]:
        """Those of the other parts, as their nodes' heartbeats tell of them."""
        uuids = [uuid for part in self.parts for uuid in part.compute.get("uuids", ())]
        return list(Gpu.objects.filter(uuid__in=uuids))

    def pass_on(self, folder: Path) -> None:
        """The address, once the first part's leader listens."""
        leader = {} if self.went else told(folder)
        if leader.get("address") and leader.get("fence") == self.attempt.fence:
            followers.go(self.attempt, str(leader["address"]), clock.now())
            self.went = True

    def broken(self) -> bool:
        """Another part is over or lost: this one has to end too."""
        if self.look() and not self.asked:
            self.asked = any(self._bad(part) for part in self.parts)
            if self.asked:
                followers.end(self.attempt, clock.now())
        return self.asked and not self.ended

    def _bad(self, part: Follower) -> bool:
        if part.state == Follower.OVER:
            return part.exit not in WELL
        return self._silent(part)

    def _silent(self, part: Follower) -> bool:
        return part.seen_at is not None and clock.now() - part.seen_at > LEASE

    # --- the end -------------------------------------------------------------------------------

    def over(self, folder: Path) -> bool:
        """The first part's processes are gone; whether the others are over too, or given up."""
        now = time.monotonic()
        self.ended = self.ended or now
        self.look()
        well = told(folder).get("exit") in (0, YIELDED)
        if not self.asked and (not well or now - self.ended > PATIENCE):
            followers.end(self.attempt, clock.now())
            self.asked = True
            self.hurry()
        left = [part for part in self.parts if part.state != Follower.OVER]
        silent = all(self._silent(part) for part in left)
        return not left or silent or now - self.ended > LONGEST

    def release(self) -> None:
        """Of a part that is over nothing is left, or nothing ever was."""
        for part in self.parts:
            if part.state == Follower.OVER:
                services.release(self.attempt, node=part.node_id)
        followers.wake(self.attempt)

    def verdict(self, own: Verdict) -> Verdict:
        """Of several ends the one that was the cause. `own` is that of the first part alone."""
        if own.end in ("finish", "cancel"):
            return own
        if own.end == "give_way":
            who = next((part.reason for part in self.parts if part.reason), "")
            return replace(own, reason=who) if own.cause == "stopped" and who else own
        if self.failed:
            return self.failed
        first = sweep.folder(self.attempt)
        if _undone(first):
            return self._named(own, self.attempt.node.name)
        part = self._cause(own_fault=_failed(first))
        return self._of(part) if part else self._named(own, self.attempt.node.name)

    def _cause(self, *, own_fault: bool) -> Follower | None:
        """A killed or hung rank, then a lost machine, then who spoke first of an error."""
        bad = [part for part in self.parts if part.exit not in FINE or self._lost(part)]
        for guilty in (_was_undone, self._lost, lambda _part: not own_fault):
            for part in bad:
                if guilty(part):
                    return part
        return None

    def _lost(self, part: Follower) -> bool:
        return part.state != Follower.OVER or part.exit in ("stopped", *LOSSES, *FAILURES)

    def _of(self, part: Follower) -> Verdict:
        if part.state != Follower.OVER:
            words = f"{part.node.name} has not been heard from."
            return Verdict(end="lose", reason=words, cause="node_lost")
        if part.exit == "stopped":
            return Verdict(end="give_way", reason=part.reason, cause="stopped")
        if part.exit in LOSSES:
            return Verdict(end="lose", reason=part.reason, cause=LOSSES[part.exit])
        if part.exit in FAILURES:
            return Verdict(end="fail", reason=part.reason, cause=part.exit, exit=part.exit)
        own = judge(sweep.folder(part), fence=self.attempt.fence, stop="")
        return self._named(own, part.node.name)

    def _named(self, one: Verdict, node: str) -> Verdict:
        """What lies in the job itself would be the same on every node."""
        own = one.cause in ("bad_data", "not_finite", TIME_LIMIT) or not one.reason
        return one if own else replace(one, reason=f"On {node}: {one.reason}")


def _was_undone(part: Follower) -> bool:
    return _undone(sweep.folder(part))


def _undone(folder: Path) -> bool:
    """A rank of this part was killed or stands still: the errors of all others follow from it."""
    leader = told(folder)
    return bool(leader.get("signal")) or leader.get("cause") == "hung"


def _failed(folder: Path) -> bool:
    """Whether this part's journal tells of an error: only the first part to fail writes it."""
    return "failed" in last_words(folder)

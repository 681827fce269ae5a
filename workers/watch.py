"""Follows the gangs of this node: journal to database, stops to the gang, and the end.

The order of an end is fixed: the leader is gone, the journal is read, no process of the attempt is
left, the row moves, the devices go.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from django.conf import settings
from django.db import DatabaseError

from recipes import crash, processes
from recipes.events import read_from
from recipes.kinds import KINDS
from trackside.compute import clock
from trackside.compute.services import GpuSample
from trackside.jobs import services
from trackside.jobs.followers import GATHERS
from trackside.jobs.models import Attempt
from trackside.jobs.moves import StaleAttempt
from trackside.jobs.retries import ON_ORDER, TIME_LIMIT
from workers import access, sweep
from workers.budget import Budgets
from workers.closing import close
from workers.condemned import Condemned, Fault
from workers.gathering import Gathering
from workers.launch import several
from workers.leader import Leader
from workers.load import Load
from workers.verdict import judge, told

RENEW = min(5.0, settings.LEASE_SECONDS / 6)
ASK_STOP = 0.5
CANCEL_MOST = 25.0  # the leader's own grace is 10 s; after this it is no longer trusted
YIELD_MOST = 120.0  # for a checkpoint; then the gang is ended and goes on from an older one
LEAVE_MOST = 30.0  # the same where this agent itself is to end: see agent.LEAVE_WITHIN
WAYS = (*ON_ORDER, TIME_LIMIT)  # why a job gives way
log = logging.getLogger(__name__)


@dataclass
class Gang(Leader):
    """A running attempt, as this agent sees it."""

    attempt: Attempt
    stop: str = ""  # what was passed on
    stopped: float = 0.0
    signalled: bool = False
    tries: int = 0
    trouble: str = ""  # that kept it from being followed, said once
    over: bool = False  # the row has moved; only the devices are left to release
    load: Load = field(default_factory=Load)
    others: Gathering | None = None  # of a job on several nodes: what we know of the other parts


class Watch:
    """All gangs of this node. Only `add` and `busy` are for other threads."""

    def __init__(
        self,
        samples: Callable[[], dict[str, GpuSample]],
        launch: Callable[[Attempt], bool],
        fault: Fault,
        budgets: Budgets,
    ) -> None:
        self._samples, self._launch = samples, launch
        self._condemned, self._budgets = Condemned(fault), budgets
        self._gangs: dict[int, Gang] = {}
        self._lock = threading.Lock()
        self._renewed = self._asked = 0.0
        self.leaving = 0.0  # since when

    def add(self, attempt: Attempt, pid: int, started: int, *, waits: bool = False) -> None:
        """With `waits` it is launched when the other parts are ready."""
        gang = Gang(sweep.folder(attempt), pid, started, attempt)
        if several(attempt):
            gang.others = Gathering(attempt, waits=waits, went=bool(attempt.address))
        with self._lock:
            self._gangs[attempt.pk] = gang

    def adopt(self, attempt: Attempt) -> None:
        """An attempt that a former agent had claimed. Without a leader it ends at the next tick."""
        leader = told(sweep.folder(attempt))
        if attempt.launch == GATHERS and not leader and not sweep.living(attempt):
            self.add(attempt, 0, 0, waits=True)
            return
        pid, started = int(leader.get("pid") or 0), int(leader.get("started") or 0)
        if leader.get("fence") != attempt.fence:
            pid = attempt.pid or 0
            known = pid and processes.worn(pid) == sweep.tag(attempt)
            started = processes.started(pid) if known else -1
        self.add(attempt, pid, started)

    def gangs(self) -> list[Gang]:
        with self._lock:
            return list(self._gangs.values())

    def busy(self) -> set[str]:
        """The devices on which our gangs run."""
        return {uuid for gang in self.gangs() for uuid in gang.attempt.compute.get("uuids", ())}

    def hurry(self) -> None:
        """A doorbell: look for stops, and at other parts, at the next tick."""
        self._asked = 0.0
        for gang in self.gangs():
            if gang.others:
                gang.others.hurry()

    def tick(self) -> None:
        """One round over all gangs."""
        self._keep_alive()
        self._renew()
        self._look_for_stops()
        failed: list[DatabaseError] = []
        for gang in self.gangs():
            try:
                self._follow(gang)
                gang.trouble = ""
            except StaleAttempt as stale:
                self._abandon(gang, str(stale))
            except DatabaseError as problem:
                failed.append(problem)
            except Exception as problem:  # what is wrong with one must not keep the others
                if repr(problem) != gang.trouble:
                    gang.trouble = repr(problem)
                    log.exception("Attempt %s cannot be followed.", gang.attempt.pk)
        if failed:
            raise failed[0]

    def _keep_alive(self) -> None:
        """Tell the gangs that an agent is there, also while the database is away."""
        now = time.monotonic()
        for gang in self.gangs():
            gang.keep_alive(now)

    def _renew(self) -> None:
        """Leases every few seconds; a gang whose lease is gone has been given to somebody else."""
        now = time.monotonic()
        gangs = [gang for gang in self.gangs() if not gang.over]
        if not gangs or now - self._renewed < RENEW:
            return
        ours = services.renew([gang.attempt for gang in gangs], clock.now())
        self._renewed = now
        for gang in gangs:
            if gang.attempt.pk not in ours:
                self._abandon(gang, "it has been given to somebody else")

    def _look_for_stops(self) -> None:
        now = time.monotonic()
        if now - self._asked < ASK_STOP:
            return
        self._asked = now
        gangs = {gang.attempt.pk: gang for gang in self.gangs() if not gang.over}
        rows = Attempt.objects.filter(pk__in=gangs).exclude(job__stop="")
        asked = dict(rows.values_list("pk", "job__stop"))
        for attempt, gang in gangs.items():
            stop = asked.get(attempt) or ("stopped" if self.leaving else "")
            if stop:
                self._pass_on(gang, stop)

    def _pass_on(self, gang: Gang, stop: str) -> None:
        """By the file; where that is not heard or not enough by SIGTERM; then by force."""
        now = time.monotonic()
        if stop != gang.stop:
            gang.stop, gang.stopped, gang.signalled = stop, now, False
            with suppress(OSError):
                (gang.folder / "stop").write_text("yield" if stop in WAYS else stop)
        if stop == "finish_early":
            return
        patience = self._patience(gang, stop)
        if now - gang.stopped >= patience and not gang.signalled:
            gang.signalled = True
            gang.end()
        if now - gang.stopped > patience + CANCEL_MOST:
            sweep.kill(gang.attempt)

    def _patience(self, gang: Gang, stop: str) -> float:
        """How long a gang may take to give way. There is nothing to wait for in a cancel."""
        kind = KINDS.get(gang.attempt.job.kind)
        begun = gang.attempt.first_step_at is not None  # before it there is nothing to keep
        if stop == "cancel" or kind is None or not kind.resumes or not begun:
            return 0.0
        if self.leaving:  # whoever was asked before has its time from then on too
            return min(YIELD_MOST, self.leaving - gang.stopped + LEAVE_MOST)
        return YIELD_MOST

    def _gather(self, gang: Gang, others: Gathering) -> None:
        """All parts are ready, or they never will be: then its end is told as any other."""
        if gang.stop and gang.stop != "finish_early":
            others.stop()
        elif others.complete() and not self._launch(gang.attempt):
            self._forget(gang)

    def _accompany(self, gang: Gang, others: Gathering) -> None:
        """Of a job on several nodes: no part runs without the others."""
        if not gang.over:
            others.pass_on(gang.folder)
            if others.broken() and not gang.signalled:
                gang.signalled = True
                gang.end()

    def _follow(self, gang: Gang) -> None:
        if gang.others and gang.others.waits:
            self._gather(gang, gang.others)
            return
        if gang.others:
            self._accompany(gang, gang.others)
        if not gang.over:
            self._condemned.look(gang.attempt)
            self._budgets.look(gang.attempt)
        ended = not gang.lives  # looked at before the journal, so that its last line is not missed
        if not gang.over:
            self._record(gang)
            crash.point("watch.recorded")
        if ended:
            self._end(gang)

    def _record(self, gang: Gang) -> None:
        start = gang.attempt.journal_offset
        events, offset = read_from(gang.folder / "events.jsonl", start)
        if gang.load.due(time.monotonic()):
            elsewhere = gang.others.gpus() if gang.others else []
            load = gang.load.event(gang.attempt, self._samples(), elsewhere)
            events += [load] if load else []
        if events:
            crash.point("watch.read")
            services.record(gang.attempt, events, offset, clock.now())

    def _end(self, gang: Gang) -> None:
        crash.point("watch.ended")
        if not sweep.kill(gang.attempt):
            if self._condemned.held(gang.attempt) and not gang.over:
                self._close(gang)  # the job goes on elsewhere, its devices stay with what is left
                gang.over = True
            return  # look again at the next tick
        if not gang.over:
            if gang.others and not gang.others.over(gang.folder):
                return
            self._close(gang)
            gang.over = True
            crash.point("watch.closed")
        services.release(gang.attempt)
        crash.point("watch.released")
        if gang.others:
            gang.others.release()
        self._forget(gang)

    def _close(self, gang: Gang) -> None:
        stop = Attempt.objects.values_list("job__stop", flat=True).get(pk=gang.attempt.pk)
        verdict = judge(gang.folder, fence=gang.attempt.fence, stop=stop, leaving=self.leaving > 0)
        verdict = self._condemned.verdict(gang.attempt, verdict)
        verdict = self._budgets.verdict(gang.attempt, verdict)
        if gang.others:
            verdict = gang.others.verdict(verdict)
        crash.point("watch.judged")
        gang.tries += 1
        close(gang.attempt, verdict, gang.tries)

    def _abandon(self, gang: Gang, why: str) -> None:
        """Not ours any more: end its processes; the row belongs to somebody else."""
        log.warning("Ending the processes of attempt %s: %s", gang.attempt.pk, why)
        if sweep.kill(gang.attempt):
            self._forget(gang)
            with suppress(services.StillRunning):
                services.release(gang.attempt)

    def _forget(self, gang: Gang) -> None:
        access.drop(gang.attempt)
        with self._lock:
            self._gangs.pop(gang.attempt.pk, None)
        self._condemned.forget(gang.attempt)
        self._budgets.forget(gang.attempt)

    def stop_all(self) -> None:
        """Ctrl-C: end every gang in order. Tick on until none is left."""
        self.leaving = time.monotonic()
        self.hurry()

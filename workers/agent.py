"""The agent of one node: `python -m workers.agent`.

SIGTERM ends the agent and leaves its jobs running: the next agent adopts them. SIGINT, the
supervisor's Ctrl-C, ends the jobs too. The main thread starts the zygote; the others poll, beat,
watch and hear the doorbells.
"""

import hashlib
import logging
import os
import signal
import sys
import threading
import time
from types import FrameType

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "trackside.config.settings")
django.setup()

from django.db import DatabaseError, connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from recipes import crash  # noqa: E402
from trackside.compute import clock  # noqa: E402
from trackside.compute.models import Lease  # noqa: E402
from trackside.compute.services import StaleNode  # noqa: E402
from trackside.compute.storage import BadStorage  # noqa: E402
from trackside.config import env  # noqa: E402
from trackside.jobs import followers, services  # noqa: E402
from trackside.jobs.attempts import CLAIMED  # noqa: E402
from trackside.jobs.models import Attempt  # noqa: E402
from trackside.jobs.moves import StaleAttempt  # noqa: E402
from trackside.jobs.states import AttemptState  # noqa: E402
from workers import access, leases, sweep  # noqa: E402
from workers.budget import Budgets  # noqa: E402
from workers.cards import BadFleet  # noqa: E402
from workers.doorbells import Doorbells  # noqa: E402
from workers.followers import Followers  # noqa: E402
from workers.launch import Launcher, Zygote, several, write_folder  # noqa: E402
from workers.loops import Loop  # noqa: E402
from workers.network import BadNetwork  # noqa: E402
from workers.node import BEAT, Here  # noqa: E402
from workers.outcomes import tidy  # noqa: E402
from workers.watch import Watch  # noqa: E402

POLL, TICK, KEEP, TIDY = 1.0, 0.15, 0.25, 3600.0
# From the signal on: a checkpoint (watch.LEAVE_MOST), the leader's own grace, the last words. Who
# started the agent waits longer: fleet.GRACE of `make run`, 60 s of systemd and containers.
LEAVE_WITHIN = 45.0
log = logging.getLogger("workers.agent")


class Agent:
    """What one process of this machine does for the fleet."""

    def __init__(self) -> None:
        self.here = Here()
        trace = hashlib.sha256(self.here.name.encode()).hexdigest()[:8]
        self.zygote = Zygote(env.run_folder() / f"z-{trace}.sock")
        self.launcher = Launcher(self.zygote)
        budgets = Budgets(self.here.gpus)
        self.watch = Watch(lambda: self.here.samples, self._launch, self.here.fault, budgets)
        self.followers = Followers(
            lambda: self.here.row, self.here.gpus, self.launcher, self.here.fault
        )
        self.over = threading.Event()
        self.told = 0.0  # when it was to end
        self.stop_jobs = False
        self.starting = threading.Lock()
        self.watching = Loop("watch", self._tick, TICK)
        self.polling = Loop("poll", self._poll, POLL)
        self.beating = Loop("heartbeat", self._beat, BEAT.total_seconds())
        self.tidying = Loop("tidy", tidy, TIDY)  # of its own: a storage may hang
        self.doorbells = Doorbells(self.here.name, self._rung, self._poked)

    def run(self) -> int:
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, self._told_to_end)
        self.zygote.keep()  # it warms up while we register
        self._register()
        if not self.over.is_set():
            self._adopt()
            for loop in (self.watching, self.polling, self.beating, self.tidying):
                loop.start()
            self.doorbells.start()
            threading.Thread(target=self._learn, name="catalogue", daemon=True).start()
            log.info("%s is ready.", self.here.name)
        while not self.over.wait(KEEP):
            self.zygote.keep()
        self._leave()
        return 0

    def _told_to_end(self, number: int, _frame: FrameType | None) -> None:
        self.told = self.told or time.monotonic()
        self.stop_jobs = self.stop_jobs or number == signal.SIGINT
        self.over.set()

    def _register(self) -> None:
        """The database may still be on its way up: the agent waits for it."""
        while not self.over.is_set():
            try:
                self.here.register()
            except DatabaseError as problem:
                log.warning("Cannot register yet: %s", problem)
                connection.close()
                self.over.wait(1.0)
            else:
                return

    def _adopt(self) -> None:
        """Attempts that a former agent of this node had claimed."""
        access.tidy(self.here.name)
        rows = Attempt.objects.filter(node=self.here.row, state__in=CLAIMED)
        for attempt in rows.select_related("job", "node"):
            log.info("Adopting attempt %s of job %s.", attempt.pk, attempt.job_id)
            self.watch.adopt(attempt)

    # --- threads -------------------------------------------------------------------------------

    def _tick(self) -> None:
        try:
            self.watch.tick()
        finally:  # a database that is away must not let the other parts' ranks think they are alone
            self.followers.tick()
        self.launcher.bury()

    def _beat(self) -> None:
        try:
            self.here.beat(self.watch.busy() | self.followers.busy(), self.zygote.ready)
        except StaleNode as stale:
            log.warning("%s Its jobs go on under the newer agent.", stale)
            self.over.set()

    def _poll(self) -> None:
        """The slow twin of the doorbell, and the end of quarantines."""
        rows = Attempt.objects.filter(node=self.here.row, state=AttemptState.ASSIGNED)
        for number, since in rows.values_list("pk", "assigned_at"):
            self.doorbells.missed((clock.now() - since).total_seconds())
            self.start(number)
        with self.starting:  # what was lost while it starts has no process yet: not to be believed
            self._end_quarantines()

    def _end_quarantines(self) -> None:
        held = Lease.objects.filter(node=self.here.row, quarantined=True)
        watched = {gang.attempt.pk for gang in self.watch.gangs()}
        watched |= {one.part.attempt_id for one in self.followers.running()}
        for attempt in Attempt.objects.filter(leases__in=held).distinct():
            if attempt.pk not in watched and sweep.kill(sweep.of(attempt, self.here.row)):
                services.release(attempt, node=self.here.row.pk)

    def _learn(self) -> None:
        try:
            self.here.learn()
        except DatabaseError as problem:
            log.warning("The catalogue could not be stored: %s", problem)
        finally:
            connection.close()

    def _rung(self, attempt: int) -> None:
        try:
            self.start(attempt)
        except DatabaseError as problem:
            log.warning("Attempt %s waits for the poll: %s", attempt, problem)

    def _poked(self) -> None:
        self.watch.hurry()
        self.followers.hurry()
        self.watching.wake()
        self.polling.wake()

    def start(self, number: int) -> None:
        """Claim and launch. Called for the same attempt any number of times."""
        with self.starting:  # who ends the jobs waits for it, so that none starts behind its back
            if not self.over.is_set():
                self._start(number)

    def _start(self, number: int) -> None:
        attempt = leases.claim(number, node=self.here.row.pk, gpus=self.here.gpus)
        if attempt is None:
            self.followers.hurry()  # its first part may be on another node
            self.watching.wake()
            return
        crash.point("agent.claimed")
        try:
            write_folder(attempt)
        except (OSError, access.NoAccess) as problem:
            self._not_started(attempt, problem)
            return
        crash.point("agent.folder_written")
        if several(attempt):
            self.watch.add(attempt, 0, 0, waits=True)
            followers.gather(attempt)
        else:
            self._launch(attempt)
        self.watching.wake()

    def _launch(self, attempt: Attempt) -> bool:
        """Whether its leader lives and is watched; else the job has failed."""
        try:
            pid, started, how = self.launcher.start(attempt.job.kind, sweep.folder(attempt))
        except (OSError, TypeError, ValueError) as problem:
            self._not_started(attempt, problem)
            return False
        crash.point("agent.forked")
        self.watch.add(attempt, pid, started)
        try:
            services.mark_launched(attempt, pid, how)
        except StaleAttempt:
            log.info("Attempt %s was ended while it started.", attempt.pk)
        crash.point("agent.marked")
        return True

    def _not_started(self, attempt: Attempt, problem: Exception) -> None:
        log.error("Attempt %s cannot be started.", attempt.pk, exc_info=problem)
        reason = f"The job could not be started on {self.here.name}: {problem}"
        access.drop(attempt)
        if isinstance(problem, OSError):  # this machine's, not the job's
            services.lose(attempt, reason, cause="not_started")
        else:
            services.fail(attempt, reason=reason, exit="launch")
        followers.end(attempt, clock.now())
        services.release(attempt)

    # --- the end -------------------------------------------------------------------------------

    def _leave(self) -> None:
        self.doorbells.stop()
        self.here.asking.stop()
        self.polling.stop()
        self.watching.stop()
        with self.starting:
            if self.stop_jobs:
                self._end_jobs()
        self.beating.stop()
        self.zygote.stop()

    def _end_jobs(self) -> None:
        """Every gang gets its grace; its job waits in the queue for the next start."""
        self.watch.stop_all()
        self.followers.stop_all()
        until = self.told + LEAVE_WITHIN
        while self._at_work() and time.monotonic() < until:
            try:
                self._tick()
            except DatabaseError as problem:
                log.warning("Cannot record the end of a job: %s", problem)
            time.sleep(0.05)
        for gang in self.watch.gangs():
            sweep.kill(gang.attempt)
        for one in self.followers.running():
            sweep.kill(one.part)

    def _at_work(self) -> bool:
        return bool(self.watch.gangs() or self.followers.running())


def main() -> int:
    """The exit code."""
    logging.captureWarnings(True)
    log.info("Starting at %s.", timezone.now().isoformat(timespec="seconds"))
    try:
        return Agent().run()
    except (BadFleet, BadNetwork, BadStorage) as wrong:
        print(wrong, file=sys.stderr)  # noqa: T201
        return 2


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # threads of libraries must not hold up an agent that has put all in order

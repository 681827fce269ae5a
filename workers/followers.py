"""The parts on this node of jobs whose first part is on another: starts, watches and ends them."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from recipes import crash
from recipes.job import STOPPED, YIELDED, write_whole
from trackside.compute import clock
from trackside.compute.models import Node
from trackside.jobs import followers, services
from trackside.jobs.attempts import CLAIMED
from trackside.jobs.models import Follower
from trackside.jobs.states import AttemptState
from workers import sweep
from workers.budget import Budgets
from workers.condemned import Condemned, Fault
from workers.gpus import Gpus
from workers.launch import Launcher, write_part
from workers.leader import Leader
from workers.verdict import judge, told
from workers.watch import CANCEL_MOST, LEAVE_MOST

LOOK, LOOK_IDLE = 0.5, 3.0
log = logging.getLogger(__name__)


@dataclass
class Running(Leader):
    """A part that has been started."""

    part: Follower
    ending: float = 0.0  # since when it is to end
    left: bool = False  # because this agent ends


class Followers:
    """Only `hurry` and `busy` are for other threads."""

    def __init__(
        self, node: Callable[[], Node], gpus: Gpus, launcher: Launcher, fault: Fault
    ) -> None:
        self._node, self._gpus, self._launcher = node, gpus, launcher
        self._condemned, self._budgets = Condemned(fault), Budgets(gpus)
        self._running: dict[int, Running] = {}
        self._lock = threading.Lock()
        self._looked = 0.0
        self.leaving = 0.0

    def running(self) -> list[Running]:
        with self._lock:
            return list(self._running.values())

    def busy(self) -> set[str]:
        return {uuid for one in self.running() for uuid in one.part.compute.get("uuids", ())}

    def hurry(self) -> None:
        """A doorbell: look at the next tick."""
        self._looked = 0.0

    def tick(self) -> None:
        now = time.monotonic()
        self._keep_alive(now)
        if now - self._looked >= (LOOK if self._running else LOOK_IDLE):
            self._looked = now
            self._look()
        for one in self.running():
            if one.ending and now - one.ending > CANCEL_MOST:
                sweep.kill(one.part)
            self._condemned.look(one.part)
            self._budgets.look(one.part)
            if not one.lives:
                self._end(one)

    def stop_all(self) -> None:
        """Ctrl-C: the whole job gives way, and what of it is here ends in any case."""
        self.leaving = time.monotonic()
        for one in self.running():
            with suppress(OSError):
                write_whole(sweep.folder(one.part.attempt) / "stop", "yield")

    def _keep_alive(self, now: float) -> None:
        for one in self.running():
            one.keep_alive(now)
            if self.leaving and now - self.leaving > LEAVE_MOST:
                one.left = True
                self._stop(one)

    def _look(self) -> None:
        rows = {part.pk: part for part in followers.on(self._node())}
        for part in rows.values():
            self._act(part)
        for one in self.running():
            if one.part.pk not in rows:  # somebody has written that it is over
                self._stop(one)

    def _act(self, part: Follower) -> None:
        one = self._running.get(part.pk)
        if one is not None:
            one.part = part
        if part.attempt.state not in CLAIMED:
            if part.attempt.state != AttemptState.ASSIGNED:
                self._drop(part, one)
        elif part.state == Follower.ASSIGNED:
            self._get_ready(part)
        elif followers.renew(part, clock.now()):
            self._go_on(part, one)

    def _go_on(self, part: Follower, one: Running | None) -> None:
        if one is None and part.state in (Follower.GOING, Follower.ENDING):
            self._start_or_adopt(part)
        elif one and (part.state == Follower.ENDING or part.attempt.job.stop == "cancel"):
            self._stop(one)

    def _get_ready(self, part: Follower) -> None:
        """Devices free, by NVML's word, and the job's folder in sight."""
        if part.attempt.launch != followers.GATHERS or self.leaving:
            return
        reason, uuids = "", part.compute.get("uuids") or ()
        if not (sweep.folder(part.attempt) / "job.json").exists():
            reason = (
                f"{sweep.folder(part.attempt)} is not there: TRACKSIDE_STORAGE must be the same "
                "filesystem on all nodes"
            )
        elif uuids:
            shared = bool(part.compute.get("share"))
            reason = self._gpus.taken(uuids, shared=shared).rstrip(".")
        if reason:
            followers.over(part, "not ready", f"On {part.node.name}: {reason}.", clock.now())
            return
        crash.point("followers.checked")
        followers.ready(part, clock.now())
        crash.point("followers.ready")

    def _start_or_adopt(self, part: Follower) -> None:
        """A former agent may have started it: its leader has told, or is about to."""
        leader = told(sweep.folder(part))
        if leader.get("fence") == part.attempt.fence:
            self._add(part, int(leader.get("pid") or 0), int(leader.get("started") or 0))
        elif part.pid or part.state == Follower.ENDING:
            self._add(part, 0, 0)
        elif not sweep.living(part):
            self._launch(part)

    def _launch(self, part: Follower) -> None:
        self._add(part, 0, 0)  # whoever ends quarantines knows that something may come to be here
        try:
            folder = write_part(part)
            pid, started, _ = self._launcher.start(part.attempt.job.kind, folder)
        except (OSError, TypeError, ValueError) as problem:
            log.exception("%s cannot be started.", part)
            reason = f"On {part.node.name}: the job could not be started: {problem}"
            followers.over(part, "launch", reason, clock.now())
            self._forget(part)
            return
        crash.point("followers.launched")
        self._add(part, pid, started)
        followers.launched(part, pid)
        log.info("Started %s.", part)

    def _add(self, part: Follower, pid: int, started: int) -> None:
        with self._lock:
            self._running[part.pk] = Running(sweep.folder(part), pid, started, part)

    def _forget(self, part: Follower) -> None:
        with self._lock:
            self._running.pop(part.pk, None)
        self._condemned.forget(part)
        self._budgets.forget(part)

    def _stop(self, one: Running) -> None:
        if not one.ending:
            one.ending = time.monotonic()
            one.end()

    def _drop(self, part: Follower, one: Running | None) -> None:
        """The attempt is over: so is its part, once nothing of it is left."""
        if one is not None:
            self._stop(one)
        elif sweep.kill(part):
            followers.over(part, followers.NOT_BEGUN, "", clock.now())

    def _end(self, one: Running) -> None:
        if not sweep.kill(one.part):
            self._condemned.held(one.part)
            return  # look again at the next tick
        crash.point("followers.gone")
        how, reason = self._outcome(one)
        followers.over(one.part, how, reason, clock.now())
        crash.point("followers.over")
        self._forget(one.part)
        with suppress(services.StillRunning):
            services.release(one.part.attempt, node=one.part.node_id)

    def _outcome(self, one: Running) -> tuple[str, str]:
        """How it ended, and the sentence that blames this node, where it is to blame."""
        leader, node = told(one.folder), one.part.node.name
        dead = self._condemned.look(one.part)
        if dead and not one.ending:
            return "gpu_failed", dead
        greedy = self._budgets.look(one.part)
        if greedy and not one.ending:
            return "over_budget", f"On {node}: {greedy}"
        code = leader.get("exit") if leader.get("fence") == one.part.attempt.fence else None
        stopped = f"Trackside was stopped on {node}." if self.leaving else ""
        if code in (0, YIELDED):
            return str(code), stopped if code else ""
        if one.left:
            return "stopped", stopped
        if code is None:
            words = f"On {node}: the leader of the job's processes was killed."
            return ("killed", "") if one.ending else ("lost", words)
        found = judge(one.folder, fence=one.part.attempt.fence, stop="")
        return (found.exit or str(code), "" if code == STOPPED else f"On {node}: {found.reason}")

"""The gang leader: forks the ranks of one job folder, watches them, and says how it ended.

One thread, nothing imported that computes. It writes `attempt.json`, caps `log.txt`, passes SIGTERM
on, stops the others when one rank fails, and leaves no process behind. It needs no agent: when
nobody has touched the file `alive` for ten minutes, it ends the ranks so that they can be resumed.
"""

import json
import os
import select
import signal
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from recipes import crash, ends, meeting, processes, pulse
from recipes import rank as ranks
from recipes.job import STOPPED, YIELDED, BadJob, Job, read, write_whole
from recipes.log import Log

GRACE = 10.0  # seconds between SIGTERM and SIGKILL
GRACE_ALONE = 60.0  # to give way when the agent stayed away
DEAD_MAN = 600.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


def lead(folder: Path) -> int:
    """Run the job in `folder` to its end.

    0 when all ranks ended well, 75 when they yielded, 143 when they were stopped.
    """
    folder = folder.resolve()
    try:
        job = read(folder)
    except BadJob as wrong:
        print(wrong, file=sys.stderr)  # noqa: T201 - goes to log.txt, or to who runs it by hand
        if folder.is_dir():
            _report(folder, {"fence": 0, "exit": 1, "signal": None, "rank": None}, str(wrong))
        return 1
    try:
        return _Gang(folder, job).run()
    except BadJob as wrong:
        _report(folder, {"fence": job.fence, "exit": 1, "signal": None, "rank": None}, str(wrong))
        return 1


def _report(folder: Path, outcome: dict[str, int | str | None], reason: str) -> None:
    me = {"pid": os.getpid(), "started": processes.started(os.getpid())}
    write_whole(folder / "attempt.json", json.dumps({**me, **outcome, "reason": reason}))


@dataclass
class _Gang:
    folder: Path
    job: Job
    alive: dict[int, int] = field(default_factory=dict)  # pid -> rank
    ended: dict[int, int] = field(default_factory=dict)  # rank -> exit code, or minus the signal
    failed: int | None = None  # the rank that failed first
    asked: bool = False
    why: str = ""  # what is being stopped for: asked, rank, alone, hung, time_limit
    hung: pulse.Hung | None = None
    kill_at: float = float("inf")

    @property
    def ranks(self) -> range:
        """This part's, as they are numbered over all parts."""
        first = self.job.compute.first_rank
        return range(first, first + self.job.compute.ranks)

    def run(self) -> int:
        self._settle_down()
        bell, self.bell = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.log = Log(self.folder / "log.txt")
        self.meeting = meeting.arrange(self.folder, self.job)
        before = self._listen()
        self._tell(None)  # before the first rank: no rank lives whose leader nobody can find
        crash.point("gang.leader_told")
        for rank in self.ranks:
            self._fork(rank)
        self.meeting.close()
        self.log.close_input()
        crash.point("gang.ranks_forked")
        while self.alive:
            self._wait(bell)
            self._reap()
            self._judge()
        self._clear()
        self.log.close()
        code = self._code()
        crash.point("gang.ranks_gone")
        self._tell(code)
        crash.point("gang.end_told")
        self._unlisten(before)
        os.close(bell)
        return code

    def _settle_down(self) -> None:
        self.home = Path(self.job.home or self.folder)
        self.touched = _touched(self.folder)
        self.began = self.seen = time.monotonic()
        self.kills = processes.memory_kills()
        self.pulse = pulse.Watcher(self.folder, self.ranks, self.job.compute.all_ranks)
        processes.adopt_orphans()
        processes.wear(processes.tag(self.job.job, self.job.fence, self.folder))
        if self.job.compute.cores:
            os.sched_setaffinity(0, set(self.job.compute.cores))

    def _listen(self) -> list[object]:
        """Signals only ring the bell that `_wait` sleeps on, so none is missed in between."""
        signal.set_wakeup_fd(self.bell, warn_on_full_buffer=False)
        return [signal.signal(one, self._noticed) for one in _SIGNALS]

    def _unlisten(self, before: list[object]) -> None:
        signal.set_wakeup_fd(-1)
        for one, handler in zip(_SIGNALS, before, strict=True):
            signal.signal(one, handler or signal.SIG_DFL)  # type: ignore[arg-type]
        os.close(self.bell)

    def _noticed(self, number: int, _frame: object) -> None:
        self.asked = self.asked or number != signal.SIGCHLD

    def _fork(self, rank: int) -> None:
        leader = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._be(rank, leader)
        self.alive[pid] = rank

    def _be(self, rank: int, leader: int) -> NoReturn:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for one in _SIGNALS:
                signal.signal(one, signal.SIG_DFL)
            processes.die_with(leader)
            self.log.become_output()
            self._settle(rank - self.job.compute.first_rank)
            code = ranks.run(
                self.folder,
                rank=rank,
                world=self.job.compute.all_ranks,
                rendezvous=self.meeting.of(rank),
            )
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except BaseException:  # a fork must never return into the code of its parent
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _settle(self, place: int) -> None:
        """Devices by UUID and this rank's own cores. All ranks see all devices of their part."""
        compute = self.job.compute
        real = compute.device == "cuda" and not compute.simulated
        os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(compute.uuids) if real else ""
        if compute.interface:
            os.environ["GLOO_SOCKET_IFNAME"] = compute.interface
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        os.environ.setdefault("NCCL_SOCKET_IFNAME", compute.interface or "lo")
        mine = compute.cores[place * compute.threads : (place + 1) * compute.threads]
        if mine:
            os.sched_setaffinity(0, set(mine))

    def _wait(self, bell: int) -> None:
        """Sleep until a signal, output, or a second has passed."""
        ready, _, _ = select.select([bell, *self.log.inputs()], [], [], 1.0)
        if bell in ready:
            os.read(bell, 512)
        self.log.copy()

    def _reap(self) -> None:
        """Collect what ended. Of two that ended at once, the one that was killed is the cause."""
        worst: int | None = None
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            rank = self.alive.pop(pid, None)
            if rank is None:
                continue  # an orphan we adopted
            code = os.waitstatus_to_exitcode(status)
            self.ended[rank] = code
            if code not in (0, YIELDED) and (worst is None or code < self.ended[worst]):
                worst = rank
        if worst is not None and self.failed is None and not (self.why or self.asked):
            self.failed = worst

    def _judge(self) -> None:
        now = time.monotonic()
        if not self.why and self.alive:
            if self.asked:
                self._stop("asked", now + GRACE)
            elif self.failed is not None:
                self._stop("rank", now + GRACE)
            elif self._abandoned(now):
                self._give_way("alone", now)
            elif self.job.seconds is not None and now - self.began >= self.job.seconds:
                self._give_way("time_limit", now)
            elif hung := self.pulse.look():
                self.hung, self.failed = hung, hung.rank
                self._stop("hung", now + GRACE)
        if now >= self.kill_at:
            self._signal(signal.SIGKILL)

    def _abandoned(self, now: float) -> bool:
        """Nobody touches `alive`. Measured on our own clock: the wall clock may be set."""
        touched = _touched(self.folder)
        if touched != self.touched:
            self.touched, self.seen = touched, now
        return touched is not None and now - self.seen > DEAD_MAN

    def _give_way(self, why: str, now: float) -> None:
        """Let the ranks write a checkpoint; a kind that writes none is ended later."""
        self.why, self.kill_at = why, now + GRACE_ALONE
        write_whole(self.home / "stop", "yield")

    def _stop(self, why: str, kill_at: float) -> None:
        self.why, self.kill_at = why, kill_at
        self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        for pid in self.alive:
            os.kill(pid, number)  # not reaped yet, so the pid is still ours

    def _clear(self) -> None:
        """End what the ranks left behind: it has become our child, whatever session it is in."""
        give_up = time.monotonic() + GRACE
        while time.monotonic() < give_up:
            left = [child for child in processes.children(os.getpid()) if child.alive]
            for child in left:
                os.kill(child.pid, signal.SIGKILL)
            self._reap()
            if not left:
                break
            time.sleep(0.01)
        (self.folder / f".rendezvous.{os.getpid()}").unlink(missing_ok=True)

    def _code(self) -> int:
        codes = set(self.ended.values())
        if codes <= {0, YIELDED}:
            return YIELDED if YIELDED in codes else 0
        return STOPPED if self.why in ("asked", "alone", "time_limit") or self.asked else 1

    def _tell(self, code: int | None) -> None:
        end = self.ended.get(self.failed, 0) if self.failed is not None else 0
        outcome = {
            "fence": self.job.fence,
            "exit": code,
            "signal": -end if end < 0 and not self.hung else None,
            "rank": self.failed,
            "cause": self._cause(end) if code else "",
            "address": self.meeting.address,
        }
        _report(self.folder, outcome, self._reason(end) if code else "")

    def _cause(self, end: int) -> str:
        """In the words of the platform's table of retries; empty where nothing went wrong."""
        if self.why in ("hung", "time_limit"):
            return self.why
        if self.failed is None:
            return ""
        return ends.cause(end, memory=processes.memory_kills() > self.kills)

    def _reason(self, end: int) -> str:
        if self.why == "alone":
            return "The node's agent was away for 10 minutes, so the job ended itself."
        if self.why == "time_limit":
            return "It has run as long as it may."
        if self.hung:
            return self.hung.reason
        if self.failed is None:
            return "It gave way." if self._code() == YIELDED else "It was stopped."
        who = f"Rank {self.failed} of {self.job.compute.all_ranks}"
        short = processes.memory_kills() > self.kills
        return ends.sentence(who, end, memory=short, last=self.log.last_line())


def _touched(folder: Path) -> float | None:
    try:
        return (folder / "alive").stat().st_mtime
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(lead(Path(sys.argv[1])))

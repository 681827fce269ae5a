"""The only place that starts a job's processes: warm through the zygote, else cold."""

import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings

from recipes import crash, processes
from recipes import job as jobs
from recipes.kinds import KINDS
from trackside.compute import clock
from trackside.config import env
from trackside.jobs import services
from trackside.jobs.models import Attempt, Follower
from workers import access, carry, sweep
from workers.environment import for_jobs

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
PAUSES = (0.0, 2.0, 10.0, 60.0)  # before a zygote that dies is started once more
ASK = 10.0
log = logging.getLogger(__name__)


class NoZygote(Exception):
    """No warm start is possible now; the message says why."""


def python(*arguments: str) -> list[str]:
    """This interpreter without the current folder on its path."""
    return [sys.executable, "-P", "-m", *arguments]


def write_folder(attempt: Attempt) -> Path:
    """Make the job folder of a claimed attempt. Raises OSError, NoAccess."""
    folder = sweep.folder(attempt)
    shutil.rmtree(folder, ignore_errors=True)  # of a job of that number in a former database
    compute = dict(attempt.compute)
    if several(attempt):
        host = attempt.node.address
        compute["rendezvous"] = f"tcp://{f'[{host}]' if ':' in host else host}:0"
        compute["interface"] = attempt.node.interface
    job = _job(attempt, compute)
    jobs.write(folder, replace(job, access=access.left(attempt)))
    crash.point("launch.folder_written")
    carry.checkpoints(attempt, folder)
    (folder / "alive").touch()
    return folder


def write_part(part: Follower) -> Path:
    """Make the folder of a part that is not the first, in that of the first."""
    folder = sweep.folder(part)
    compute = {**part.compute, "interface": part.node.interface}
    compute["rendezvous"] = f"tcp://{part.attempt.address}"
    job = _job(part.attempt, compute)
    jobs.write(folder, replace(job, home=str(sweep.folder(part.attempt))))
    crash.point("launch.part_written")
    (folder / "alive").touch()
    return folder


def several(attempt: Attempt) -> bool:
    """Whether it has parts on other nodes."""
    return bool(attempt.compute.get("world", 0) > attempt.compute.get("ranks", 1))


def _job(attempt: Attempt, compute: dict[str, Any]) -> jobs.Job:
    storage = Path(settings.TRACKSIDE_STORAGE)
    allowed = sorted(os.sched_getaffinity(0))
    cores = tuple(allowed[n] for n in compute.pop("cores", ()) if n < len(allowed))
    uuids = tuple(compute.pop("uuids", ()))
    return jobs.Job(
        job=attempt.job_id,
        kind=attempt.job.kind,
        spec=attempt.job.spec,
        attempt=attempt.number,
        fence=attempt.fence,
        seed=attempt.job.seed,
        compute=jobs.Compute(cores=cores, uuids=uuids, **compute),
        cache=str(storage / "cache"),
        weights=str(storage / "weights"),
        seconds=services.seconds_left(attempt.job, clock.now()),
    )


class Zygote:
    """The warm process of this node. `keep` is called from the agent's main thread only.

    Its socket carries the agent's number: a former agent's zygote ends some time after that agent,
    and takes its own socket along, never this one's.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(f"{path.stem}-{os.getpid()}{path.suffix}")
        self._any = f"{path.stem}-*{path.suffix}"
        self._process: subprocess.Popen[bytes] | None = None
        self._deaths = 0
        self._next = 0.0
        self.ready = False

    def keep(self) -> None:
        """Start it when it is not there; one that dies at once is tried more and more rarely."""
        now = time.monotonic()
        if self._process is not None and self._process.poll() is None:
            if self.ready and not self.path.exists():  # who cleans /tmp has taken it for litter
                self._process.terminate()
            self.ready = self.ready or self._answers()
            return
        if self._process is not None:
            log.warning("The zygote ended with %s; jobs start cold.", self._process.returncode)
            self._process, self.ready = None, False
            self._next = now + PAUSES[min(self._deaths, len(PAUSES) - 1)]
            self._deaths += 1
        if now >= self._next:
            self._start()

    def _start(self) -> None:
        for socket_of_old in self.path.parent.glob(self._any):
            socket_of_old.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            python("recipes.zygote", str(self.path), str(os.getpid())),
            cwd="/",
            env=for_jobs(**ONE_THREAD, **{processes.TAG: processes.BLANK_TAG}),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _answers(self) -> bool:
        if not self.path.exists():
            return False
        with contextlib.suppress(NoZygote):
            self._ask({})
            self._deaths = 0
            return True
        return False

    def fork(self, folder: Path) -> tuple[int, int]:
        """A leader for this job folder: its pid and start time. Raises NoZygote."""
        if not self.ready:
            raise NoZygote("The zygote is not ready.")
        answer = self._ask({"folder": str(folder)})
        return int(answer["pid"]), int(answer["start"])

    def _ask(self, request: dict[str, str]) -> dict[str, Any]:
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(ASK)
                line.connect(str(self.path))
                line.sendall(json.dumps(request).encode() + b"\n")
                with line.makefile("rb") as reply:
                    answer: dict[str, Any] = json.loads(reply.readline(65536))
        except (OSError, ValueError) as wrong:
            raise NoZygote(f"The zygote does not answer: {wrong}.") from None
        if "error" in answer:
            raise NoZygote(str(answer["error"]))
        return answer

    def stop(self) -> None:
        """The leaders it forked live on."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(3)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class Launcher:
    """Starts gang leaders. Cold ones are our children and must be buried by us."""

    def __init__(self, zygote: Zygote) -> None:
        self.zygote = zygote
        self._cold: list[subprocess.Popen[bytes]] = []

    def start(self, kind: str, folder: Path) -> tuple[int, int, str]:
        """Pid, start time, and how: warm or cold."""
        if KINDS[kind].torch:
            try:
                return (*self.zygote.fork(folder), "warm")
            except NoZygote as why:
                log.info("A cold start: %s", why)
        return (*self._start_cold(folder), "cold")

    def _start_cold(self, folder: Path) -> tuple[int, int]:
        with (folder / "log.txt").open("ab") as out:
            leader = subprocess.Popen(
                python("recipes.gang", str(folder)),
                cwd="/",
                env=for_jobs(**{processes.TAG: processes.BLANK_TAG}),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._cold.append(leader)
        return leader.pid, processes.started(leader.pid)

    def bury(self) -> None:
        """Collect the exit codes of cold leaders that ended."""
        self._cold = [leader for leader in self._cold if leader.poll() is None]


class Asking:
    """`python -m recipes catalogue` in the background: slow where something has changed since it
    was asked last, and stopped with the agent."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False
        self._starting = threading.Lock()

    def catalogue(self, *options: str) -> dict[str, Any] | None:
        """What the node can do; None when the child failed or was stopped."""
        weights = Path(settings.TRACKSIDE_STORAGE) / "weights"
        weights.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = env.home() / "catalogue.json"
        place = ("--weights", str(weights), "--kept", str(kept))
        command = python("recipes", "catalogue", *place, *options)
        with self._starting:
            if self._stopped:
                return None
            self._process = subprocess.Popen(
                ["nice", "-n", "15", *command],  # noqa: S607 - coreutils
                cwd="/",
                env=for_jobs(**ONE_THREAD),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                start_new_session=True,
                text=True,
            )
        out, _ = self._process.communicate()
        if self._process.returncode:
            return None
        try:
            answer: dict[str, Any] = json.loads(out)
        except ValueError:
            log.warning("The catalogue is not valid JSON: %.200s", out)
            return None
        return answer

    def stop(self) -> None:
        with self._starting:
            self._stopped = True
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

"""The job path on one thread: real services, real agents, with a simulated clock, simulated gangs,
and a network that loses, doubles and delays doorbells.

A process of it ends at a crash point by `Crash`: its transaction is rolled back and what it had in
memory is gone, as if it had been killed there.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self
from unittest import mock

from django.conf import settings
from django.db import connection

from recipes import crash, processes
from recipes.job import read
from tests.web.simulated_gang import Gang
from trackside.accounts.models import User
from trackside.compute import clock
from trackside.jobs import announce, bell, doorbell, services
from trackside.jobs.models import Attempt, Job
from trackside.projects.models import Project
from workers import agent as agents
from workers import followers, gathering, launch, leader, network, node, scheduler, sweep, watch

NODES = {"east": "2xH100-80GB", "west": "2xH100-80GB"}
EMPTIED = (  # every row that a run may leave, children first
    *("jobs_event", "jobs_checkpoint", "jobs_follower", "compute_lease", "jobs_attempt"),
    *("jobs_job", "jobs_leader", "compute_usage", "compute_gpu", "compute_node"),
)


class Crash(BaseException):
    """The process is gone at this very place."""


class Stage:
    """Two machines, a web, a scheduler. Every act of a process runs through `act`."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, tzinfo=UTC)
        self.gangs: list[Gang] = []
        self.messages: list[tuple[str, str, list[int]]] = []
        self.agents: dict[str, agents.Agent | None] = dict.fromkeys(NODES)
        self.boots = dict.fromkeys(NODES, 1)
        self.final: dict[int, str] = {}
        self.fences: dict[int, int] = {}
        self.passed: list[str] = []  # every crash point that was come by
        self.armed: tuple[str, int] | None = None  # a name ("" for any) and how often to pass it
        self.crashes = 0
        self._pids = count(10_000_000)
        self._keys = count()
        self._stack = ExitStack()
        self._scheduler: scheduler.Scheduler | None = None

    # --- the stage ----------------------------------------------------------------------------

    def __enter__(self) -> Self:
        storage = Path(settings.TRACKSIDE_STORAGE)
        for old in ("jobs", "models"):
            shutil.rmtree(storage / old, ignore_errors=True)
        with connection.cursor() as cursor:
            for table in EMPTIED:
                cursor.execute(f"DELETE FROM {table}")
        self.user = User.objects.get_or_create(username="ada")[0]
        self.project = Project.objects.get_or_create(key="SIM", name="Simulated")[0]
        for target, name, value in self._patches():
            self._stack.enter_context(mock.patch.object(target, name, value))
        self.spoil()
        for name in NODES:
            self.start(name)
        self._scheduler = scheduler.Scheduler()
        return self

    def __exit__(self, *_rest: object) -> None:
        self._stack.close()

    def _patches(self) -> list[tuple[Any, str, Any]]:
        times = SimpleNamespace(monotonic=lambda: self.time.timestamp(), time=self.stamp,
                                sleep=lambda _: None)  # fmt: skip
        quiet = SimpleNamespace(run=lambda _act: False)
        return [
            (crash, "point", self.point),
            (clock, "now", lambda: self.time),
            (doorbell, "_send", self._send),
            (announce, "fuse", quiet),
            (bell, "fuse", quiet),
            *((one, "time", times) for one in (watch, followers, gathering, scheduler, agents)),
            (sweep, "living", self._living),
            (sweep, "kill", self._kill),
            (processes, "same", lambda pid, _since: self._lives(pid)),
            (launch.Launcher, "start", lambda _launcher, _kind, folder: self._launch(folder)),
            (leader.Leader, "end", lambda one: self._signal(one.pid)),
            (node, "_boot_id", lambda: f"boot {self.boots[self.waking]}"),
            (network, "reach", lambda: SimpleNamespace(address="10.0.0.1", interface="lo")),
            (watch.Load, "due", lambda _load, _now: False),
            (watch, "Gathering", self._gathering),
        ]

    def _gathering(self, attempt: Attempt, **more: Any) -> gathering.Gathering:
        return gathering.Gathering(attempt, began=self.stamp(), **more)

    def stamp(self) -> float:
        return self.time.timestamp()

    # --- crashes ------------------------------------------------------------------------------

    def point(self, name: str) -> None:
        self.passed.append(name)
        if self.armed is None or self.armed[0] not in ("", name):
            return
        self.armed = (self.armed[0], self.armed[1] - 1)
        if self.armed[1] <= 0:
            self.armed = None
            self.crashes += 1
            raise Crash(name)

    def act(self, act: Callable[..., Any], *given: Any, of: str = "") -> Any:
        """`of` names the node whose agent does it: a crash takes the agent's memory along."""
        try:
            return act(*given)
        except Crash:
            if of:
                self.agents[of] = None
            return None

    # --- what the machines are made of --------------------------------------------------------

    def _send(self, name: str, task: str, args: list[int]) -> bool:
        self.messages.append((name, task, args))
        return True

    def _launch(self, folder: Path) -> tuple[int, int, str]:
        job = read(folder)
        tag = processes.tag(job.job, job.fence, folder)
        compute = job.compute
        gang = Gang(next(self._pids), folder, job.job, job.fence, compute.uuids, tag,
                    compute.first_rank == 0, compute.nodes)  # fmt: skip
        self.gangs.append(gang)
        gang.tell(None)
        return gang.pid, 1, "warm"

    def _living(self, part: sweep.Part) -> list[Any]:
        tag = sweep.tag(part)
        return [gang for gang in self.gangs if gang.alive and gang.tag == tag]

    def _kill(self, part: sweep.Part) -> bool:
        left = self._living(part)
        for gang in left:
            gang.end(None)
        return not left

    def _lives(self, pid: int) -> bool:
        return any(gang.pid == pid and gang.alive for gang in self.gangs)

    def _signal(self, pid: int) -> None:
        for gang in self.gangs:
            gang.signalled = gang.signalled or gang.pid == pid

    def succeed(self, gang: Gang) -> None:
        """The ranks of a job end well together, or not at all."""
        whole = (gang.job, gang.fence)
        parts = [one for one in self.gangs if one.alive and (one.job, one.fence) == whole]
        if len(parts) == gang.nodes:
            for one in parts:
                one.succeed()

    @property
    def ill(self) -> dict[str, str]:
        return {"TRACKSIDE_FAKE_FAULTS": str(Path(settings.TRACKSIDE_STORAGE) / "faults.json")}

    def spoil(self, **fault: Any) -> None:
        """Something is wrong with every GPU, or with none any more."""
        gpus = {"0": fault, "1": fault} if fault else {}
        text = json.dumps(dict.fromkeys(NODES, gpus))
        Path(self.ill["TRACKSIDE_FAKE_FAULTS"]).write_text(text)

    # --- acts ---------------------------------------------------------------------------------

    @contextmanager
    def as_node(self, name: str) -> Iterator[None]:
        self.waking = name
        with (
            mock.patch.dict("os.environ", {"TRACKSIDE_NODE": name, **self.ill}),
            mock.patch.object(settings, "TRACKSIDE_FAKE_GPUS", NODES[name]),
        ):
            yield

    def start(self, name: str, *, reboot: bool = False) -> None:
        """A new agent; it adopts what a former one has left."""
        if reboot:
            self.boots[name] += 1
            for gang in self.alive(name):
                gang.end(None)

        def begin() -> None:
            with self.as_node(name):
                one = agents.Agent()
                self.agents[name] = one
                one._register()
                one._adopt()
                one._beat()

        self.act(begin, of=name)

    def alive(self, name: str) -> list[Gang]:
        """The gangs at work on a node."""
        here = {
            sweep.tag(part)
            for attempt in Attempt.objects.select_related("node").exclude(folder="")
            for part in (attempt, *attempt.followers.all())
            if part.node.name == name
        }
        return [gang for gang in self.gangs if gang.alive and gang.tag in here]

    def turn(self, name: str) -> None:
        """One round of an agent's threads."""
        for part in ("_beat", "_poll", "_tick"):
            one = self.agents[name]
            if one is not None:
                self.act(getattr(one, part), of=name)

    def deliver(self, number: int, *, keep: bool = False) -> None:
        if not self.messages:
            return
        number %= len(self.messages)
        message = self.messages[number]
        name, task, args = message if keep else self.messages.pop(number)
        one = self.agents.get(name)
        if one is None:
            return
        if task == doorbell.START:
            self.act(one._rung, *args, of=name)
        else:
            self.act(one._poked, of=name)

    def click(self, compute: dict[str, Any], **more: Any) -> None:
        """The page tries again until it is told a job: then it is accepted."""
        key = f"click {next(self._keys)}"
        for _ in range(3):
            job = self.act(self._submit, key, compute, more)
            if job is not None:
                self.final[job.pk] = ""
                return

    def _submit(self, key: str, compute: dict[str, Any], more: dict[str, Any]) -> Job:
        return services.submit(
            project=self.project, user=self.user, kind="train", title="A job", spec={},
            compute={**compute, **more}, click_id=key,
        )  # fmt: skip

    def order(self, number: int, how: str) -> None:
        """A person stops, pauses, resumes or moves a job, or a node is drained."""
        job = Job.objects.order_by("-pk")[number : number + 1].first()
        if job is None:
            return
        acts: dict[str, Callable[[], Any]] = {
            "pause": lambda: services.pause(job, self.user),
            "resume": lambda: services.resume(job, self.user),
            "move": lambda: services.move(job, self.user, {"kind": "any", "count": 1}),
            "preempt": lambda: services.preempt(job, job.pk),
        }
        act = acts.get(how, lambda: services.stop(job, user=self.user, how=how))
        try:
            self.act(act)
        except (services.AlreadyOver, services.NotNow):
            return

    def schedule(self) -> None:
        assert self._scheduler is not None
        before = self.crashes
        self.act(self._scheduler.step)
        if self.crashes > before:
            self._scheduler = scheduler.Scheduler()

    def wait(self, seconds: float) -> None:
        """Time goes by. Nobody but the agents and the scheduler that are told to act notices."""
        self.time += timedelta(seconds=seconds)

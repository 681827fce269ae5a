"""The job path on one thread: real services, real agents, with a simulated clock, simulated gangs,
and a network that loses, doubles and delays doorbells.

A process of it ends at a crash point by `Crash`: its transaction is rolled back and what it had in
memory is gone, as if it had been killed there.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from django.conf import settings
from django.db import connection

from recipes import crash, processes
from recipes.events import Journal
from recipes.job import YIELDED, read
from trackside.accounts.models import User
from trackside.compute import clock
from trackside.jobs import announce, bell, doorbell, history, services
from trackside.jobs.models import Attempt, Event, Job
from trackside.jobs.states import ATTEMPT_OVER, JOB_OVER
from trackside.projects.models import Project
from workers import agent as agents
from workers import followers, gathering, launch, network, node, scheduler, sweep, watch

NODES = {"east": "2xH100-80GB", "west": "2xH100-80GB"}
EMPTIED = (  # every row that a run may leave, children first
    *("jobs_event", "jobs_checkpoint", "jobs_follower", "compute_lease", "jobs_attempt"),
    *("jobs_job", "jobs_leader", "compute_usage", "compute_gpu", "compute_node"),
)


class Crash(BaseException):
    """The process is gone at this very place."""


@dataclass
class Gang:
    """The processes of one part of an attempt: alive, or over with an exit that its leader told."""

    pid: int
    folder: Path
    job: int
    fence: int
    uuids: tuple[str, ...]
    tag: str
    first: bool  # it has rank 0, which writes the journal
    nodes: int  # on which the job runs
    alive: bool = True
    signalled: bool = False

    def tell(self, code: int | None) -> None:
        told = {"pid": self.pid, "started": 1, "fence": self.fence, "exit": code, "signal": None}
        words = {"rank": None, "reason": "It broke." if code == 1 else ""}
        if self.first and self.nodes > 1:
            words["address"] = "10.0.0.1:5000"
        (self.folder / "attempt.json").write_text(json.dumps({**told, **words}))

    def write(self, type: str, /, **data: Any) -> None:  # noqa: A002
        journal = Journal(self.folder)
        journal.write(type, **data)
        journal.close()

    def end(self, code: int | None) -> None:
        """None: killed before it could tell."""
        if self.alive:
            if code is not None:
                self.tell(code)
            self.alive = False

    def obey(self) -> None:
        """What a gang does when it is asked to stop."""
        word = (self.folder / "stop").read_text() if (self.folder / "stop").exists() else ""
        if self.signalled or word == "cancel":
            self.end(143)
        elif word == "yield":
            self.end(YIELDED)

    def keep(self) -> None:
        """A checkpoint, whole on disk and told."""
        place = self.folder / "checkpoints" / "e0001"
        place.mkdir(parents=True, exist_ok=True)
        (place / "manifest.json").write_text("{}")
        sha256 = hashlib.sha256(b"{}").hexdigest()
        self.write("checkpoint", epoch=1, step=0, path=str(place), sha256=sha256, bytes=2)

    def succeed(self) -> None:
        if self.first:
            bundle = self.folder / "bundle"
            bundle.mkdir(exist_ok=True)
            (bundle / "model.json").write_text("{}")
            self.write("finished", bundle="bundle", metrics={"accuracy": 1.0})
        self.end(0)


class World:
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

    def __enter__(self) -> "World":
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
            (watch.Watch, "_signal", lambda _watch, gang, _number: self._signal(gang.pid)),
            (followers, "os", SimpleNamespace(kill=lambda pid, _number: self._signal(pid))),
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

    # --- acts ---------------------------------------------------------------------------------

    @contextmanager
    def as_node(self, name: str) -> Iterator[None]:
        self.waking = name
        with (
            mock.patch.dict("os.environ", {"TRACKSIDE_NODE": name}),
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

    # --- what must hold -----------------------------------------------------------------------

    def check(self) -> None:
        """The invariants that hold at every moment; `settle` proves those of the end."""
        jobs = {job.pk: job for job in Job.objects.all()}
        live = list(Attempt.objects.exclude(state__in=ATTEMPT_OVER))
        for job, before in self.final.items():
            assert job in jobs, f"I1: job {job} was accepted and is lost"
            assert before in ("", jobs[job].state), f"I2: job {job} was {before}"
            if jobs[job].state in JOB_OVER:
                self.final[job] = jobs[job].state
        for job in jobs.values():
            mine = [one for one in live if one.job_id == job.pk]
            moving = job.state not in JOB_OVER and job.state != "queued"
            assert len(mine) == moving, f"I5: job {job.pk} is {job.state} with {mine}"
            assert job.fence >= self.fences.get(job.pk, 0), f"I5: a fence of {job.pk} fell"
            self.fences[job.pk] = job.fence
        self._check_devices()
        self._check_stories(jobs.values())

    def _check_devices(self) -> None:
        """I3: of gangs that live, no two have a device; I6: each has an attempt that knows it."""
        owners: dict[str, str] = {}
        for gang in self.gangs:
            if gang.alive:
                for uuid in gang.uuids:
                    other = owners.setdefault(uuid, gang.tag)
                    assert other == gang.tag, f"I3: {uuid} is used by {other} and {gang.tag}"
        newest: dict[int, int] = {}
        for gang in self.gangs:
            if gang.alive:
                assert newest.setdefault(gang.job, gang.fence) == gang.fence, "I6: two at once"

    def _check_stories(self, jobs: Any) -> None:
        for job in jobs:
            seqs = list(Event.objects.filter(job=job).order_by("seq").values_list("seq", flat=True))
            whole = list(range(1, job.event_seq + 1))
            thin = job.event_seq >= history.THIN_EVERY  # then it may have holes, but keeps its ends
            kept = (seqs[0], seqs[-1]) == (1, job.event_seq) if thin else seqs == whole
            assert kept, f"I11: job {job.pk}: {seqs}"

    def settle(self) -> None:
        """Let everything come back and go on: then each job has its one outcome and nothing is
        left."""
        self.armed = None
        for job in Job.objects.filter(paused=True).exclude(state__in=JOB_OVER):
            services.resume(job, self.user)
        for _ in range(400):
            self.round()
            if self.idle():
                break
        self.check()
        for job in Job.objects.all():
            assert job.state in JOB_OVER, f"I1: {job.pk} is {job.state}: {job.reason}"
            assert job.reason or job.state == "succeeded", f"I1: {job.pk} {job.state}: no reason"
            told = Event.objects.filter(job=job, type="state", data__state=job.state).count()
            assert told == 1, f"I1: the end of {job.pk} is told {told} times"
            home = Path(settings.TRACKSIDE_STORAGE) / "models" / f"job-{job.pk}"
            assert home.is_dir() or job.state != "succeeded", f"I8: {job.pk} has no model"
        assert self.idle(), f"I12: {self.left()}"

    def round(self) -> None:
        """All is well for a few seconds."""
        for name, one in self.agents.items():
            if one is None:
                self.start(name)
        while self.messages:
            self.deliver(0)
        for name in NODES:
            self.turn(name)
        for gang in self.gangs:
            gang.obey()
            if gang.alive:
                gang.write("step", epoch=0.1, step=1, loss=0.5)
                self.succeed(gang)
        self.schedule()
        self.wait(3)

    def left(self) -> list[object]:
        open_ = Job.objects.exclude(state__in=JOB_OVER)
        held = [lease for one in Attempt.objects.all() for lease in one.leases.all()]
        return [*open_, *held, *(gang for gang in self.gangs if gang.alive)]

    def idle(self) -> bool:
        return not self.left()

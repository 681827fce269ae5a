"""The simulated job path with what must hold of it: at every moment, and once all is well again."""

from pathlib import Path
from typing import Any

from django.conf import settings

from tests.web.simulation import NODES, Stage
from trackside.compute.models import Gpu
from trackside.jobs import history, services
from trackside.jobs.models import Attempt, Event, Job
from trackside.jobs.states import ATTEMPT_OVER, JOB_OVER


class World(Stage):
    """`check` at any time; `settle` at the end."""

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
        self.spoil()
        Gpu.objects.update(broken="")  # an administrator puts them back in service
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

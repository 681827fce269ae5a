"""The services under random orders of clicks, messages, losses and stops, on real rows."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.web import cast
from trackside.accounts.models import User
from trackside.compute.models import Lease, Node
from trackside.jobs import services
from trackside.jobs.models import Attempt, Event, Job
from trackside.jobs.passes import look
from trackside.jobs.states import ATTEMPT_OVER, JOB_OVER
from trackside.projects.models import Project

WISHES = [
    {"kind": "cpu", "ranks": 1},
    {"kind": "cpu", "ranks": 2},
    {"kind": "any", "count": 1},
    {"kind": "gpus", "uuids": ["GPU-gpu-01-0"]},
    {"kind": "gpus", "uuids": ["GPU-gpu-01-0", "GPU-gpu-01-1"]},
]
STEPS = st.tuples(st.integers(0, 11), st.integers(0, 5))


class Site:
    """`old` holds instances as they once were: what a stale agent still has in its hands."""

    def __init__(self, project: Project, user: User) -> None:
        self.project, self.user = project, user
        self.node = Node.objects.get()
        self.now = timezone.now()
        self.old: list[Attempt] = []
        self.ended: dict[int, str] = {}

    def one(self, which: int) -> Attempt | None:
        return self.old[-1 - which % len(self.old)] if self.old else None

    def click(self, which: int) -> None:
        cast.submit(self.project, self.user, compute=WISHES[which % len(WISHES)])

    def claim(self, which: int) -> None:
        for row in Attempt.objects.filter(state="assigned")[: which + 1]:
            claimed = services.claim(row.pk, node=row.node_id, now=self.now)
            assert claimed is not None
            self.old.append(claimed)
            assert services.claim(row.pk, node=row.node_id, now=self.now) is None

    def step(self, which: int) -> None:
        self.fenced(which, lambda one: services.record(one, [{"type": "step"}], 9, self.now))

    def finish(self, which: int) -> None:
        self.fenced(which, lambda one: services.finish(one, {}, publish=None))

    def fail(self, which: int) -> None:
        self.fenced(which, lambda one: services.fail(one, reason="It broke.", exit="1"))

    def lose(self, which: int) -> None:
        self.fenced(which, lambda one: services.lose(one, "It is gone."))

    def give_back(self, which: int) -> None:
        self.fenced(which, lambda one: services.give_way(one, "Stopped.", cause="stopped"))

    def fenced(self, which: int, act: Callable[[Attempt], None]) -> None:
        one = self.one(which)
        if one is None:
            return
        before = Attempt.objects.get(pk=one.pk)
        try:
            act(one)
        except services.StaleAttempt:
            assert before.state in ATTEMPT_OVER

    def stop(self, which: int) -> None:
        job = Job.objects.order_by("-id")[which : which + 1].first()
        if job is None:
            return
        try:
            services.stop(job, user=self.user, how="cancel" if which % 2 else "finish_early")
        except services.AlreadyOver:
            assert job.state in JOB_OVER

    def release(self, which: int) -> None:
        one = self.one(which)
        if one is None:
            return
        try:
            services.release(one)
        except services.StillRunning:
            assert Attempt.objects.get(pk=one.pk).state not in ATTEMPT_OVER

    def expire(self, which: int) -> None:
        services.expire(self.now + timedelta(seconds=31))

    def reap(self, which: int) -> None:
        services.reap(self.now + timedelta(seconds=91))

    def schedule(self, which: int) -> None:
        look(self.later())

    def later(self) -> datetime:
        """Past every pause after a loss; the machine has been heard from just before."""
        moment = self.now + timedelta(minutes=10)
        cast.beat(self.node, now=moment)
        return moment

    def check(self) -> None:
        live = Attempt.objects.exclude(state__in=ATTEMPT_OVER)
        for job in Job.objects.all():
            moving = job.state not in JOB_OVER and job.state != "queued"
            assert live.filter(job=job).count() == (1 if moving else 0), job.state
            seqs = list(Event.objects.filter(job=job).order_by("seq").values_list("seq", flat=True))
            assert seqs == list(range(1, job.event_seq + 1))
            assert self.ended.setdefault(job.pk, job.state) == job.state or (
                self.ended[job.pk] not in JOB_OVER
            )
            self.ended[job.pk] = job.state
            assert (job.finished_at is not None) == (job.state in JOB_OVER)
        never_ran = Lease.objects.filter(attempt__fence=0, attempt__state__in=ATTEMPT_OVER)
        assert not never_ran.exists()
        for attempt in live.select_related("job"):
            held = Lease.objects.filter(attempt=attempt, quarantined=False).count()
            wanted = 4 * len(attempt.compute["uuids"]) + len(attempt.compute["cores"])
            assert held == wanted


ACTS = [
    Site.click,
    Site.claim,
    Site.schedule,
    Site.step,
    Site.finish,
    Site.fail,
    Site.lose,
    Site.give_back,
    Site.stop,
    Site.release,
    Site.expire,
    Site.reap,
]


@pytest.mark.django_db
@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(STEPS, min_size=5, max_size=30))
def test_in_any_order_each_device_has_one_owner_and_each_job_one_outcome(
    project: Project, ada: User, steps: list[tuple[int, int]]
) -> None:
    with transaction.atomic():
        cast.node(gpus=2, cores=3)
        site = Site(project, ada)
        for act, which in steps:
            ACTS[act](site, which)
            site.check()
        transaction.set_rollback(True)

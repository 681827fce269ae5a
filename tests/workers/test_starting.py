"""What is about to start is known before it has a process: its devices are not given away."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError

from tests.web import cast
from trackside.accounts.models import User
from trackside.compute.models import Lease, NodeState, Quota
from trackside.jobs import followers as rows
from trackside.jobs import services
from trackside.jobs.models import Attempt, Follower, Job
from trackside.projects.models import Project
from workers import followers
from workers.agent import Agent
from workers.budget import Budgets
from workers.followers import Followers
from workers.gpus import Gpus
from workers.watch import Gang, Watch


@pytest.fixture
def lost(project: Project, ada: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Attempt:
    """Stopped past its lease while its leader was asked for: no process yet, quarantined."""
    monkeypatch.setattr(settings, "TRACKSIDE_STORAGE", tmp_path)
    cast.node(gpus=1)
    attempt = cast.claimed(cast.submit(project, ada, compute={"kind": "any"}))
    services.lose(attempt, "gpu-01 has not been heard from.")
    return attempt


class Starting:
    """The lock of who starts a job: it is free once the leader is watched."""

    def __init__(self, gangs: list[Any], attempt: Attempt) -> None:
        self.gangs, self.attempt = gangs, attempt

    def __enter__(self) -> None:
        self.gangs.append(SimpleNamespace(attempt=self.attempt))

    def __exit__(self, *_: object) -> None:
        pass


def test_a_quarantine_does_not_end_while_its_job_is_being_started(lost: Attempt) -> None:
    gangs: list[Any] = []
    agent = object.__new__(Agent)
    agent.here = SimpleNamespace(row=lost.node)  # type: ignore[assignment]
    agent.watch = SimpleNamespace(gangs=lambda: list(gangs))  # type: ignore[assignment]
    agent.followers = SimpleNamespace(running=list)  # type: ignore[assignment]
    agent.starting = Starting(gangs, lost)  # type: ignore[assignment]
    agent._poll()
    assert Lease.objects.filter(attempt=lost).exists()
    agent.starting = Starting([], lost)  # type: ignore[assignment]
    gangs.clear()
    agent._poll()
    assert not Lease.objects.filter(attempt=lost).exists()


def test_a_part_is_known_before_its_leader_is_asked_for(
    lost: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = Follower.objects.create(
        attempt=lost, node=lost.node, position=1, first_rank=1, compute={"uuids": []}
    )
    known: list[int] = []

    class Slow:
        def start(self, *_: object) -> tuple[int, int, str]:
            known.extend(one.part.pk for one in here.running())
            return 1, 1, "warm"

    monkeypatch.setattr(followers, "write_part", lambda _part: Path("/nowhere"))
    monkeypatch.setattr(rows, "launched", lambda *_: None)
    here = Followers(lambda: lost.node, Gpus(), Slow(), lambda *_a, **_k: "")  # type: ignore[arg-type]
    here._launch(part)
    assert known == [part.pk]
    assert [one.pid for one in here.running()] == [1]


@pytest.mark.parametrize("wrong", [ValueError("odd"), DatabaseError("odd")])
def test_what_is_wrong_with_one_job_does_not_keep_the_others(
    wrong: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus = Gpus()
    watch = Watch(dict, lambda _: True, lambda *_a, **_k: "", Budgets(gpus))
    followed: list[int] = []

    def follow(gang: Gang) -> None:
        followed.append(gang.attempt.pk)
        if gang.attempt.pk == 1:
            raise wrong

    monkeypatch.setattr(watch, "_follow", follow)
    for step in ("_keep_alive", "_renew", "_look_for_stops"):
        monkeypatch.setattr(watch, step, lambda: None)
    for pk in (1, 2):
        watch.add(Attempt(pk=pk, job=Job(pk=pk), folder="x", compute={}), 0, 0)
    if isinstance(wrong, DatabaseError):
        with pytest.raises(DatabaseError):
            watch.tick()
    else:
        watch.tick()
    assert followed == [1, 2]


def test_a_machine_that_never_comes_back_takes_nothing_from_a_quota(
    lost: Attempt, project: Project, ada: User
) -> None:
    services.stop(lost.job, user=ada, how="cancel")
    cast.node("gpu-02", gpus=1)
    Quota.objects.create(user=ada, gpus=1)
    wish = {"kind": "gpus", "uuids": ["GPU-gpu-02-0"]}
    job = cast.submit(project, ada, compute=wish)
    assert "may have 1 GPU at once" in job.reason  # its end is not proved yet
    type(lost.node).objects.filter(pk=lost.node_id).update(state=NodeState.LOST)
    services.stop(job, user=ada, how="cancel")
    assert cast.submit(project, ada, compute=wish).state == "starting"


@pytest.mark.parametrize(
    ("problem", "state", "cause"),
    [
        (OSError(28, "No space left on device"), "queued", "not_started"),
        (ValueError("no such kind"), "failed", "program"),
    ],
)
def test_a_machine_that_cannot_start_it_does_not_end_the_job(
    project: Project, ada: User, problem: Exception, state: str, cause: str
) -> None:
    cast.node(gpus=1)
    attempt = cast.claimed(cast.submit(project, ada, compute={"kind": "any"}))
    agent = object.__new__(Agent)
    agent.here = SimpleNamespace(name="gpu-01")  # type: ignore[assignment]
    agent._not_started(attempt, problem)
    attempt.refresh_from_db()
    assert (Job.objects.get().state, attempt.cause) == (state, cause)
    assert attempt.reason == f"The job could not be started on gpu-01: {problem}"
    assert not Lease.objects.exists()

"""When a training would start, as its plan tells it: placement itself is asked, and is right."""

from random import Random
from typing import Any

import pytest

from tests.web import lab_stage
from tests.web.asking import PICK, dialog, limit, train, wait_for
from tests.web.lab_stage import GIB
from tests.web.world import Rest
from trackside.compute.board import board
from trackside.compute.models import Lease, Quota
from trackside.compute.requests import clean
from trackside.jobs.models import Job
from trackside.lab import forecast
from trackside.lab.models import Analysis

pytestmark = pytest.mark.django_db


@pytest.fixture
def analysis(project: Any, ada: Any) -> Analysis:
    return lab_stage.analysis(project, ada)


@pytest.fixture
def plan(analysis: Analysis, as_ada: Any) -> Any:
    return dialog(analysis, as_ada)


def test_who_waits_first_has_its_gpus_reserved_and_knows_the_latest_start(
    plan: Any, project: Any, ben: Any
) -> None:
    lab_stage.node("one", 1)
    held = lab_stage.hold("GPU-one-0", project, ben)
    wish = {**PICK, "gpu": "GPU-one-0"}
    said = plan(wish)
    assert "one GPU 0 is held by Ben" in said
    assert "First in line." in said
    assert "nobody knows when" in said
    limit(held, 7200)
    said = plan(wish)
    assert "Starts ≈ 2 h" in said
    assert "At the latest, if nothing more urgent comes." in said


def test_what_a_holder_expects_is_a_start_that_is_hoped_for(
    plan: Any, project: Any, ben: Any
) -> None:
    lab_stage.node("one", 1)
    held = lab_stage.hold("GPU-one-0", project, ben)
    Job.objects.filter(pk=held.pk).update(progress={"eta": 600.0})
    said = plan({**PICK, "gpu": "GPU-one-0"})
    assert "If those before it end when they expect to." in said
    assert "Starts ≈ 1" in said  # ten minutes, and what clearing up takes


@pytest.fixture
def gap(project: Any, ben: Any) -> Job:
    """GPU 0 runs for two hours yet; a job waits for both, so that GPU 1 is free until then."""
    lab_stage.node("one", 2)
    limit(lab_stage.hold("GPU-one-0", project, ben), 7200)
    waits = wait_for(project, ben, {"kind": "gpus", "uuids": ["GPU-one-0", "GPU-one-1"]})
    assert waits.state == "queued"
    return waits


def test_a_reserved_gpu_is_named_and_the_way_into_the_gap_offered(plan: Any, gap: Job) -> None:
    said = plan({**PICK, "gpu": "GPU-one-1"})
    assert f"is reserved for job {gap.pk}" in said
    assert "Behind 1 job that waits." in said
    assert "First in line." not in said
    assert "It would start now, in a gap, with either of these: Longest run 1 h May be" in said
    assert "Queue 1 model on 1 GPU" in said
    tiles = said.split("GPU 0 H100")[1]
    assert "Busy" in tiles.split("GPU 1 H100")[0]
    assert tiles.split("GPU 1 H100")[1].split()[1] == "Reserved"
    may = plan({**PICK, "gpu": "GPU-one-1", "hours": "1"}).split("GPU 1 H100")[1].split()[1]
    assert may == "Fits"


@pytest.mark.parametrize(
    ("more", "because"),
    [
        ({"hours": "1"}, "Only because its longest run ends in time"),
        ({"preemptible": "on"}, "Only because it may be preempted"),
    ],
)
def test_back_fill_is_said_and_happens(
    plan: Any, gap: Job, analysis: Analysis, as_ada: Any, more: Any, because: str
) -> None:
    wish = {**PICK, "gpu": "GPU-one-1", **more}
    said = plan(wish)
    assert "Starts by back-fill." in said
    assert because in said
    assert "Train 1 model on 1 GPU" in said
    assert train(analysis, as_ada, wish).state == "starting"


def test_a_run_that_would_be_too_long_for_the_gap_waits_as_said(
    plan: Any, gap: Job, analysis: Analysis, as_ada: Any
) -> None:
    wish = {**PICK, "gpu": "GPU-one-1", "hours": "3"}
    assert "Queue 1 model" in plan(wish)
    assert "back-fill." not in plan(wish).split("Longest run")[0]
    assert train(analysis, as_ada, wish).state == "queued"


def test_a_quota_is_the_reason_and_no_gap_is_offered(plan: Any, ada: Any) -> None:
    lab_stage.node("one", 2)
    Quota.objects.create(user=ada, gpus=1)
    said = plan({**PICK, "gpu": ["GPU-one-0", "GPU-one-1"]})
    assert "Ada may have 1 at once" in said
    assert "First in line." not in said
    assert "It would start now" not in said


def test_who_gives_way_is_named(plan: Any, project: Any, ben: Any) -> None:
    lab_stage.node("one", 1)
    held = lab_stage.hold("GPU-one-0", project, ben)
    Job.objects.filter(pk=held.pk).update(preemptible=True, priority=-5)
    said = plan({**PICK, "gpu": "GPU-one-0", "priority": "5"})
    assert f"Waits for job {held.pk} to give way: it keeps a checkpoint and ends." in said
    assert "Starts ≈ 1 min" in said


def test_a_long_queue_is_answered_from_the_board_alone(
    plan: Any, project: Any, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab_stage.node("one", 1)
    monkeypatch.setattr("trackside.lab.forecast.is_small", lambda: False)
    assert "Starts Now" in plan({**PICK, "gpu": "GPU-one-0"})
    lab_stage.hold("GPU-one-0", project, ada)
    assert "nobody knows when" in plan({**PICK, "gpu": "GPU-one-0"})


WISHES: list[dict[str, Any]] = [
    {"kind": "gpus", "uuids": ["GPU-a-0"]},
    {"kind": "gpus", "uuids": ["GPU-a-1", "GPU-b-0"]},
    {"kind": "gpus", "uuids": ["GPU-b-1"], "share": "shared", "memory": 30 * GIB},
    {"kind": "any", "count": 1, "preemptible": True},
    {"kind": "any", "count": 2, "max_seconds": 600},
    {"kind": "any", "count": 3, "nodes": 2},
    {"kind": "any", "count": 1, "share": "shared", "memory": 60 * GIB},
    {"kind": "cpu", "ranks": 5},
]


@pytest.mark.parametrize("seed", range(6))
def test_what_is_foretold_is_what_happens(seed: int, project: Any, ada: Any, ben: Any) -> None:
    """A dozen clicks in a row, each foretold: now or not, and on which GPUs."""
    lab_stage.node("a", 2)
    lab_stage.node("b", 2)
    dice = Random(seed)
    starts = 0
    for _ in range(12):
        user = dice.choice([ada, ben])
        wish = clean({**dice.choice(WISHES), "priority": dice.choice([0, 0, -5])})
        told = forecast.start(wish, board(user), user=user, project=project)
        job = wait_for(project, user, wish)
        if told["seconds"] != 0:
            assert (job.state, job.reason) == ("queued", told["reason"])
            continue
        starts += 1
        assert job.state == "starting"
        held = {one.gpu_id for one in Lease.objects.filter(attempt__job=job) if one.gpu_id}
        assert held == {uuid for part in told["parts"] for uuid in part["uuids"]}
    assert 0 < starts < 12


def test_rest_tells_the_same_as_the_plan(analysis: Analysis, gap: Job, ada: Any) -> None:
    rest, path = Rest(ada), f"/projects/INSECTS/analyses/{analysis.name}/fit"
    asked = {"kind": "gpus", "uuids": ["GPU-one-1"]}
    said = rest.call("POST", path, {"compute": asked}).json()
    assert {one["uuid"]: one["verdict"] for one in said["gpus"]} == {
        "GPU-one-0": "busy",
        "GPU-one-1": "reserved",
    }
    start = said["start"]
    assert start["ahead"] == 1
    assert f"is reserved for job {gap.pk}" in start["reason"]
    assert start["gap"] == {"seconds": 3600.0, "preemptible": True}
    limited = rest.call("POST", path, {"compute": {**asked, "max_seconds": 3600}}).json()["start"]
    assert (limited["seconds"], limited["parts"][0]["uuids"]) == (0, ["GPU-one-1"])
    assert f"is reserved for job {gap.pk}" in limited["passes"]

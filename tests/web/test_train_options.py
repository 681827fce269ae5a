"""What a click on Train asks beyond which GPUs: shares, nodes, turn, limits; what it is told."""

import re
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.utils import timezone

from tests.web import lab_stage
from tests.web.lab_stage import GIB
from tests.web.world import Rest
from trackside.compute.board import board
from trackside.compute.models import Gpu, Lease, Quota
from trackside.compute.requests import clean
from trackside.flow import services as flow
from trackside.flow.models import Recipe
from trackside.flow.training import from_analysis
from trackside.jobs import services as jobs
from trackside.jobs.models import Job
from trackside.lab import forecast, services
from trackside.lab.models import Analysis

pytestmark = pytest.mark.django_db
PICK = {"mode": "pick", "model": "0"}
AUTO = {"mode": "auto", "model": "0", "count": "1"}


@pytest.fixture
def analysis(project: Any, ada: Any) -> Analysis:
    return lab_stage.analysis(project, ada)


@pytest.fixture
def plan(analysis: Analysis, as_ada: Any) -> Any:
    """What the dialog answers to a wish, as text without tags."""

    def ask(wish: dict[str, Any]) -> str:
        answer = as_ada.post(f"/p/INSECTS/lab/{analysis.name}/train/plan/", wish)
        assert answer.status_code == 200
        html = re.sub(r"<script.*?</script>", "", answer.content.decode(), flags=re.S)
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))

    return ask


def train(analysis: Analysis, browser: Any, wish: dict[str, Any]) -> Job:
    answer = browser.post(f"/p/INSECTS/lab/{analysis.name}/train/", wish)
    assert answer.status_code == 201, answer.content.decode()
    return Job.objects.latest("pk")


def wait_for(project: Any, user: Any, compute: dict[str, Any]) -> Job:
    return jobs.submit(
        project=project, user=user, kind="train", title="T", spec={}, compute=compute
    )


def limit(job: Job, seconds: int) -> None:
    """The job that runs is known to end by then."""
    Job.objects.filter(pk=job.pk).update(max_seconds=seconds)


def test_every_option_goes_into_the_job(analysis: Analysis, as_ada: Any) -> None:
    lab_stage.node("gpu-01", 4)
    wish = {
        **AUTO,
        "count": "2",
        "min_free": "20.5",
        "gpu_name": "H100 80GB",
        "share": "shared",
        "memory": "12,5",
        "memory_filled": "3.0",
        "priority": "7",
        "hours": "1.5",
        "preemptible": "on",
    }
    job = train(analysis, as_ada, wish)
    assert job.compute == {
        "kind": "any",
        "count": 2,
        "nodes": 1,
        "min_free": int(20.5 * GIB),
        "name": "H100 80GB",
        "share": "shared",
        "memory": int(12.5 * GIB),
        "precision": "auto",
        "priority": 7,
        "preemptible": True,
        "max_seconds": 5400,
    }
    assert (job.priority, job.preemptible, job.max_seconds) == (7, True, 5400)
    assert job.state == "starting"


def test_the_budget_follows_the_estimate_until_somebody_types(plan: Any) -> None:
    lab_stage.node("gpu-01", 1)
    shared = {**PICK, "gpu": "GPU-gpu-01-0", "share": "shared"}
    small = plan({**shared, "batch-0": "16", "memory": "9.9", "memory_filled": "9.9"})
    large = plan({**shared, "batch-0": "64", "memory": "9.9", "memory_filled": "9.9"})
    typed = plan({**shared, "batch-0": "64", "memory": "9.9", "memory_filled": "5.0"})
    needs = [float(re.search(r"needs ([\d.]+)", one)[1]) for one in (small, large, typed)]  # type: ignore[index]
    assert 1 <= needs[0] < needs[1] != 9.9
    assert needs[2] == 9.9
    assert "Sharing without MIG gives no isolation." in small


def test_a_budget_below_the_estimate_is_warned_of_and_an_unknown_one_asked_for(plan: Any) -> None:
    node = lab_stage.node("gpu-01", 1)
    shared = {**PICK, "gpu": "GPU-gpu-01-0", "share": "shared", "batch-0": "256"}
    assert "the budget 1.0 GiB: the run would stop" in plan({**shared, "memory": "1"})
    node.catalogue = {}
    node.save()
    assert "Set a memory budget" in plan(shared)
    assert "Train 1 model on 1 GPU" in plan({**shared, "memory": "4"})


def test_a_gpu_that_others_share_fits_beside_them(
    plan: Any, project: Any, ben: Any, analysis: Analysis, as_ada: Any
) -> None:
    lab_stage.node("gpu-01", 1)
    other = {"kind": "gpus", "uuids": ["GPU-gpu-01-0"], "share": "shared", "memory": 70 * GIB}
    assert wait_for(project, ben, other).state == "starting"
    wish = {**PICK, "gpu": "GPU-gpu-01-0", "share": "shared"}
    assert "Train 1 model on 1 GPU" in plan({**wish, "memory": "9"})
    over = plan({**wish, "memory": "11"})
    assert "Does not fit" in over
    assert "10.0 GiB" in over
    assert "Queue 1 model" in plan({**PICK, "gpu": "GPU-gpu-01-0"})
    assert train(analysis, as_ada, {**wish, "memory": "9"}).state == "starting"


def test_several_slices_are_refused_and_one_trains_alone(plan: Any) -> None:
    card = lab_stage.node("gpu-01", 2)
    Gpu.objects.filter(node=card).update(parent="GPU-card", slots=1)
    both = {**PICK, "gpu": ["GPU-gpu-01-0", "GPU-gpu-01-1"]}
    assert "slices cannot work together" in plan(both)
    one = plan({**PICK, "gpu": "GPU-gpu-01-0"})
    assert "Train 1 model on 1 GPU" in one
    assert "MIG slices" in one


def test_automatic_takes_several_nodes_only_when_allowed(plan: Any) -> None:
    lab_stage.node("one", 2)
    lab_stage.node("two", 3)
    wish = {**AUTO, "count": "5"}
    assert "Fix the choice" in plan(wish)
    said = plan({**wish, "several": "on"})
    assert "Starts now across 2 nodes:" in said
    assert "two with 3 ranks (GPU 0, 1 and 2)" in said
    assert "one with 2 ranks (GPU 0 and 1)" in said
    assert "across" not in plan({**wish, "count": "2", "several": "on"})


def test_automatic_says_where_it_would_start_now(plan: Any) -> None:
    lab_stage.node("one", 2)
    lab_stage.node("big", 4)
    assert "Starts now on one with GPU 0 and 1." in plan({**AUTO, "count": "2"})
    assert "Train 1 model on the first 2 GPUs free" in plan({**AUTO, "count": "2"})


@pytest.mark.parametrize(
    ("links", "said"),
    [
        (("NV18", "NV18"), "GPU 0, 1 and 2 of one are joined by NVLink"),
        (("NV18", "PHB"), "are not all joined by NVLink: gradients go over PCI Express"),
        (("SYS", "SYS"), "not joined by NVLink: gradients go over the link between the processors"),
    ],
)
def test_chosen_gpus_say_how_they_are_linked(plan: Any, links: Any, said: str) -> None:
    a, b, c = (f"GPU-one-{n}" for n in range(3))
    first, second = links
    wires = {a: {b: first, c: second}, b: {a: first, c: second}, c: {a: second, b: second}}
    node = lab_stage.node("one", 3, topology={"links": wires})
    wish = {**PICK, "gpu": [a, b, c]}
    assert said in plan(wish)
    node.topology = {}
    node.save()
    assert "NVLink" not in plan(wish)


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


def test_a_recipe_keeps_the_whole_compute(analysis: Analysis, ada: Any, as_ada: Any) -> None:
    lab_stage.node("gpu-01", 2)
    asked = {
        "kind": "any",
        "count": 1,
        "share": "shared",
        "memory": 8 * GIB,
        "priority": 3,
        "preemptible": True,
        "max_seconds": 7200,
    }
    wish = from_analysis(analysis, ada, name="again", output="sorter", compute=asked)
    assert wish.compute.items() >= asked.items()
    services.save_design(analysis, "compute", asked)
    kept = from_analysis(analysis, ada, name="again2", output="sorter2", compute={})
    assert kept.compute.items() >= asked.items()
    alone = {"X-Fragment": "1"}
    html = as_ada.get(f"/p/INSECTS/lab/{analysis.name}/train/", headers=alone).content.decode()
    assert 'name="priority" min="-100" max="100" value="3"' in html
    assert (
        'name="hours" inputmode="decimal" autocomplete="off" placeholder="no limit" value="2"'
        in html
    )
    assert 'value="shared" checked' in html


def test_a_long_queue_is_answered_from_the_board_alone(
    plan: Any, project: Any, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab_stage.node("one", 1)
    monkeypatch.setattr("trackside.lab.forecast.is_small", lambda: False)
    assert "Starts Now" in plan({**PICK, "gpu": "GPU-one-0"})
    lab_stage.hold("GPU-one-0", project, ada)
    assert "nobody knows when" in plan({**PICK, "gpu": "GPU-one-0"})


def test_the_list_of_jobs_says_whose_turn_it_is_and_why(
    project: Any, ada: Any, as_ada: Any
) -> None:
    lab_stage.node("one", 1)
    lab_stage.hold("GPU-one-0", project, ada)
    first, second = (wait_for(project, ada, {"kind": "gpus", "uuids": ["GPU-one-0"]}) for _ in "ab")
    Job.objects.filter(pk=second.pk).update(
        priority=50, created_at=timezone.now() - timedelta(minutes=1)
    )
    html = as_ada.get("/p/INSECTS/jobs/").content.decode()
    lines = dict(re.findall(r'data-job="(\d+)"(.*?)</tr>', html, flags=re.S))
    assert "Next of 2 in the queue" in lines[str(second.pk)]
    assert "Number 2 of 2 in the queue" in lines[str(first.pk)]
    assert "is in use by Ada" in lines[str(first.pk)]
    assert 'href="/gpus/#queue"' in lines[str(first.pk)]
    page = as_ada.get(f"/p/INSECTS/jobs/{first.pk}/").content.decode()
    assert "Number 2 of 2 in the queue" in page
    assert 'href="/gpus/#queue"' in page


def test_a_recipe_changed_on_its_page_keeps_what_the_page_does_not_ask(
    project: Any, ada: Any, as_ada: Any
) -> None:
    lab_stage.node("gpu-01", 2)
    lab_stage.node("gpu-02", 2)
    asked = {
        "kind": "any",
        "count": 3,
        "nodes": 2,
        "name": "H100",
        "share": "shared",
        "memory": 8 * GIB,
        "priority": 3,
        "max_seconds": 7200,
    }
    analysis = lab_stage.analysis(project, ada)
    flow.create_recipe(
        project, ada, from_analysis(analysis, ada, name="again", output="sorter", compute=asked)
    )
    page = as_ada.get("/p/INSECTS/recipes/again/").content.decode()
    assert "Automatic: 3 GPUs (H100) on 2 nodes at most; shared, 8.0 GiB of each; " in page
    assert "priority 3; at most 2 h 00" in page
    as_ada.post("/p/INSECTS/recipes/again/", {"where": "any", "count": "4", "activate": "on"})
    kept = Recipe.objects.get().compute
    assert kept.items() >= {**asked, "count": 4}.items()
    as_ada.post("/p/INSECTS/recipes/again/", {"where": "cpu", "ranks": "2", "activate": "on"})
    kept = Recipe.objects.get().compute
    assert (kept["kind"], kept["share"], kept["priority"]) == ("cpu", "exclusive", 3)


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
        wish = clean({**dice.choice(WISHES), "priority": dice.choice([0, 0, 5])})
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

"""What a click on Train asks beyond which GPUs: shares, nodes, order, limits; where it all goes."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.web import lab_stage
from tests.web.asking import AUTO, PICK, dialog, train, wait_for
from tests.web.lab_stage import GIB
from trackside.compute.models import Gpu
from trackside.flow import services as flow
from trackside.flow.models import Recipe
from trackside.flow.training import from_analysis
from trackside.jobs.models import Job
from trackside.lab import services
from trackside.lab.models import Analysis

pytestmark = pytest.mark.django_db


@pytest.fixture
def analysis(project: Any, ada: Any) -> Analysis:
    return lab_stage.analysis(project, ada)


@pytest.fixture
def plan(analysis: Analysis, as_ada: Any) -> Any:
    return dialog(analysis, as_ada)


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
        "priority": "-7",
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
        "priority": -7,
        "preemptible": True,
        "max_seconds": 5400,
    }
    assert (job.priority, job.preemptible, job.max_seconds) == (-7, True, 5400)
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
    assert "a slice of GPU 0 of gpu-01: slices cannot work together" in plan(both)
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
    assert "Train 1 model on the first GPU free" in plan(AUTO)
    assert "that fit" not in plan(AUTO).replace("GPUs that fit", "")  # nothing to select there


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


def test_a_recipe_keeps_the_whole_compute(analysis: Analysis, ada: Any, as_ada: Any) -> None:
    lab_stage.node("gpu-01", 2)
    asked = {
        "kind": "any",
        "count": 1,
        "share": "shared",
        "memory": 8 * GIB,
        "priority": -3,
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
    assert 'name="priority" min="-100" max="0" value="-3"' in html
    assert (
        'name="hours" inputmode="decimal" autocomplete="off" placeholder="no limit" value="2"'
        in html
    )
    assert 'value="shared" checked' in html


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
        "priority": -3,
        "max_seconds": 7200,
    }
    analysis = lab_stage.analysis(project, ada)
    flow.create_recipe(
        project, ada, from_analysis(analysis, ada, name="again", output="sorter", compute=asked)
    )
    page = as_ada.get("/p/INSECTS/recipes/again/").content.decode()
    assert "Automatic: 3 GPUs (H100) on 2 nodes at most; shared, 8.0 GiB of each; " in page
    assert "priority -3; at most 2 h 00" in page
    as_ada.post("/p/INSECTS/recipes/again/", {"where": "any", "count": "4", "activate": "on"})
    kept = Recipe.objects.get().compute
    assert kept.items() >= {**asked, "count": 4}.items()
    as_ada.post("/p/INSECTS/recipes/again/", {"where": "cpu", "ranks": "2", "activate": "on"})
    kept = Recipe.objects.get().compute
    assert (kept["kind"], kept["share"], kept["priority"]) == ("cpu", "exclusive", -3)

"""A click: what starts at once, what waits and why, what is refused."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.web import cast
from trackside.accounts.models import User
from trackside.compute.models import Gpu, Lease
from trackside.compute.requests import BadCompute
from trackside.jobs import services
from trackside.jobs.models import Event, Job
from trackside.projects.models import Project

GPU0, GPU1 = "GPU-gpu-01-0", "GPU-gpu-01-1"


def leases() -> list[str]:
    return sorted(Lease.objects.values_list("resource", flat=True))


def shares(*uuids: str) -> list[str]:
    """All of a GPU's four: nobody else gets one."""
    return sorted(f"{uuid}#{n}" if n else uuid for uuid in uuids for n in range(4))


def test_a_click_on_free_gpus_takes_their_leases_at_once(project: Project, ada: User) -> None:
    cast.node(gpus=2)
    job = cast.submit(project, ada, compute={"kind": "gpus", "uuids": [GPU1, GPU0]})
    assert job.state == "starting"
    attempt = cast.live(job)
    cores = [f"gpu-01/core/{n}" for n in attempt.compute["cores"]]
    assert leases() == sorted([*shares(GPU0, GPU1), *cores])
    assert len(cores) == attempt.compute["ranks"] * attempt.compute["threads"] > 0
    assert attempt.compute["uuids"] == [GPU0, GPU1]
    assert (attempt.compute["device"], attempt.compute["ranks"]) == ("cuda", 2)
    assert job.reason == f"Starts on gpu-01: GPU 0 and 1 ({cast.H100})."


def test_simulated_gpus_run_on_cpu_ranks_with_cores_of_their_own_where_there_are_enough(
    project: Project, ada: User
) -> None:
    cast.node(gpus=4, cores=3, simulated=True)
    small, large = (
        cast.live(cast.submit(project, ada, compute={"kind": "any", "count": count})).compute
        for count in (1, 3)
    )
    assert (small["device"], small["simulated"]) == ("cpu", True)
    assert (small["ranks"], small["threads"], small["cores"]) == (1, 1, [0])
    assert (large["ranks"], large["threads"], large["cores"]) == (3, 1, [])
    assert len([one for one in leases() if "#" not in one]) == 4 + 1


def test_a_cpu_job_leases_its_cores(project: Project, ada: User) -> None:
    cast.node(cores=2)
    job = cast.submit(project, ada)
    compute = cast.live(job).compute
    assert (compute["ranks"], compute["threads"], compute["cores"]) == (2, 1, [0, 1])
    assert leases() == ["gpu-01/core/0", "gpu-01/core/1"]


def test_a_cpu_job_takes_half_of_a_large_machine_for_its_threads(
    project: Project, ada: User
) -> None:
    cast.node(cores=16)
    compute = cast.live(cast.submit(project, ada)).compute
    assert (compute["ranks"], compute["threads"], len(compute["cores"])) == (2, 4, 8)


def test_a_short_job_does_not_wait_for_cores(project: Project, ada: User) -> None:
    cast.node(cores=2)
    cast.submit(project, ada)
    job = cast.submit(project, ada, kind="preview")
    assert job.state == "starting"
    assert "gpu-01/quick/0" in leases()
    assert (job.compute["ranks"], cast.live(job).compute["ranks"]) == (1, 1)


def test_what_is_busy_is_queued_and_says_who_has_it(project: Project, ada: User, ben: User) -> None:
    cast.node(gpus=1)
    first = cast.submit(project, ada, compute={"kind": "gpus", "uuids": [GPU0]})
    second = cast.submit(project, ben, compute={"kind": "gpus", "uuids": [GPU0]})
    assert second.state == "queued"
    assert second.reason == (
        f"Waits: GPU 0 ({cast.H100}) on gpu-01 is in use by Ada with job {first.pk}."
    )


def test_a_cpu_job_waits_for_cores_with_a_reason(project: Project, ada: User) -> None:
    cast.node(cores=3)
    cast.submit(project, ada)
    job = cast.submit(project, ada)
    assert job.reason == "Waits for 2 CPU cores: 1 of 3 on gpu-01 is free."


def test_nobody_passes_an_older_job_on_the_same_gpu(project: Project, ada: User) -> None:
    cast.node(gpus=2)
    cast.submit(project, ada, compute={"kind": "gpus", "uuids": [GPU0]})
    both = cast.submit(project, ada, compute={"kind": "gpus", "uuids": [GPU0, GPU1]})
    late = cast.submit(project, ada, compute={"kind": "gpus", "uuids": [GPU1]})
    assert (both.state, late.state) == ("queued", "queued")
    assert f"is reserved for job {both.pk}, which is older" in late.reason


def test_without_a_machine_a_job_waits(project: Project, ada: User) -> None:
    assert cast.submit(project, ada).reason == "Waits for a machine: none is online."


def test_a_machine_that_is_silent_gets_no_job(project: Project, ada: User) -> None:
    cast.node(now=timezone.now() - timedelta(seconds=30))
    assert cast.submit(project, ada).state == "queued"


def test_a_double_click_is_one_job(project: Project, ada: User, ben: User) -> None:
    cast.node()
    first = cast.submit(project, ada, click_id="one")
    assert cast.submit(project, ada, click_id="one").pk == first.pk
    assert cast.submit(project, ben, click_id="one").pk != first.pk


def test_the_story_of_a_job_is_numbered_without_gaps(project: Project, ada: User) -> None:
    cast.node()
    job = cast.submit(project, ada)
    services.stop(job, user=ada, how="cancel")
    story = Event.objects.filter(job=job).order_by("seq").values_list("seq", "data__state")
    assert list(story) == [(1, "queued"), (2, "starting"), (3, "cancelled")]


@pytest.mark.parametrize(
    ("compute", "field", "code", "sentence"),
    [
        ({"kind": "tpu"}, "compute.kind", "kind_unknown", "'kind' must be cpu, gpus or any"),
        ({"kind": "cpu", "ranks": 0}, "compute.ranks", "ranks_wrong", "whole number from 1"),
        ({"kind": "cpu", "ranks": True}, "compute.ranks", "ranks_wrong", "not True"),
        ({"kind": "cpu", "ranks": 9}, "compute.ranks", "ranks_too_many", ", has 4"),
        ({"kind": "cpu", "uuids": []}, "compute.uuids", "field_unknown", "does not belong"),
        ({"kind": "gpus"}, "compute.uuids", "gpu_missing", "Choose at least one GPU"),
        ({"kind": "gpus", "uuids": ["GPU-x"]}, "compute.uuids", "gpu_unknown", "no GPU GPU-x"),
        ({"kind": "gpus", "uuids": [7]}, "compute.uuids", "gpu_unknown", "is a text, not 7"),
        ({"kind": "gpus", "uuids": [GPU0, GPU0]}, "compute.uuids", "gpu_duplicate", "twice"),
        ({"kind": "any", "count": 3}, "compute.count", "gpu_count", "gpu-01 has 2"),
        ({"kind": "any", "name": "B200"}, "compute.name", "gpu_none", "called B200"),
        ({"kind": "any", "min_free": 2**50}, "compute.kind", "gpu_none", "1048576.0 GiB"),
        ({"kind": "any", "min_free": 10**400}, "compute.min_free", "min_free_wrong", "up to"),
        ({"kind": "any", "min_free": float("nan")}, "compute.min_free", "min_free_wrong", "nan"),
        ({"kind": "any", "name": "x" * 101}, "compute.name", "name_wrong", "at most"),
        ({"kind": "any", "count": 10**9}, "compute.count", "count_wrong", "from 1 to 8192"),
        ({"kind": "any", "nodes": 10**9}, "compute.nodes", "nodes_wrong", "from 1 to 1024"),
        ({"kind": "gpus", "uuids": ["x"] * 8193}, "compute.uuids", "gpu_count", "8192 GPUs at"),
        ({"max_seconds": 10**18}, "compute.max_seconds", "max_seconds_wrong", "to 31622400"),
        ({"priority": 1}, "compute.priority", "priority_too_high", "only an administrator"),
        ({"kind": "any", "min_free": "big"}, "compute.min_free", "min_free_wrong", "bytes"),
        ({"precision": "fp8"}, "compute.precision", "precision_unknown", "auto, bf16"),
        ({"priority": 1e9}, "compute.priority", "priority_wrong", "from -100 to 100"),
        ({"kind": "any", "count": 4, "nodes": 2}, "compute.count", "gpu_count", "at most 3"),
        ({"kind": "any", "nodes": 0}, "compute.nodes", "nodes_wrong", "whole number from 1"),
        ({"share": "shared"}, "compute.share", "share_wrong", "CPU cores belong to one job"),
        ({"kind": "any", "share": "half"}, "compute.share", "share_wrong", "exclusive or shared"),
        (
            {"kind": "any", "share": "shared", "memory": 2**40},
            "compute.share",
            "share_unavailable",
            "smaller than the memory",
        ),
        ({"kind": "any", "share": "shared"}, "compute.memory", "memory_missing", "how many bytes"),
        ({"kind": "any", "memory": 2**30}, "compute.memory", "memory_alone", "share: shared"),
        ({"preemptible": "yes"}, "compute.preemptible", "preemptible_wrong", "true or false"),
        ({"max_seconds": 5}, "compute.max_seconds", "max_seconds_wrong", "whole number from 60"),
        ("gpu", "compute", "shape", "must be an object"),
    ],
)
def test_what_can_never_run_is_refused_with_a_sentence(
    project: Project, ada: User, compute: object, field: str, code: str, sentence: str
) -> None:
    cast.node(gpus=2)
    cast.node("gpu-02", gpus=1)
    with pytest.raises(BadCompute) as wrong:
        cast.submit(project, ada, compute=compute)
    assert (wrong.value.field, wrong.value.code) == (field, code)
    assert sentence in wrong.value.sentence
    assert not Job.objects.exists()


def test_an_absent_or_broken_gpu_is_refused(project: Project, ada: User) -> None:
    cast.node(gpus=2)
    Gpu.objects.filter(pk=GPU0).update(present=False)
    Gpu.objects.filter(pk=GPU1).update(health="failed", health_note="Xid 79")
    for uuid, sentence in ((GPU0, "is not there any more"), (GPU1, "has failed: Xid 79")):
        with pytest.raises(BadCompute, match=sentence):
            cast.submit(project, ada, compute={"kind": "gpus", "uuids": [uuid]})


def test_an_unknown_kind_of_job_is_refused(project: Project, ada: User) -> None:
    with pytest.raises(BadCompute, match="no kind of job called 'brew'"):
        cast.submit(project, ada, kind="brew")

"""What a decision becomes: attempts, followers and leases; quotas and budgets that hold."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.web import cast
from trackside.accounts.models import User
from trackside.compute import fit
from trackside.compute.fleet import fleet
from trackside.compute.models import Gpu, Lease, Node, Quota
from trackside.compute.placement import Decision, Part
from trackside.compute.requests import clean
from trackside.jobs import services
from trackside.jobs.assigning import assign
from trackside.jobs.models import Attempt, Follower, Job
from trackside.jobs.passes import look
from trackside.projects.models import Project

GIB = 2**30
GPU0, GPU1 = "GPU-gpu-01-0", "GPU-gpu-01-1"


def leases(job: Job) -> dict[str, tuple[bool, int | None]]:
    rows = Lease.objects.filter(attempt__job=job, gpu__isnull=False).order_by("resource")
    return {one.resource: (one.shared, one.memory) for one in rows}


def shared(project: Project, user: User, memory: int, **wish: object) -> Job:
    compute = {"kind": "any", "share": "shared", "memory": memory * GIB, **wish}
    return cast.submit(project, user, compute=compute)


# Several nodes ------------------------------------------------------------------------------------


def test_a_job_over_two_nodes_is_one_attempt_with_a_follower(project: Project, ada: User) -> None:
    first, second = cast.node(gpus=2), cast.node("gpu-02", gpus=2)
    job = cast.submit(project, ada, compute={"kind": "any", "count": 3, "nodes": 2})
    attempt = cast.live(job)
    (follower,) = Follower.objects.filter(attempt=attempt)
    assert (attempt.node_id, follower.node_id) == (first.pk, second.pk)
    assert (follower.position, follower.first_rank, follower.state) == (1, 2, "assigned")
    assert attempt.compute["uuids"] == [GPU0, GPU1]
    assert follower.compute["uuids"] == ["GPU-gpu-02-0"]
    kept = ("ranks", "world", "first_rank", "nodes")
    assert [attempt.compute[name] for name in kept] == [2, 3, 0, 2]
    assert [follower.compute[name] for name in kept] == [1, 3, 2, 2]
    assert set(Lease.objects.values_list("node_id", flat=True)) == {first.pk, second.pk}
    assert "; gpu-02: GPU 0" in job.reason


def test_chosen_gpus_may_lie_in_several_machines(project: Project, ada: User) -> None:
    cast.node(gpus=2)
    cast.node("gpu-02", gpus=1)
    wish = {"kind": "gpus", "uuids": ["GPU-gpu-02-0", GPU1]}
    attempt = cast.live(cast.submit(project, ada, compute=wish))
    assert attempt.compute["uuids"] == [GPU1]
    assert attempt.followers.get().compute["uuids"] == ["GPU-gpu-02-0"]


def test_on_one_node_nothing_speaks_of_several(project: Project, ada: User) -> None:
    cast.node(gpus=2)
    compute = cast.live(cast.submit(project, ada, compute={"kind": "any", "count": 2})).compute
    assert not {"world", "first_rank", "nodes", "share", "memory"} & set(compute)


# Shares -------------------------------------------------------------------------------------------


def test_two_jobs_share_a_gpu_each_with_its_budget(project: Project, ada: User, ben: User) -> None:
    cast.node(gpus=1)
    one, two = shared(project, ada, 30), shared(project, ben, 40)
    assert leases(one) == {GPU0: (True, 30 * GIB)}
    assert leases(two) == {f"{GPU0}#1": (True, 40 * GIB)}
    compute = cast.live(two).compute
    assert (compute["share"], compute["memory"]) == (True, 40 * GIB)
    third = shared(project, ada, 20)
    assert (third.state, "has 10.0 GiB left for sharing" in third.reason) == ("queued", True)
    alone = cast.submit(project, ben, compute={"kind": "gpus", "uuids": [GPU0]})
    assert f"is shared by Ada with job {one.pk} and Ben with job {two.pk}" in alone.reason


def test_whoever_holds_a_gpu_alone_shares_it_with_nobody(project: Project, ada: User) -> None:
    cast.node(gpus=1)
    cast.submit(project, ada, compute={"kind": "any"})
    assert shared(project, ada, 1).state == "queued"


def test_without_a_budget_the_estimates_upper_end_is_taken(project: Project, ada: User) -> None:
    cast.node(gpus=1)
    wish = {"kind": "any", "share": "shared"}
    needs = {"bytes": 10 * GIB, "spread": 0.3}
    job = cast.submit(project, ada, compute=wish, needs=needs)
    assert job.compute["memory"] == 13 * GIB
    small = cast.submit(project, ada, compute=wish, needs={"bytes": 5, "spread": 0.1})
    assert small.compute["memory"] == GIB
    odd = {"bytes": 10 * GIB + 1, "spread": 0.3}  # as much as the verdict asks of each GPU
    job = cast.submit(project, ada, compute=wish, needs=odd)
    assert job.compute["memory"] == fit.budget(fit.Need(**odd))


def test_a_share_that_no_longer_fits_is_not_given(project: Project, ada: User) -> None:
    """The decision rests on an older look: the transaction counts again."""
    cast.node(gpus=1)
    machines = fleet(timezone.now())
    shared(project, ada, 50)
    late = shared(project, ada, 40)
    part = Part(machine=machines[0], uuids=(GPU0,), shares=(3,))
    assert assign(late, Decision(job=late.pk, parts=(part,)), timezone.now()) is None
    assert not Attempt.objects.filter(job=late).exists()
    late.refresh_from_db()
    assert late.state == "queued"


def _paused(job: Job, user: User) -> None:
    services.pause(job, user)


def _elsewhere(job: Job, user: User) -> None:
    Job.objects.filter(pk=job.pk).update(compute=clean({"kind": "cpu"}))


@pytest.mark.parametrize("change", [_paused, _elsewhere])
def test_a_job_that_was_changed_since_is_not_given_what_it_wanted_before(
    change: Any, project: Project, ada: User
) -> None:
    """The decision rests on an older look at the job itself."""
    cast.node(gpus=1)
    held = cast.submit(project, ada, compute={"kind": "any"})
    late = cast.submit(project, ada, compute={"kind": "any"})
    services.stop(held, user=ada, how="cancel")
    part = Part(machine=fleet(timezone.now())[0], uuids=(GPU0,))
    late.refresh_from_db()
    Lease.objects.all().delete()
    Attempt.objects.all().delete()
    Job.objects.filter(pk=late.pk).update(state="queued")
    late.refresh_from_db()
    change(Job.objects.get(pk=late.pk), ada)
    assert assign(late, Decision(job=late.pk, parts=(part,)), timezone.now()) is None
    assert not Lease.objects.exists()


# Quotas -------------------------------------------------------------------------------------------


def test_a_users_quota_lets_others_pass(project: Project, ada: User, ben: User) -> None:
    cast.node(gpus=3)
    Quota.objects.create(user=ada, gpus=1)
    one, two = (cast.submit(project, ada, compute={"kind": "any"}) for _ in range(2))
    assert (one.state, two.state) == ("starting", "queued")
    assert two.reason.startswith("Waits: Ada may have 1 GPU at once and 1 of them is in use")
    assert cast.submit(project, ben, compute={"kind": "any", "count": 2}).state == "starting"
    services.stop(one, user=ada, how="cancel")
    look(timezone.now())
    two.refresh_from_db()
    assert two.state == "starting"


def test_everybodys_quota_holds_for_who_has_none_of_their_own(
    project: Project, ada: User, ben: User
) -> None:
    cast.node(gpus=4)
    Quota.objects.create(gpus=1)
    Quota.objects.create(user=ben, gpus=2)
    wish = {"kind": "any", "count": 2}
    assert "Ada may have 1 at once" in cast.submit(project, ada, compute=wish).reason
    assert cast.submit(project, ben, compute=wish).state == "starting"


def test_a_projects_quota_counts_all_its_members(project: Project, ada: User, ben: User) -> None:
    cast.node(gpus=3)
    Quota.objects.create(project=project, gpus=2)
    cast.submit(project, ada, compute={"kind": "any", "count": 2})
    late = cast.submit(project, ben, compute={"kind": "any"})
    assert "project INSECTS may have 2 GPUs at once and 2 of them are in use" in late.reason


def test_a_quota_that_is_full_meanwhile_is_seen_in_the_transaction(
    project: Project, ada: User
) -> None:
    cast.node(gpus=2)
    machines = fleet(timezone.now())
    cast.submit(project, ada, compute={"kind": "gpus", "uuids": [GPU0]})
    Quota.objects.create(user=ada, gpus=1)
    late = cast.submit(project, ada, compute={"kind": "gpus", "uuids": [GPU1]})
    part = Part(machine=machines[0], uuids=(GPU1,))
    assert assign(late, Decision(job=late.pk, parts=(part,)), timezone.now()) is None


# The fleet as placement sees it -------------------------------------------------------------------


def test_the_end_of_a_job_is_known_by_its_longest_run(project: Project, ada: User) -> None:
    cast.node(gpus=2)
    cast.submit(project, ada, compute={"kind": "gpus", "uuids": [GPU0], "max_seconds": 3600})
    attempt = Attempt.objects.get()
    (machine,) = fleet(timezone.now())
    (hold,) = machine.gpus[0].holds
    assert hold.ends == pytest.approx(attempt.assigned_at.timestamp() + 3600)
    assert machine.gpus[1].holds == ()


def test_what_ran_before_counts_towards_the_longest_run(project: Project, ada: User) -> None:
    cast.node(gpus=1)
    job = cast.submit(project, ada, compute={"kind": "any", "max_seconds": 3600})
    first = cast.claimed(job)
    begin = timezone.now() - timedelta(seconds=600)
    Attempt.objects.filter(pk=first.pk).update(claimed_at=begin)
    services.give_way(first, "It makes room.", cause="preempt")
    services.release(first)
    look(timezone.now())
    second = cast.live(job)
    assert second.pk != first.pk
    (hold,) = fleet(timezone.now())[0].gpus[0].holds
    assert hold.ends == pytest.approx(second.assigned_at.timestamp() + 3000, abs=5)


def test_a_gpu_out_of_service_is_given_to_nobody(project: Project, ada: User) -> None:
    cast.node(gpus=2)
    Gpu.objects.filter(pk=GPU0).update(broken="Xid 79 at 10:12")
    assert cast.live(cast.submit(project, ada, compute={"kind": "any"})).compute["uuids"] == [GPU1]
    (machine,) = fleet(timezone.now())
    assert machine.gpus[0].why == "is out of service: Xid 79 at 10:12"


def test_a_slice_is_chosen_by_itself_and_its_card_not_at_all(project: Project, ada: User) -> None:
    from trackside.compute.requests import BadCompute

    node = cast.node(gpus=1)
    slices = [
        Gpu.objects.create(
            uuid=f"MIG-{n}", node=node, index=n, name="H100 1g.10gb", memory_total=10 * GIB,
            parent=GPU0, slots=1,
        )
        for n in (1, 2)
    ]  # fmt: skip
    one = cast.submit(project, ada, compute={"kind": "gpus", "uuids": [slices[0].pk]})
    assert one.state == "starting"
    for uuids, code in (([GPU0], "gpu_divided"), ([one.pk for one in slices], "gpu_slice")):
        with pytest.raises(BadCompute) as wrong:
            cast.submit(project, ada, compute={"kind": "gpus", "uuids": uuids})
        assert wrong.value.code == code
    with pytest.raises(BadCompute, match="No machine has 2 such GPUs"):
        cast.submit(project, ada, compute={"kind": "any", "count": 2})


def test_links_come_from_the_nodes_topology(project: Project, ada: User) -> None:
    node = cast.node(gpus=3)
    uuids = [f"GPU-gpu-01-{n}" for n in range(3)]
    near = {(uuids[0], uuids[2]), (uuids[2], uuids[0])}
    links = {a: {b: "NV4" if (a, b) in near else "SYS" for b in uuids if b != a} for a in uuids}
    Node.objects.filter(pk=node.pk).update(topology={"links": links})
    compute = cast.live(cast.submit(project, ada, compute={"kind": "any", "count": 2})).compute
    assert compute["uuids"] == [uuids[0], uuids[2]]


def test_a_node_that_failed_a_job_is_left_out_for_it(project: Project, ada: User) -> None:
    cast.node(gpus=1)
    cast.node("gpu-02", gpus=1)
    job = cast.submit(project, ada, compute={"kind": "any"})
    first = cast.live(job)
    Attempt.objects.filter(pk=first.pk).update(assigned_at=timezone.now() - timedelta(seconds=60))
    assert services.expire(timezone.now()) == 1
    look(timezone.now())
    assert cast.live(job).node_id != first.node_id

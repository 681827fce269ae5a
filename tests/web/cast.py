"""A fleet for tests: nodes, GPUs and jobs, made through the same doors as the product's."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from trackside.accounts.models import User
from trackside.compute import services as compute
from trackside.compute.models import Node
from trackside.jobs import services
from trackside.jobs.models import Attempt, Job
from trackside.projects.models import Project

GIB = 2**30
H100 = "NVIDIA H100 80GB HBM3"


def node(
    name: str = "gpu-01",
    *,
    gpus: int = 0,
    cores: int = 4,
    simulated: bool = False,
    boot_id: str = "boot-1",
    now: datetime | None = None,
) -> Node:
    now = now or timezone.now()
    facts = compute.NodeFacts(
        name=name, boot_id=boot_id, cores=cores, memory_total=64 * GIB, simulated=simulated
    )
    devices = [
        compute.GpuFacts(uuid=f"GPU-{name}-{n}", index=n, name=H100, memory_total=80 * GIB)
        for n in range(gpus)
    ]
    one, _ = compute.register_node(facts, devices, now=now)
    beat(one, now=now)
    return one


def beat(one: Node, *, now: datetime | None = None, **sample: Any) -> None:
    """A heartbeat in which every GPU is idle, but for what `sample` says."""
    compute.heartbeat(
        one.pk,
        one.epoch,
        compute.NodeSample(cpu_load=5.0, memory_free=60 * GIB, warm=True),
        [
            compute.GpuSample(uuid=uuid, **{"memory_used": GIB // 2, "utilization": 0.0, **sample})
            for uuid in one.gpus.values_list("uuid", flat=True)
        ],
        now=now or timezone.now(),
    )


def submit(project: Project, user: User, **given: Any) -> Job:
    wish = {
        "kind": "train",
        "title": "ants and bees",
        "spec": {},
        "compute": {"kind": "cpu"},
        **given,
    }
    return services.submit(project=project, user=user, **wish)


def live(job: Job) -> Attempt:
    """The job's newest attempt."""
    return job.attempts.select_related("node", "job").latest("number")


def claimed(job: Job) -> Attempt:
    attempt = live(job)
    one = services.claim(attempt.pk, node=attempt.node_id, now=timezone.now())
    assert one is not None
    return one

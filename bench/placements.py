"""Placements through the database: clicks that place themselves on 1,000 GPUs, and the scheduler
before 100,000 waiting jobs on 10,000 GPUs. On SQLite, and on Postgres where it is installed.

No broker and no agent: what is measured is the decision and its rows. `--inside` is this module in
a process of its own, with the database that DATABASE_URL names. BENCH_SCALE, such as 0.1, makes
queue and fleet smaller on a machine that has other work.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SCALE = float(os.environ.get("BENCH_SCALE", "1"))
CLICKS, SMALL_NODES = int(300 * SCALE), 125
QUEUE, NODES, FREED = int(100_000 * SCALE), int(1_250 * SCALE), int(200 * SCALE)
GIB = 2**30
CLICK_WANTED = 0.1  # seconds, the median of a click with its placement


def main(inside: bool) -> int:
    if inside:
        return _measure()
    codes = []
    for name, url in _databases():
        with tempfile.TemporaryDirectory(prefix="ts-") as home:
            place = url or f"sqlite:///{home}/db.sqlite3"
            env = {**os.environ, "TRACKSIDE_HOME": home, "TRACKSIDE_STORAGE": home, "BENCH": name}
            env |= {"DATABASE_URL": place, "BROKER_URL": f"redis+socket://{home}/none.sock"}
            command = [sys.executable, "-m", "bench.placements", "--inside"]
            codes.append(subprocess.run(command, env=env, check=False).returncode)
    return max(codes)


def _databases() -> Iterator[tuple[str, str]]:
    from tests import postgres

    yield "SQLite", ""
    if postgres.binaries() is None:
        print("placements: Postgres is not installed: SQLite only")
        return
    with postgres.running() as url:
        yield "Postgres", url


def _measure() -> int:
    os.environ["DJANGO_SETTINGS_MODULE"] = "trackside.config.settings"
    import django

    django.setup()
    from django.core.management import call_command

    from trackside.jobs import announce, bell, doorbell

    for fuse in (announce.fuse, bell.fuse, doorbell.fuse):
        fuse.run = lambda act: False  # type: ignore[method-assign]  # no broker here
    call_command("migrate", verbosity=0)
    click = _clicks(os.environ["BENCH"])
    _deep(os.environ["BENCH"])
    return 0 if click <= CLICK_WANTED else 1


def _clicks(name: str) -> float:
    from trackside.jobs import services
    from trackside.jobs.models import Attempt

    _fleet(SMALL_NODES)
    project, user = _people()
    took, spent = [], time.process_time()
    for _ in range(CLICKS):
        begin = time.perf_counter()
        services.submit(
            project=project,
            user=user,
            kind="train",
            title="Bench",
            spec={},
            compute={"kind": "any", "count": 2},
        )
        took.append(time.perf_counter() - begin)
    spent = (time.process_time() - spent) / CLICKS
    placed = Attempt.objects.count()
    middle = statistics.median(took)
    print(
        f"placements: {name}: {placed} of {CLICKS} clicks placed themselves on {SMALL_NODES * 8} "
        f"GPUs: {placed / sum(took):.0f}/s, a click p50 {middle * 1000:.0f} ms, "
        f"p99 {sorted(took)[int(0.99 * CLICKS)] * 1000:.0f} ms, {spent * 1000:.0f} ms of it CPU "
        f"(wanted: p50 at most {CLICK_WANTED * 1000:.0f} ms)",
        flush=True,
    )
    return middle


def _deep(name: str) -> None:
    """Every GPU is held; then some come free."""
    from trackside.compute import clock
    from trackside.compute.models import Lease
    from trackside.jobs.backlog import Backlog
    from trackside.jobs.models import Attempt
    from trackside.jobs.passes import look

    _fleet(NODES)
    _hold()
    _queue()
    backlog = Backlog()
    with _timed() as first:
        look(clock.now(), backlog)
    with _timed() as whole:
        look(clock.now(), backlog)
    short = []
    for _ in range(5):
        with _timed() as one:
            look(clock.now(), backlog, whole=False)
        short.append(one.seconds)
    freed = Attempt.objects.filter(state="running").order_by("?").values_list("pk", flat=True)
    Lease.objects.filter(attempt__in=list(freed[:FREED])).delete()
    with _timed() as placing:
        placed = len(look(clock.now(), backlog).placed)
    print(
        f"placements: {name}: {QUEUE} waiting, {NODES * 8} GPUs held: first look "
        f"{first.seconds:.1f} s, whole look {whole.seconds:.1f} s, {whole.cpu:.1f} s of it our CPU "
        f"({QUEUE / whole.seconds:.0f} decisions/s), a look after a bell "
        f"{statistics.median(short):.2f} s",
        flush=True,
    )
    extra = placing.seconds - whole.seconds
    print(
        f"placements: {name}: {placed} jobs placed when {FREED} others' GPUs came free: "
        f"{placing.seconds:.1f} s, {placed / max(extra, 0.001):.0f} placements/s beyond the look, "
        f"{(placing.cpu - whole.cpu) / max(placed, 1) * 1000:.0f} ms of our CPU each",
        flush=True,
    )


class _Time:
    seconds = cpu = 0.0


@contextmanager
def _timed() -> Iterator[_Time]:
    one = _Time()
    begin, spent = time.perf_counter(), time.process_time()
    yield one
    one.seconds, one.cpu = time.perf_counter() - begin, time.process_time() - spent


# The rows -----------------------------------------------------------------------------------------


def _people() -> tuple[Any, Any]:
    from trackside.accounts.models import User
    from trackside.projects.models import Project

    project, _ = Project.objects.get_or_create(key="BENCH", name="Bench")
    return project, User.objects.get_or_create(username="bench")[0]


def _fleet(nodes: int) -> None:
    """So many nodes of eight, and nothing of before."""
    from trackside.compute import clock
    from trackside.compute.models import Gpu, Lease, Node
    from trackside.jobs.models import Job

    Lease.objects.all().delete()
    Job.objects.all().delete()
    Node.objects.all().delete()
    now = clock.now()
    Node.objects.bulk_create(
        Node(name=f"n{n:04}", queue=f"node.n{n:04}", cores=64, heartbeat_at=_later(now))
        for n in range(nodes)
    )
    Gpu.objects.bulk_create(
        (
            Gpu(uuid=f"GPU-{node.name}-{n}", node=node, index=n, name="H100", memory_total=80 * GIB)
            for node in Node.objects.order_by("name")
            for n in range(8)
        ),
        batch_size=500,
    )


def _later(now: Any) -> Any:
    """A heartbeat that is still fresh at the end."""
    from datetime import timedelta

    return now + timedelta(hours=1)


def _hold() -> None:
    """A running job on each pair of GPUs, alone."""
    from trackside.compute import clock
    from trackside.compute.fleet import shares
    from trackside.compute.models import Gpu, Lease
    from trackside.jobs.models import Attempt, Job

    now, gpus = clock.now(), list(Gpu.objects.order_by("node_id", "index"))
    Job.objects.bulk_create(_jobs(len(gpus) // 2, "running"), batch_size=500)
    jobs = list(Job.objects.filter(state="running").order_by("pk"))
    Attempt.objects.bulk_create(
        (
            Attempt(job=job, number=1, node_id=gpus[2 * n].node_id, state="running",
                    compute={}, assigned_at=now, claimed_at=now, lease_until=_later(now))
            for n, job in enumerate(jobs)
        ),
        batch_size=500,
    )  # fmt: skip
    attempts = list(Attempt.objects.filter(state="running").order_by("job_id"))
    Lease.objects.bulk_create(
        (
            Lease(resource=name, attempt=attempts[n // 2], node_id=gpu.node_id, gpu=gpu,
                  taken_at=now)
            for n, gpu in enumerate(gpus)
            for name in shares(gpu.uuid, gpu.slots)
        ),
        batch_size=500,
    )  # fmt: skip


def _queue() -> None:
    from trackside.jobs.models import Job

    Job.objects.bulk_create(_jobs(QUEUE, "queued"), batch_size=500)


def _jobs(number: int, state: str) -> Iterator[Any]:
    """With the specification that a training has: placement must not pay for it."""
    from bench.placement_trace import trace
    from trackside.compute.requests import clean
    from trackside.jobs.models import Job

    project, user = _people()
    spec = {"design": {"models": [{"params": {f"p{n}": n for n in range(40)}}] * 3}}
    wishes = {
        size: clean({"kind": "any", "count": size, "nodes": -(-size // 8)})
        for size in (1, 2, 4, 8, 16, 32, 64)
    }
    for n, work in enumerate(trace(number, 10_000, 1.0, seed=5)):
        yield Job(
            project=project, created_by=user, kind="train", title="Bench", spec=spec, seed=1,
            compute=wishes[work.gpus], state=state, click_id=f"{state}{n}",
            needs={"bytes": 8 * GIB}, reason="Waits to be placed.",
        )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main("--inside" in sys.argv[1:]))

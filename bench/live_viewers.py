"""A thousand viewers of one training on one web process, and twenty that never read.

The web is the product's own (`workers.web`) on a unix socket, with the embedded Valkey; the job's
events are written as an agent writes them, a step and its progress twice a second. Measured in the
readers' process: the time from the commit of an event to its arrival, what was lost or doubled; of
the web: memory, CPU, and how soon another page answers meanwhile.
"""

import json
import logging
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from bench.click_to_first_step import environment, until

ROOT = Path(__file__).resolve().parents[1]
READERS, MUTE = 1000, 20
SECONDS, RECORD_EVERY = 20.0, 0.5
WANTED_P99, WANTED_MB = 500.0, 80.0  # ms from commit to reader; MiB for all of the viewers
FLOOD_SECONDS, FLOOD_RATE, FLOOD_SIZE = 10, 200, 20_000
WANTED_FLOOD_MB = 40.0


@dataclass
class Stage:
    path: Path
    cookie: str
    attempt: Any
    web: psutil.Process

    def client(self) -> httpx.Client:
        return httpx.Client(
            transport=httpx.HTTPTransport(uds=str(self.path)),
            base_url="http://localhost",
            cookies={"trackside": self.cookie},
            timeout=60,
        )

    @property
    def seq(self) -> int:
        from trackside.jobs.models import Job

        return Job.objects.values_list("event_seq", flat=True).get(pk=self.attempt.job_id)

    @property
    def memory(self) -> float:
        return float(self.web.memory_info().rss) / 2**20

    @property
    def cpu(self) -> float:
        times = self.web.cpu_times()
        return float(times.user + times.system)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="ts-") as place:
        home = Path(place)
        environment(home)
        import django

        django.setup()
        with served(home) as stage:
            print(f"live_viewers: load average before {os.getloadavg()[0]:.1f}")
            good = crowd(stage, home) & flood(stage, home)
    return 0 if good else 1


@contextmanager
def served(home: Path) -> Iterator[Stage]:
    """Valkey, the web, a job that runs; nothing of it afterwards."""
    from django.core.management import call_command

    from workers import valkey

    logging.disable(logging.WARNING)
    call_command("migrate", interactive=False, verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    (home / "storage").mkdir(exist_ok=True)
    cookie, attempt = cast_of()
    path = home / "web"
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen(2048)
    with (home / "log").open("w") as log:
        broker = subprocess.Popen(valkey.command(home, home / "valkey.log"), stdout=log, stderr=log)
        web = subprocess.Popen(
            [sys.executable, "-m", "workers.web", str(listening.fileno())],
            cwd=ROOT, stdout=log, stderr=log, pass_fds=[listening.fileno()],
        )  # fmt: skip
        try:
            stage = Stage(path, cookie, attempt, psutil.Process(web.pid))
            with stage.client() as client:
                until(lambda: client.get("/healthz").status_code == 200, "the web")
            yield stage
        finally:
            for process in (web, broker):
                process.terminate()
                process.wait()
            listening.close()


def cast_of() -> tuple[str, Any]:
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from tests.web import cast
    from trackside.accounts.models import User
    from trackside.projects.models import Member, Project, Role

    user = User.objects.create_user(username="bench")
    project = Project.objects.create(key="BENCH", name="Bench", created_by=user)
    Member.objects.create(project=project, user=user, role=Role.OWNER)
    one = SessionStore()
    one[SESSION_KEY] = str(user.pk)
    one[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    one[HASH_SESSION_KEY] = user.get_session_auth_hash()
    one.create()
    cast.node(gpus=8)
    return str(one.session_key), cast.claimed(cast.submit(project, user))


def crowd(stage: Stage, home: Path) -> bool:
    empty = page(stage, 20)
    before = stage.memory
    with readers(stage, READERS, MUTE) as client:
        connected = json.loads(line(client))["seconds"]
        idle, held = page(stage, 20), stage.memory - before
        cpu, began = stage.cpu, time.monotonic()
        commits, busy = tell(stage, SECONDS)
        share = 100 * (stage.cpu - cpu) / (time.monotonic() - began)
        found = ask(client, home, commits)
    tell_of("viewers", f"{READERS} readers and {MUTE} that never read, on in {connected:.1f} s")
    tell_of(
        "latency",
        f"event committed to read: p50 {found['p50']:.0f}, p99 {found['p99']:.0f}, "
        f"most {found['most']:.0f} ms (wanted: p99 at most {WANTED_P99:.0f})",
    )
    wrong = {key: found[key] for key in ("lost", "behind", "doubled", "resyncs", "ended")}
    words = ", ".join(f"{number} {what}" for what, number in wrong.items())
    tell_of("whole", f"{found['events']} events read: {words} (wanted: 0 of each)")
    after = stage.memory - before
    tell_of(
        "memory",
        f"web {before:.0f} MiB alone, {held:.0f} more with the viewers, {after:.0f} at the end "
        f"(wanted: at most {WANTED_MB:.0f} more)",
    )
    tell_of("cpu", f"web {share:.0f} % of a core at {2 / RECORD_EVERY:.0f} events a second")
    tell_of("page", f"{say(empty)} alone, {say(idle)} with idle viewers, {say(busy)} meanwhile")
    return found["p99"] <= WANTED_P99 and not any(wrong.values()) and after <= WANTED_MB


def flood(stage: Stage, home: Path) -> bool:
    """Readers that never read, and far more than they could: one who reads beside them."""
    before = stage.memory
    with readers(stage, 1, MUTE) as client:
        line(client)
        commits: dict[int, float] = {}
        each = FLOOD_RATE // 10
        end = time.monotonic() + FLOOD_SECONDS
        most = 0.0
        while time.monotonic() < end:
            at = time.monotonic()
            commits |= record(stage, [{"type": "log", "text": "x" * FLOOD_SIZE}] * each)
            most = max(most, stage.memory)
            time.sleep(max(0.0, 0.1 - (time.monotonic() - at)))
        time.sleep(1.0)
        found = ask(client, home, commits)
    grown = most - before
    tell_of(
        "flood",
        f"{len(commits) / FLOOD_SECONDS:.0f} events of {FLOOD_SIZE // 1000} KB a second past "
        f"{MUTE} mute readers: {grown:.0f} MiB more (wanted: at most {WANTED_FLOOD_MB:.0f}); "
        f"the one who reads lost {found['lost']}, p99 {found['p99']:.0f} ms",
    )
    return grown <= WANTED_FLOOD_MB and not found["lost"]


@contextmanager
def readers(stage: Stage, many: int, mute: int) -> Iterator["subprocess.Popen[str]"]:
    client = subprocess.Popen(
        [sys.executable, "-m", "bench.viewers", str(stage.path), stage.cookie,
         str(stage.attempt.job_id), str(stage.seq), str(many), str(mute)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield client
    finally:
        client.terminate()
        client.wait()


def line(client: "subprocess.Popen[str]") -> str:
    assert client.stdout is not None
    found = client.stdout.readline()
    assert found, "the readers have ended"
    return found


def ask(client: "subprocess.Popen[str]", home: Path, commits: dict[int, float]) -> dict[str, Any]:
    assert client.stdin is not None
    (home / "commits.json").write_text(json.dumps(commits))
    client.stdin.write(f"{home / 'commits.json'}\n")
    client.stdin.flush()
    found: dict[str, Any] = json.loads(line(client))
    return found


def tell(stage: Stage, seconds: float) -> tuple[dict[int, float], list[float]]:
    """Events at a training's pace, and between them another page, timed."""
    commits: dict[int, float] = {}
    times: list[float] = []
    end, step = time.monotonic() + seconds, 0
    with stage.client() as client:
        client.get("/p/BENCH/jobs/")
        while time.monotonic() < end:
            at = time.monotonic()
            step += 1
            events = [
                {"type": "step", "epoch": step / 100, "step": step, "loss": 1 / step, "lr": 0.1},
                {"type": "progress", "done": step / 100, "of": 9, "unit": "epoch", "eta": 60.0},
            ]
            commits |= record(stage, events)
            times.append(timed(client))
            time.sleep(max(0.0, RECORD_EVERY - (time.monotonic() - at)))
    time.sleep(1.0)
    return commits, times


def record(stage: Stage, events: list[dict[str, Any]]) -> dict[int, float]:
    """The time of the commit, by event number."""
    from django.db import transaction
    from django.utils import timezone

    from trackside.jobs import services

    stamps: list[float] = []
    with transaction.atomic():
        transaction.on_commit(lambda: stamps.append(time.time()))
        offset = stage.attempt.journal_offset + 1
        services.record(stage.attempt, events, offset, timezone.now())
    last = stage.seq
    return dict.fromkeys(range(last - len(events) + 1, last + 1), stamps[0])


def page(stage: Stage, times: int) -> list[float]:
    with stage.client() as client:
        client.get("/p/BENCH/jobs/")
        return [timed(client) for _ in range(times)]


def timed(client: httpx.Client) -> float:
    begun = time.perf_counter()
    assert client.get("/p/BENCH/jobs/").status_code == 200
    return (time.perf_counter() - begun) * 1000


def say(times: list[float]) -> str:
    return f"{statistics.median(times):.0f} [{min(times):.0f} to {max(times):.0f}] ms"


def tell_of(what: str, words: str) -> None:
    print(f"live_viewers {what}: {words}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

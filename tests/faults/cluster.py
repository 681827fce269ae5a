"""A small cluster in real processes: Postgres, Valkey, web, two schedulers, two agents.

What dies is started again by `keep`, as systemd would; a test may hold that off.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from recipes import processes
from tests import asked, postgres, valkey
from tests.faults.parts import Part, command, environ, tail
from tests.faults.rows import Rows
from tests.product import ROOT

LIGHT = Path(__file__).with_name("light")
# How long silence is believed: long enough for a busy machine, short enough for a test.
TIMES = {"LEASE": 8, "CLAIM": 8, "SUSPECT": 5, "LOST": 15, "RETRY": 1}
NODES = ("east", "west")
FINAL = ("succeeded", "failed", "cancelled")


class Cluster:
    """The parts by name; `api("ada")` is a person with a token."""

    def __init__(
        self, home: Path, database: postgres.Postgres, broker: valkey.Valkey, *, light: bool = True
    ) -> None:
        self.home, self.database, self.broker = home, database, broker
        self.storage = home / "storage"
        for folder in (self.storage, home / "orders", home / "logs", home / "once"):
            folder.mkdir(exist_ok=True)
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("TRACKSIDE")},
            "TRACKSIDE_HOME": str(home),
            "TRACKSIDE_STORAGE": str(self.storage),
            "DATABASE_URL": database.url,
            "BROKER_URL": broker.url,
            "DJANGO_SETTINGS_MODULE": "trackside.config.settings",
            "SECRET_KEY": "canary-of-the-cluster-" + "s" * 30,
            "PYTHONUNBUFFERED": "1",
            **{f"TRACKSIDE_{name}_SECONDS": str(value) for name, value in TIMES.items()},
        }
        path = [str(LIGHT)] if light else []
        self.environment["PYTHONPATH"] = os.pathsep.join([*path, str(ROOT), f"{ROOT}/platform"])
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.socket.set_inheritable(True)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.parts: dict[str, Part] = {}
        self.tokens: dict[str, str] = {}
        self.accepted: dict[int, str] = {}  # job -> who was told that it was taken
        self._clicks = 0
        self.rows = Rows(database.url)
        self._over = threading.Event()
        self._keeping = threading.Thread(target=self._keep, daemon=True)

    # --- life ---------------------------------------------------------------------------------

    def stage(self, *options: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.stage", *options],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        self.tokens = json.loads(done.stdout.splitlines()[-1])

    def start(self, nodes: dict[str, str], *, schedulers: int = 2) -> None:
        """`nodes` maps a node's name to its simulated GPUs. It has been staged."""
        self.add("web", "workers.web", str(self.socket.fileno()), fds=(self.socket.fileno(),))
        for number in range(schedulers):
            self.add(f"scheduler{number}", "workers.scheduler")
        for name, gpus in nodes.items():
            self.add(name, "workers.agent", TRACKSIDE_NODE=name, TRACKSIDE_FAKE_GPUS=gpus)
        self._keeping.start()
        self.until(self.ready, "the cluster to be ready")

    def add(self, name: str, module: str, *arguments: str, fds: tuple[int, ...] = (),
            **extra: str) -> Part:  # fmt: skip
        command = [sys.executable, "-m", module, *arguments]
        environment = {**self.environment, **extra}
        part = Part(name, command, environment, self.home / "logs" / f"{name}.log", fds)
        self.parts[name] = part
        part.start()
        return part

    def ready(self) -> bool:
        """Every node whose agent is to run is online and warm, and the web answers."""
        rows = self.ask("SELECT name FROM compute_node WHERE warm AND state = 'online'")
        agents = [one for one in self.parts.values() if "workers.agent" in one.command]
        wanted = {one.name for one in agents if one.wanted}
        return bool(rows) and wanted <= {row[0] for row in rows} and self.answers()

    def answers(self) -> bool:
        try:
            with httpx.Client(timeout=5, verify=False) as line:
                return line.get(f"{self.url}/readyz").status_code == 200
        except httpx.HTTPError:
            return False

    def _keep(self) -> None:
        while not self._over.wait(0.1):
            for part in list(self.parts.values()):
                part.keep()

    def close(self) -> None:
        self._over.set()
        if self._keeping.is_alive():
            self._keeping.join()
        for part in self.parts.values():
            if part.alive:
                os.kill(part.pid, signal.SIGCONT)
                part.process.send_signal(signal.SIGINT)  # type: ignore[union-attr]
        for part in self.parts.values():
            if part.process is not None:
                try:
                    part.process.wait(40)
                except subprocess.TimeoutExpired:
                    part.process.kill()
                    part.process.wait()
        self.rows.close()
        self.socket.close()
        for one in self.mine():
            os.kill(one.pid, signal.SIGKILL)

    # --- looking ------------------------------------------------------------------------------

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows, straight from Postgres; none while it is away."""
        return self.rows.ask(query, *values)

    def one(self, query: str, *values: Any) -> Any:
        rows = self.ask(query, *values)
        return rows[0][0] if rows else None

    def state(self, job: int) -> str:
        return str(self.one("SELECT state FROM jobs_job WHERE id = %s", job) or "")

    def reason(self, job: int) -> str:
        return str(self.one("SELECT reason FROM jobs_job WHERE id = %s", job) or "")

    def attempt(self, job: int) -> dict[str, Any]:
        """The newest attempt of a job."""
        names = "id", "number", "fence", "state", "pid", "node", "folder", "reason"
        rows = self.ask(
            "SELECT a.id, a.number, a.fence, a.state, a.pid, n.name, a.folder, a.reason "
            "FROM jobs_attempt a JOIN compute_node n ON n.id = a.node_id "
            "WHERE a.job_id = %s ORDER BY a.number DESC LIMIT 1",
            job,
        )
        return dict(zip(names, rows[0], strict=True)) if rows else {}

    def mine(self) -> list[processes.Process]:
        """Every live process of this cluster but Postgres and Valkey."""
        mark = f"TRACKSIDE_HOME={self.home}".encode()
        return [
            one
            for one in processes.everyone()
            if one.alive and one.pid != os.getpid() and mark in environ(one.pid)
        ]

    def ranks(self, job: int) -> list[processes.Process]:
        """The live processes of a job's newest attempt but its leader, in the order of birth."""
        attempt = self.attempt(job)
        tag = processes.tag(job, attempt["fence"], self.storage / attempt["folder"])
        return [one for one in processes.wearing(tag) if one.pid != attempt["pid"]]

    def zygote(self, node: str) -> int | None:
        agent = self.parts[node].pid
        found = [one.pid for one in processes.children(agent) if b"zygote" in command(one.pid)]
        return found[0] if found else None

    def until(self, true: Callable[[], Any], what: str, seconds: float = 300) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            answer = true()
            if answer:
                return answer
            time.sleep(0.05)
        raise AssertionError(f"Waited {seconds:g} s in vain for {what}.\n{self.said()}")

    def said(self) -> str:
        """The last lines of every log, for who looks for the cause."""
        tails = [f"--- {one.name}\n" + tail(one.log) for one in self.parts.values()]
        rows = self.ask("SELECT id, state, stop, reason FROM jobs_job ORDER BY id DESC LIMIT 5")
        return "\n".join([*tails, *map(str, rows)])

    # --- people -------------------------------------------------------------------------------

    def api(self, who: str = "ada") -> httpx.Client:
        token = self.tokens[who]
        return httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
            verify=False,  # no TLS here, and to read the certificates takes 30 ms of a core
        )

    def click(self, who: str = "ada", *, analysis: str = "sort", **compute: Any) -> int:
        """Train, again and again with the same key until it was taken; the job's number."""
        self._clicks += 1
        key = f"click-{os.getpid()}-{id(self)}-{self._clicks}-{time.monotonic_ns()}"
        wish = {"compute": compute or {"kind": "any", "count": 1}}

        def taken() -> int | None:
            try:
                with self.api(who) as line:
                    headers = {"Idempotency-Key": key}
                    path = f"/projects/FAULT/analyses/{analysis}/train"
                    answer = line.post(path, json=wish, headers=headers)
            except httpx.HTTPError:
                return None
            assert answer.status_code in (201, 500, 502, 503, 507), answer.text
            return int(answer.json()["jobs"][0]) if answer.status_code == 201 else None

        job = int(self.until(taken, "the click to be taken"))
        self.accepted[job] = who
        return job

    def stop(self, job: int, how: str = "cancel", who: str = "ada") -> int:
        """The status of the answer; 0 when there was none."""
        try:
            with self.api(who) as line:
                return line.post(f"/jobs/{job}/stop", json={"how": how}).status_code
        except httpx.HTTPError:
            return 0

    def reach(self, job: int, *states: str, seconds: float = 300) -> str:
        def there() -> str:
            state = self.state(job)
            return state if state in states else ""

        what = f"job {job} to be {' or '.join(states)}"
        return str(self.until(there, what, seconds))

    def finish(self, *jobs: int, seconds: float = 300) -> list[str]:
        return [self.reach(job, *FINAL, seconds=seconds) for job in jobs]

    @contextmanager
    def held(self, job: int | None = None) -> Iterator[None]:
        """Jobs stay at work meanwhile."""
        order = self.home / "orders" / ("hold" if job is None else f"hold-{job}")
        order.touch()
        try:
            yield
        finally:
            order.unlink(missing_ok=True)


@contextmanager
def running(
    nodes: dict[str, str],
    *,
    light: bool = True,
    stage: tuple[str, ...] = (),
    disk: str = "",
    **environment: str,
) -> Iterator[Cluster]:
    """A cluster in a home of its own; nothing of it stays. `disk`: the size of its storage, such
    as 256m, where this user may mount a tmpfs."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fl-", dir="/tmp")))
        database = stack.enter_context(postgres.server(sync=True))
        broker = stack.enter_context(valkey.running())
        one = Cluster(home, database, broker, light=light)
        one.environment |= environment
        if disk and _mounted(one.storage, disk):
            stack.callback(subprocess.run, ["umount", str(one.storage)], check=True)
        stack.callback(one.close)
        one.stage(*stage)
        stack.enter_context(asked.beforehand(one.home))
        one.start(nodes)
        yield one


def _mounted(place: Path, size: str) -> bool:
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    return subprocess.run(mount, capture_output=True, check=False).returncode == 0

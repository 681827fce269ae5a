"""The running product for tests: the supervisor with a home of its own, as `make run` starts it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests import asked, prepared
from tests.prepared import ROOT

DATA = ROOT.parent / "shared" / "data"


@dataclass(frozen=True)
class Product:
    url: str
    home: Path
    token: str
    username: str
    password: str

    def api(self) -> httpx.Client:
        return httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=60,
            verify=False,  # no TLS here, and to read the certificates takes 30 ms of a core
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(home: Path, *, fresh: bool = False, **environment: str) -> Iterator[Product]:
    """Start, wait until ready, hand over, stop with Ctrl-C; fails when a process stays behind.

    `fresh`: with its very first start. Else a home of its own begins as a copy of a prepared one.
    """
    if not fresh and not {"DATABASE_URL", "TRACKSIDE_STORAGE"} & set(environment):
        prepared.begin(home)
    port = free_port()
    env = prepared.environment(home, PORT=str(port), **environment)
    log = (home.parent / f"{home.name}.log").open("w+")
    with ExitStack() as stack:
        if not fresh:
            stack.enter_context(asked.beforehand(home))
        process = subprocess.Popen(
            [sys.executable, "-m", "workers.supervisor"],
            cwd=ROOT,
            env=env,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            one = _ready(process, home, port, Path(log.name))
            if fresh:  # it has begun with nothing
                stack.enter_context(asked.beforehand(home))
            yield one
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=120)
            log.close()
    left = until(lambda: not alive(home), "processes of the product to be gone", seconds=60)
    assert left, alive(home)


def _ready(process: "subprocess.Popen[bytes]", home: Path, port: int, log: Path) -> Product:
    url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        assert process.poll() is None, log.read_text()[-4000:]
        try:
            there = (home / "admin.json").exists()
            return there and httpx.get(f"{url}/readyz", verify=False).status_code == 200
        except httpx.HTTPError:
            return False

    until(ready, f"the product to be ready; its log is {log}")
    admin = json.loads((home / "admin.json").read_text())
    return Product(url, home, admin["token"], admin["username"], admin["password"])


def alive(home: Path) -> list[str]:
    """Processes whose environment names this home, zombies left out."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if f"TRACKSIDE_HOME={home}".encode() not in (entry / "environ").read_bytes().split(
                b"\0"
            ):
                continue
            if (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
                continue
            found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def until(true: Any, what: str, *, seconds: float = 600, every: float = 0.25) -> Any:
    """Poll `true()` until it answers something; the limit only keeps a broken test from hanging."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = true()
        if answer:
            return answer
        time.sleep(every)
    raise AssertionError(f"Waited {seconds:g} s in vain for {what}.")

"""A real Postgres for tests: its own folder, a unix socket, no port; as an unprivileged user.

`initdb` refuses root, so root starts it as `nobody`.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

UNPRIVILEGED = "nobody"


def binaries() -> Path | None:
    """The newest installed Postgres."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda one: int(one.parts[-3])
    )
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@dataclass
class Postgres:
    """A server that can be stopped, killed and started again on the same data and socket."""

    programs: Path
    home: Path
    sync: bool = False

    @property
    def url(self) -> str:
        return f"postgres://trackside@/postgres?host={self.home}"

    @property
    def data(self) -> Path:
        return self.home / "data"

    def create(self) -> None:
        # A socket's path must be short, and `nobody` must be able to reach it.
        self.home.chmod(0o755)
        self.data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(self.data, UNPRIVILEGED)
            shutil.chown(self.home, UNPRIVILEGED)
        _run(
            self.programs / "initdb", "-D", self.data, "-U", "trackside", "--auth=trust",
            "--no-sync",
        )  # fmt: skip

    def start(self) -> None:
        fsync = "on" if self.sync else "off"
        options = f"-k {self.home} -c listen_addresses= -c fsync={fsync} -c max_connections=120"
        log = self.data / "log"
        _run(self.programs / "pg_ctl", "-D", self.data, "-l", log, "-o", options, "-w", "start")

    def stop(self, mode: str = "immediate") -> None:
        _run(self.programs / "pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")

    def kill(self) -> None:
        """SIGKILL to the server, in the middle of whatever it does; its children follow it."""
        server = int((self.data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        os.kill(server, signal.SIGKILL)
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)
        while any(Path(f"/proc/{one}").exists() for one in (server, *children)):
            time.sleep(0.02)


@contextmanager
def server(*, sync: bool = False) -> Iterator[Postgres]:
    """A running server with an empty database; it is gone afterwards."""
    where = binaries()
    if where is None:
        sentence = "Postgres is not installed: apt-get install postgresql."
        if os.environ.get("CI") == "true":
            pytest.fail(sentence)
        pytest.skip(sentence)
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as name:
        one = Postgres(where, Path(name), sync)
        one.create()
        one.start()
        try:
            yield one
        finally:
            one.stop()


@contextmanager
def running() -> Iterator[str]:
    """The DATABASE_URL of an empty database; the server is gone afterwards."""
    with server() as one:
        yield one.url


def _run(*command: object) -> None:
    user = UNPRIVILEGED if os.geteuid() == 0 else None
    done = subprocess.run(
        [str(one) for one in command],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        user=user,
        cwd="/tmp",
    )
    assert done.returncode == 0, done.stdout

"""A real Postgres for tests: its own folder, a unix socket, no port; as an unprivileged user.

`initdb` refuses root, so root starts it as `nobody`.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def running() -> Iterator[str]:
    """The DATABASE_URL of an empty database; the server is gone afterwards."""
    where = binaries()
    if where is None:
        sentence = "Postgres is not installed: apt-get install postgresql."
        if os.environ.get("CI") == "true":
            pytest.fail(sentence)
        pytest.skip(sentence)
    # A socket's path must be short, and `nobody` must be able to reach it.
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as name:
        home = Path(name)
        home.chmod(0o755)
        data = home / "data"
        data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(data, UNPRIVILEGED)
            shutil.chown(home, UNPRIVILEGED)
        _run(where / "initdb", "-D", data, "-U", "trackside", "--auth=trust", "--no-sync")
        options = f"-k {home} -c listen_addresses= -c fsync=off -c max_connections=120"
        log = data / "log"
        _run(where / "pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "start")
        try:
            yield f"postgres://trackside@/postgres?host={home}"
        finally:
            _run(where / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


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

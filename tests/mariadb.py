"""A real MariaDB for tests: its own folder, a unix socket, no port; as an unprivileged user."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.postgres import UNPRIVILEGED

PATIENCE = 60.0  # seconds until it answers


@contextmanager
def running() -> Iterator[Path]:
    """The socket of a server with the empty database `test`; `root` has no password there."""
    server = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")
    maker = shutil.which("mariadb-install-db")
    if server is None or maker is None:
        pytest.skip("MariaDB is not installed: apt-get install mariadb-server.")
    user = UNPRIVILEGED if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="my-", dir="/tmp") as name:
        home = Path(name)
        home.chmod(0o755)
        if user:
            shutil.chown(home, user)
        made = [maker, "--no-defaults", f"--datadir={home / 'data'}", "--skip-test-db",
                "--auth-root-authentication-method=normal"]  # fmt: skip
        done = subprocess.run(made, capture_output=True, text=True, user=user, cwd="/tmp")
        assert done.returncode == 0, done.stdout + done.stderr
        where = home / "s"
        started = subprocess.Popen(
            [server, "--no-defaults", f"--datadir={home / 'data'}", f"--socket={where}",
             "--skip-networking", f"--pid-file={home / 'pid'}",
             "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M"],
            user=user, cwd="/tmp", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _wait(where)
            yield where
        finally:
            started.kill()
            started.wait()


def _wait(path: Path) -> None:
    import pymysql

    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with socket.socket(socket.AF_UNIX) as line:  # PyMySQL leaves one open that nobody answers
            if line.connect_ex(str(path)) == 0:
                break
        time.sleep(0.1)
    with pymysql.connect(unix_socket=str(path), user="root") as connection:
        connection.cursor().execute("CREATE DATABASE test")

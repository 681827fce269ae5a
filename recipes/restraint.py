"""What a throw-away child gives up before it sees what others sent. Light.

The child calls it on itself: `recipes/data/sandbox.py` for bytes, `recipes/sql/look.py` for what a
database answers.
"""

import ctypes
import os
import resource
import signal
from pathlib import Path

FILES = 64  # open ones
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000


def die_with(parent: int) -> None:
    """The kernel ends this process when the thread of `parent` that started it ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(71)


def restrain(*, memory: int, cpu: int, file: int, network: bool = False) -> None:
    """Neither privileges nor processes of its own from here on; without `network` no line either.

    `memory` is in bytes on top of what is mapped now, `cpu` in seconds, `file` in bytes of one
    file that is written.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    # Not every container allows a network namespace of its own; the other limits hold anyway.
    if not network and libc.unshare(CLONE_NEWNET) != 0:
        libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    mapped = pages * resource.getpagesize()
    for what, most in (
        (resource.RLIMIT_AS, mapped + memory),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, file),
        (resource.RLIMIT_NOFILE, FILES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        hard = resource.getrlimit(what)[1]
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        resource.setrlimit(what, (most, most))

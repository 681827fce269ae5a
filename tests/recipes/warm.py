"""`python -m recipes FOLDER` as a fork of a process that has loaded the libraries, as on a node.

Each start of Python with torch costs seconds of a core, and a gang pays for each rank. Our own
modules are loaded anew each time: they read the environment as they are.
"""

import multiprocessing
import os
import subprocess
import sys
from functools import cache
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import pytest

from recipes.zygote import LATE, ONE_THREAD

ROOT = Path(__file__).resolve().parents[2]


class Begun:
    """What `subprocess.Popen` would be."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        self.pid = int(process.pid or 0)

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, seconds: float = 600) -> int:
        """The limit only keeps a broken test from hanging."""
        self._process.join(seconds)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("recipes", seconds)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def begin(folder: Path, **environment: str) -> Begun:
    """It says nothing; the ranks write to the job's log all the same."""
    process = _context().Process(target=_be, args=(folder, {**os.environ, **environment}))
    process.start()
    return Begun(process)


@cache
def _context() -> ForkServerContext:
    """Its two processes live as long as this one."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(LATE))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TRACKSIDE_HOME", raising=False)  # they are no part of what a test started
        for name, value in ONE_THREAD.items():  # a process that is forked has no threads
            patch.setenv(name, value)
        resource_tracker.ensure_running()
        forkserver.ensure_running()
    return context


def _be(folder: Path, environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    for name in [one for one in sys.modules if one.partition(".")[0] == "recipes"]:
        del sys.modules[name]
    from recipes import __main__

    sys.exit(__main__.main([str(folder)]))

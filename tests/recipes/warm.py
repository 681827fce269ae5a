"""`python -m recipes FOLDER` as a fork of a process that has loaded the libraries, as on a node.

Each start of Python with torch costs seconds of a core, and a gang pays for each rank. Our own
modules are loaded anew each time: they read the environment as they are. The command itself is
proved by what starts cold: torchrun in test_ranks.py, `score` in test_scoring_settings.py, a job's
folder in test_tabular.py and test_troubles.py.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from functools import cache
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import pytest

from recipes.zygote import LATE, ONE_THREAD

ROOT = Path(__file__).resolve().parents[2]
OF_TABLES = ("pyarrow.parquet", "xgboost")


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
    return _begun([str(folder)], os.devnull, os.devnull, environment)


def recipes(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """`python -m recipes ...`, to its end, and what it said."""
    given = [str(one) for one in arguments]
    with tempfile.TemporaryDirectory() as place:
        out, said = Path(place, "out"), Path(place, "said")
        code = _begun(given, str(out), str(said), {}).wait()
        return subprocess.CompletedProcess(given, code, out.read_text(), said.read_text())


def _begun(arguments: list[str], out: str, said: str, environment: dict[str, str]) -> Begun:
    given = (arguments, out, said, {**os.environ, **environment})
    process = _context().Process(target=_be, args=given)
    process.start()
    return Begun(process)


@cache
def _context() -> ForkServerContext:
    """Its two processes live as long as this one."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*LATE, *OF_TABLES])
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TRACKSIDE_HOME", raising=False)  # they are no part of what a test started
        for name, value in ONE_THREAD.items():  # a process that is forked has no threads
            patch.setenv(name, value)
        resource_tracker.ensure_running()
        forkserver.ensure_running()
    return context


def _be(arguments: list[str], out: str, said: str, environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    for number, name in enumerate((os.devnull, out, said)):
        file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, number)
        os.close(file)
    for name in [one for one in sys.modules if one.partition(".")[0] == "recipes"]:
        del sys.modules[name]
    from recipes import __main__

    sys.exit(__main__.main(arguments))

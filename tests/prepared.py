"""What takes seconds to make and is always the same: made once a run, by whichever of its processes
needs it first, and copied."""

import atexit
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from recipes.data import demo

ROOT = Path(__file__).resolve().parents[1]


RUN = "TESTS_OF_THIS_RUN"  # the folder that all its processes have: tests/stage.py


@cache
def place() -> Path:
    """Gone with this run; without pytest with this process."""
    if RUN in os.environ:
        return Path(os.environ[RUN])
    name = tempfile.mkdtemp(prefix="ts-")
    atexit.register(shutil.rmtree, name, ignore_errors=True)
    return Path(name)


def _once(name: str, make: Callable[[Path], object]) -> Path:
    target, made = place() / name, place() / f"{name}.made"
    with (place() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            make(target)
            made.touch()
    return target


def shapes() -> Path:
    """The demo's pictures, as a user's archive."""
    return _once("shapes.zip", demo.write)


def _first_start(home: Path) -> None:
    """A home with tables, served files, the administrator and a demo that is to be imported."""
    done = subprocess.run(
        [sys.executable, "-m", "workers.prepare"],
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]


def begin(home: Path) -> None:
    """This home has had its first start."""
    shutil.copytree(_once("prepared", _first_start), home)


def environment(home: Path, **more: str) -> dict[str, str]:
    """Of the product that lives there, and not of this run of the tests."""
    ours = ("DJANGO_SETTINGS_MODULE", "TRACKSIDE_STORAGE", "DATABASE_URL", "BROKER_URL")
    passed = {name: value for name, value in os.environ.items() if name not in ours}
    return {**passed, "TRACKSIDE_HOME": str(home), **more}

"""What takes seconds to make and is always the same: made once a run, and copied."""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from recipes.data import demo

ROOT = Path(__file__).resolve().parents[1]


@cache
def place() -> Path:
    """Gone with this process."""
    name = tempfile.mkdtemp(prefix="ts-")
    atexit.register(shutil.rmtree, name, ignore_errors=True)
    return Path(name)


@cache
def shapes() -> Path:
    """The demo's pictures, as a user's archive."""
    target = place() / "shapes.zip"
    demo.write(target)
    return target


@cache
def _first_start() -> Path:
    """A home with tables, served files, the administrator and a demo that is to be imported."""
    home = place() / "prepared"
    done = subprocess.run(
        [sys.executable, "-m", "workers.prepare"],
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return home


def begin(home: Path) -> None:
    """This home has had its first start."""
    shutil.copytree(_first_start(), home)


def environment(home: Path, **more: str) -> dict[str, str]:
    """Of the product that lives there, and not of this run of the tests."""
    ours = ("DJANGO_SETTINGS_MODULE", "TRACKSIDE_STORAGE", "DATABASE_URL", "BROKER_URL")
    passed = {name: value for name, value in os.environ.items() if name not in ours}
    return {**passed, "TRACKSIDE_HOME": str(home), **more}

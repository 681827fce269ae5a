"""A race runs in a process of its own, with a database of its own; it prints what came of it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.product import ROOT


def run(race: str, database: str, home: Path, *arguments: str) -> dict[str, Any]:
    """`race`: a module of tests.web; `database`: its URL."""
    env = {**os.environ, "TRACKSIDE_HOME": str(home), "DATABASE_URL": database}
    env["BROKER_URL"] = f"redis+socket://{home}/none.sock"
    done = subprocess.run(
        [sys.executable, "-m", f"tests.web.{race}", *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found

"""`make bench`: every benchmark of this folder, then the lines that say what was wanted.

A benchmark is a module with `main()`; it prints `name: what it measured`, one line a figure, and
`(wanted: ...)` behind each that has a limit. It says so when it does not fit this machine and exits
with 1 when a limit is missed. Arguments name the ones to run.
"""

import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def main(names: list[str]) -> int:
    told: list[str] = []
    missed: list[str] = []
    for name in names or _all():
        print(f"· {name}", flush=True)
        lines, code = _run(name)
        told += [line for line in lines if "(wanted:" in line]
        if code:
            missed.append(name)
    print("\n".join(["", *told]))
    if missed:
        print(f"Missed or failed: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


def _all() -> list[str]:
    """Modules that can be run by themselves; what they start has its own name in the docstring."""
    runs = [path for path in sorted(FOLDER.glob("*.py")) if path.stem not in _STARTED]
    return [path.stem for path in runs if re.search(r"^def main\(", path.read_text(), re.M)]


_STARTED = {"__init__", "__main__", "reference_loop", "table_peer"}


def _run(name: str) -> tuple[list[str], int]:
    command = [sys.executable, "-m", f"bench.{name}"]
    with subprocess.Popen(command, cwd=FOLDER.parent, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            print(f"  {line}", end="", flush=True)
            lines.append(line.rstrip())
    return lines, process.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The terminal and the files of TRACKSIDE_HOME/logs, one line at a time, named by who wrote it."""

import os
import select
from datetime import UTC, datetime
from pathlib import Path

LARGEST = 10 * 2**20  # a file that grew past this becomes NAME.log.1
LONGEST_LINE = 4000  # what a pipe that select calls writable takes without blocking


class PrefixedLog:
    def __init__(self, folder: Path, *, terminal: int = 1) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self.terminal = terminal

    def say(self, text: str) -> None:
        """The supervisor's own words."""
        self._show(text)
        self._keep("supervisor", text)

    def line(self, name: str, text: str) -> None:
        self._show(f"{name:<9} | {text}")
        self._keep(name, text)

    def _show(self, text: str) -> None:
        """A terminal that nobody reads (Ctrl-S, a full pipe) must not stop the product."""
        data = text.encode()[:LONGEST_LINE] + b"\n"
        try:
            if select.select([], [self.terminal], [], 0)[1]:
                os.write(self.terminal, data)
        except OSError:
            return

    def _keep(self, name: str, text: str) -> None:
        path = self.folder / f"{name}.log"
        try:
            if path.exists() and path.stat().st_size > LARGEST:
                path.replace(path.with_name(f"{name}.log.1"))
            with path.open("a") as out:
                out.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ} {text}\n")
        except OSError as problem:  # a full disk: the terminal still has the line
            self._show(f"Cannot write {path}: {problem.strerror}.")

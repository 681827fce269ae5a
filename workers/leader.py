"""The leader of a gang on this node: hears that an agent is there, and when it is to end."""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from recipes import processes

TOUCH = 5.0


@dataclass
class Leader:
    """By its pid and when that began: 0 where none has been started yet."""

    folder: Path
    pid: int
    started: int
    touched: float = field(default=0.0, kw_only=True)

    @property
    def lives(self) -> bool:
        return self.pid > 0 and processes.same(self.pid, self.started)

    def keep_alive(self, now: float) -> None:
        """It ends its ranks when no agent has touched this file for long."""
        if now - self.touched >= TOUCH:
            self.touched = now
            with suppress(OSError):
                (self.folder / "alive").touch()

    def end(self) -> None:
        """SIGTERM, which it passes on to its ranks."""
        if self.lives:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

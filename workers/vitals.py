"""What an agent says of itself with each heartbeat, for the health page."""

import shutil
import threading
import time
from functools import cache
from importlib.metadata import version
from typing import Any

from django.conf import settings
from django.utils import timezone

from trackside.compute import clock
from workers.jobs import ears

LOOK = 5.0
SILENT = 20.0


class Vitals:
    """`now` is cheap and never waits for the storage: a network file system may hang for minutes,
    and a heartbeat that waited with it would call the whole machine lost."""

    def __init__(self) -> None:
        self._free: int | None = None
        self._seen = time.monotonic()
        self._thread = threading.Thread(target=self._look, name="storage", daemon=True)

    def now(self) -> dict[str, Any]:
        if not self._thread.is_alive():
            self._thread.start()
        tick = time.monotonic()
        return {
            "clock": round(ahead(), 3),
            "version": _version(),
            "storage": self._free if tick - self._seen < SILENT else None,
            "heard": None if ears.rang is None else round(tick - ears.rang),
        }

    def _look(self) -> None:
        while True:
            try:
                self._free = shutil.disk_usage(settings.TRACKSIDE_STORAGE).free
                self._seen = time.monotonic()
            except OSError:
                self._free = None
            time.sleep(LOOK)


def ahead() -> float:
    """Seconds that this machine's clock is ahead of the database's."""
    before = timezone.now()
    there = clock.now()
    middle = before + (timezone.now() - before) / 2
    return (middle - there).total_seconds()


@cache
def _version() -> str:
    return version("trackside")

"""See tests/light.py: light ranks instead of torch; and a clock that is off.

`LC_TRACKSIDE_CLOCK` is what the wall clock is wrong by, in seconds.
"""

import os
import time


def _wrong_clock(by: float) -> None:
    from datetime import UTC, datetime

    from django.utils import timezone

    right = time.time
    time.time = lambda: right() + by
    timezone.now = lambda: datetime.fromtimestamp(right() + by, UTC)


if os.environ.get("PYTHONPATH"):
    from tests import light

    light.ranks("tests.faults.ranks")
if os.environ.get("LC_TRACKSIDE_CLOCK"):
    _wrong_clock(float(os.environ["LC_TRACKSIDE_CLOCK"]))

"""Places where a test may end this process, as a power cut would: `crash.point("claim.committed")`.

Nothing happens unless TRACKSIDE_CRASH_AT names the point, as `claim.committed` or
`claim.committed:3` for its third pass; it may name several, with commas between them.
TRACKSIDE_CRASH_ONCE, a folder, keeps the process that is started after it from ending there again.
With TRACKSIDE_CRASH_LOG, a file, each pass is noted: so a test learns which points there are.
"""

import os
import signal
from collections import Counter
from pathlib import Path


def _at(text: str) -> dict[str, int]:
    """The points to end at, each with the pass that is the last."""
    named = [one.partition(":") for one in text.split(",") if one]
    return {name: int(number or 1) for name, _, number in named}


_AT = _at(os.environ.get("TRACKSIDE_CRASH_AT", ""))
_LOG = os.environ.get("TRACKSIDE_CRASH_LOG", "")
_ONCE = os.environ.get("TRACKSIDE_CRASH_ONCE", "")
_passed: Counter[str] = Counter()


def point(name: str) -> None:
    """The process may be killed here."""
    if not _AT and not _LOG:
        return
    if _LOG:
        with Path(_LOG).open("a") as log:
            log.write(f"{name}\n")
    if name not in _AT:
        return
    _passed[name] += 1
    if _passed[name] >= _AT[name] and _first(name):
        os.kill(os.getpid(), signal.SIGKILL)


def _first(name: str) -> bool:
    if not _ONCE:
        return True
    try:
        (Path(_ONCE) / name).open("x").close()
    except FileExistsError:
        return False
    return True

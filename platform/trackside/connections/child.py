"""The only place where the web starts a process: one that answers one question and may be lost.

It gets what it must know by its input alone, and is ended by the clock, whatever it does.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from select import POLLIN, poll
from typing import Any

STARTS = 30.0  # seconds until it has loaded what it needs
MOST = 16 << 20  # bytes of an answer
# Neither keys of the platform nor settings that drivers read
PASSED = (
    *("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV"),
    *("LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"),
)


class Lost(Exception):
    """It gave no answer."""


class Late(Lost):
    """It was ended by the clock."""


class Large(Lost):
    """It told more than MOST."""


def answer(module: str, asked: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """What `module` says to `asked`, at most `seconds` after it began. Raises Lost."""
    process: Any = subprocess.Popen(
        (sys.executable, "-P", "-m", module, str(os.getpid())),
        cwd="/",
        env={name: os.environ[name] for name in PASSED if name in os.environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        with suppress(BrokenPipeError), process.stdin as into:  # broken: it is over already
            into.write(json.dumps(asked).encode())
        told = _read(process.stdout.fileno(), seconds)
    finally:
        process.kill()
        process.stdout.close()
        with suppress(subprocess.TimeoutExpired):  # a dead file system holds it: it goes with that
            process.wait(1)
    try:
        said: dict[str, Any] = json.loads(told)
    except ValueError:
        raise Lost(
            f"It ended with {process.returncode} and said nothing that can be read."
        ) from None
    return said


def _read(out: int, seconds: float) -> bytes:
    """All that it writes; the clock of the question begins with its first byte."""
    waiting = poll()
    waiting.register(out, POLLIN)
    told = bytearray()
    until = time.monotonic() + STARTS
    while (left := until - time.monotonic()) > 0:
        if not waiting.poll(left * 1000):
            break
        chunk = os.read(out, 1 << 16)
        if not chunk:
            return bytes(told)
        until = until if told else time.monotonic() + seconds
        told += chunk
        if len(told) > MOST:
            raise Large
    raise Late

"""The journal of a job folder: one JSON object a line, written by rank 0 alone.

docs/jobs.md lists the types.
"""

import errno
import json
import math
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
MOST_HELD = 4 << 20  # bytes
FORBIDDEN = re.compile("[\0\ud800-\udfff]")  # as text, and as JSON has it
FORBIDDEN_WRITTEN = re.compile(rb"\\u(0000|[dD][89a-fA-F])")


class Journal:
    """Appends to `events.jsonl`. Ranks other than 0 get a journal that writes nothing.

    On a full disk lines are held back, in order and whole, until there is room: a training does not
    fail because it cannot tell how it goes.
    """

    aloud: Callable[[str, dict[str, Any]], None] | None = None  # hears each line of this process

    def __init__(self, folder: Path, *, rank: int = 0) -> None:
        self._out = -1
        self._seq = 0
        self._held = b""
        if rank == 0:
            path = folder / "events.jsonl"
            self._seq = path.read_bytes().count(b"\n") if path.exists() else 0
            self._out = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)

    def write(self, type: str, /, **data: Any) -> None:  # noqa: A002 - the field's name in the file
        """One line. Numbers that JSON cannot hold (NaN, infinity) become null."""
        if self._out < 0:
            return
        self._seq += 1
        line = {"seq": self._seq, "t": round(time.time(), 3), "type": type, **finite(data)}
        self._held += json.dumps(line, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        self._push()
        if Journal.aloud is not None:
            Journal.aloud(type, line)

    def _push(self) -> None:
        try:
            while self._held:
                self._held = self._held[os.write(self._out, self._held) :]
        except OSError as problem:
            if problem.errno not in FULL or len(self._held) > MOST_HELD:
                raise

    def log(self, text: str, *, level: str = "info") -> None:
        self.write("log", level=level, text=text)

    def close(self) -> None:
        if self._out >= 0:
            self._push()
            os.close(self._out)
            self._out = -1


def finite(value: Any) -> Any:
    """The same JSON value with every NaN and infinity as None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return value


def read_from(path: Path, offset: int) -> tuple[list[dict[str, Any]], int]:
    """The whole lines after `offset` bytes, and the offset behind them.

    A torn last line is left for later.
    """
    events: list[dict[str, Any]] = []
    for line, after in _lines(path, offset):
        offset = after
        event = _parsed(line)
        if event is not None:
            events.append(event)
        else:
            events.append(
                {"type": "log", "level": "warning", "text": f"Unreadable line: {line[:200]!r}"}
            )
    return events, offset


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The event, without the characters that no database keeps; None for what is none."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    if not isinstance(event, dict):
        return None
    return _storable(event) if FORBIDDEN_WRITTEN.search(line) else event


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return FORBIDDEN.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_storable(key): _storable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_storable(one) for one in value]
    return value


def _lines(path: Path, offset: int) -> Iterator[tuple[bytes, int]]:
    if not path.exists():
        return
    with path.open("rb") as source:
        source.seek(offset)
        for line in source:
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            yield line, offset


def tell(journal: Path) -> None:
    """Warnings and the failure of a job, for a person at a terminal."""
    if not journal.exists():
        return
    for line in map(json.loads, journal.read_text().splitlines()):
        if line["type"] == "failed":
            print(line["message"], file=sys.stderr)  # noqa: T201
        elif line["type"] == "note" and line["level"] == "warning":
            print(line["text"], file=sys.stderr)  # noqa: T201

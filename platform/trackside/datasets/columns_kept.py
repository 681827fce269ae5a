"""The columns of tables that were asked for last, so that a page reads a wide table's once."""

import json
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import Any

MOST = 32 << 20  # bytes of columns.json; in memory its columns take some four times as much

Column = dict[str, Any]  # an entry of columns.json: for reading alone, all pages have the same


class Kept:
    """By the file and what it holds: a file that was read never changes under a fingerprint."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.found: OrderedDict[tuple[str, str], tuple[int, list[Column]]] = OrderedDict()
        self.lock = Lock()

    def columns(self, path: Path, fingerprint: str) -> list[Column]:
        """The entries of `path`. Raises OSError where it is gone."""
        key = (str(path), fingerprint)
        with self.lock:
            if key in self.found:
                self.found.move_to_end(key)
                return list(self.found[key][1])
        text = path.read_text()
        columns = list(json.loads(text, parse_constant=_none))
        with self.lock:
            self.found[key] = len(text), columns
            while sum(size for size, _ in self.found.values()) > self.most and len(self.found) > 1:
                self.found.popitem(last=False)
        return list(columns)


def _none(_: str) -> None:
    """Infinity and NaN are no JSON: no figure."""


KEPT = Kept()

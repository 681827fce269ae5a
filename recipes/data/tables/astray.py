"""Cuts csv text in which quotation marks stand astray, by the rules of Python's csv module."""

import csv
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from recipes.data.tables.cells import Cut, wrong_width

LONGEST = 1 << 20  # bytes of a value in such text; a mark that is never closed must not eat it all
csv.field_size_limit(LONGEST)


class _Lines:
    """Gives the reader its lines and knows how far it is."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.used = 0
        self.count = 0
        self.more = True

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.used >= len(self._data):
            self.more = False
            raise StopIteration
        end = self._data.find(b"\n", self.used) + 1 or len(self._data)
        line = self._data[self.used : end].decode("utf-8", "replace")
        self.used, self.count = end, self.count + 1
        return line

    def back_to(self, used: int, count: int) -> None:
        self.used, self.count, self.more = used, count, True


def cut_astray(data: bytes, delimiter: str, columns: int, *, last: bool) -> Cut:
    """As `cells.cut`. A row that goes on to the end of the text waits for more, unless it is the
    `last` text or the row is very long: then its mark is never closed, and its line is left out."""
    whole = len(data) if last else data.rfind(b"\n") + 1
    lines = _Lines(data[:whole])
    cut = Cut(columns=[], lines=np.empty(0, np.int64), used=0, newlines=0)
    rows: list[list[str]] = []
    numbers: list[int] = []
    while lines.more:
        used, count = lines.used, lines.count
        row, trouble = _next(lines, delimiter)
        unclosed = row is not None and not lines.more
        if unclosed and not last and len(data) - used < LONGEST:
            lines.back_to(used, count)
            break
        if unclosed or trouble:
            lines.back_to(used, count)
            next(lines)
            trouble = trouble or "A quotation mark in it is never closed."
        if trouble:
            cut.odd.append((count, trouble))
        elif row and len(row) != columns:
            cut.odd.append((count, wrong_width(len(row), columns)))
        elif row:
            rows.append(row)
            numbers.append(count)
    cut.used, cut.newlines = lines.used, lines.count
    cut.lines = np.array(numbers, np.int64)
    cut.columns = [pa.array([row[at] for row in rows], pa.string()) for at in range(columns)]
    return cut


def _next(lines: _Lines, delimiter: str) -> tuple[list[str] | None, str]:
    """The next row and why it cannot be read. None at the end."""
    try:
        return next(csv.reader(lines, delimiter=delimiter), None), ""
    except csv.Error as wrong:
        if "limit" in str(wrong):
            return None, f"A value has more than {LONGEST >> 20} MB, or its mark is never closed."
        return None, f"It cannot be read ({wrong})."

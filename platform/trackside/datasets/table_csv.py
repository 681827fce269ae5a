"""The rows of a CSV that a recipe wrote. A window costs the reading of all rows before it."""

import csv
import itertools
import os
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO


class CsvTable:
    def __init__(self, path: Path) -> None:
        """Raises OSError when it cannot be opened."""
        # Held, so that the rows stay readable when the file is replaced.
        self._file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)
        with self._begun() as source:
            self.names = next(csv.reader(source), [])

    def window(
        self, offset: int, limit: int, columns: list[int], cut: int | None = None
    ) -> list[list[Any]]:
        rows = itertools.islice(self.lines(), offset, offset + limit)
        most = None if cut is None else cut + 1
        return [
            [row[place][:most] if place < len(row) else None for place in columns] for row in rows
        ]

    def lines(self) -> Iterator[list[Any]]:
        with self._begun() as source:
            reader = csv.reader(source)
            next(reader, None)
            yield from reader

    def _begun(self) -> TextIO:
        """From its beginning; one reading at a time, they have one position."""
        os.lseek(self._file, 0, os.SEEK_SET)
        return open(self._file, newline="", closefd=False)

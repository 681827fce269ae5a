"""The rows of a CSV that a recipe wrote. A window costs the reading of all rows before it."""

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class CsvTable:
    def __init__(self, path: Path) -> None:
        """Raises OSError when it cannot be opened."""
        self.path = path
        with path.open(newline="") as source:
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
        with self.path.open(newline="") as source:
            reader = csv.reader(source)
            next(reader, None)
            yield from reader

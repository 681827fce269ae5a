"""Reads a sheet of a workbook: xlsx, xls, xlsb or ods. Its cells know whether they are numbers."""

import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import python_calamine as calamine

from recipes.data.sandbox import BadInput
from recipes.data.tables import names
from recipes.data.tables.json_lines import NOTHING, strings
from recipes.data.tables.problems import Problems
from recipes.data.tables.reading import Block, Reading
from recipes.data.tables.separated import SAMPLE, has_header

CELLS = 1 << 20  # in a block
UNPACKED = 1 << 30  # bytes; a sheet is held in memory as a whole
_PLAIN = Reading()
WHOLE = 2**53  # up to here a double tells whole numbers apart
BROKEN = (calamine.CalamineError, calamine.XmlError, calamine.ZipError, OSError, ValueError)
# What a column may be when its cells are of these kinds.
MAY = {
    frozenset({"number"}): frozenset({"integer", "number"}),
    frozenset({"boolean"}): frozenset({"boolean"}),
    frozenset({"time"}): frozenset({"date", "datetime"}),
    frozenset({"text"}): frozenset({"boolean", "date", "datetime"}),
}


class Excel:
    unit = "row"

    def __init__(self, path: Path, read: Reading, format_: str) -> None:
        _check_size(path)
        self.format = format_
        self._size = path.stat().st_size
        self._header = read.header
        self.names: list[str] = []
        try:
            self._book = calamine.load_workbook(path)
            self._sheet = self._chosen(read.sheet)
        except calamine.PasswordError:
            raise BadInput("The workbook is protected by a password. Save it without.") from None
        except BROKEN as torn:
            raise BadInput(f"The workbook is damaged ({torn}). Save it again.") from None
        self.told: dict[str, Any] = {
            "encoding": None,
            "delimiter": None,
            "header": self._header is not False,
            "sheet": self._sheet.name,
            "sheets": list(self._book.sheet_names),
        }

    def blocks(self, problems: Problems) -> Iterator[Block]:
        rows = enumerate(self._sheet.iter_rows(), 1)  # with empty rows above the first
        filled = ((number, row) for number, row in rows if any(cell != "" for cell in row))
        seen = list(islice(filled, SAMPLE))
        if not seen:
            raise BadInput(f"The sheet {self._sheet.name!r} is empty.")
        number, first = seen[0]
        header = self._header
        if header is None:
            header = has_header([[_text(cell)[0] or "" for cell in row] for _, row in seen], _PLAIN)
        self.told["header"] = header
        places = self._filled(first) if header else range(len(first))
        self.names = names.settled([_text(first[place])[0] or "" for place in places], problems)
        if not header:
            self.names = [f"column_{place}" for place in range(1, len(first) + 1)]
            if self._header is None:
                said = "It looks like data, not like the names of columns, and is taken as such."
                problems.add(f"row {number}", said)
        waiting: list[tuple[int, list[Any]]] = []
        for one in chain(seen[1:] if header else seen, filled):
            waiting.append(one)
            if len(waiting) * len(self.names) >= CELLS:
                yield self._block(waiting, places)
                waiting = []
        yield self._block(waiting, places)

    def _chosen(self, wanted: str) -> calamine.CalamineSheet:
        """The sheet of that name, or the first one with anything in it."""
        if not wanted:
            sheets = [self._book.get_sheet_by_name(name) for name in self._book.sheet_names]
            found = next((sheet for sheet in sheets if sheet.height), None)
            if found is None:
                raise BadInput("The workbook is empty.")
            return found
        if wanted not in self._book.sheet_names:
            known = ", ".join(repr(name) for name in self._book.sheet_names[:20])
            raise BadInput(f"The workbook has no sheet {wanted!r}. It has {known}.")
        return self._book.get_sheet_by_name(wanted)

    def _filled(self, header: list[Any]) -> list[int]:
        """Columns up to the last that has a name, without empty ones on the left."""
        named = [place for place, cell in enumerate(header) if cell != ""]
        return list(range(named[0], named[-1] + 1))

    def _block(self, rows: list[tuple[int, list[Any]]], places: Any) -> Block:
        columns, may = [], []
        for place in places:
            told = [_text(row[place] if place < len(row) else "") for _, row in rows]
            kinds = frozenset(kind for _, kind in told if kind)
            columns.append(strings([text for text, _ in told]))
            may.append(MAY.get(kinds, NOTHING) if kinds else None)
        numbers = np.array([number for number, _ in rows], np.int64)
        return Block(columns=columns, lines=numbers, done=self._size, may=may)


def _text(cell: object) -> tuple[str | None, str]:
    """A cell as text, and what kind it is."""
    if isinstance(cell, bool):
        return "true" if cell else "false", "boolean"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < WHOLE:
        return str(int(cell)), "number"
    if isinstance(cell, int | float):
        return repr(cell), "number"
    if isinstance(cell, datetime):
        day = (cell.hour, cell.minute, cell.second, cell.microsecond) == (0, 0, 0, 0)
        return (cell.date() if day else cell).isoformat(), "time"
    if isinstance(cell, date):
        return cell.isoformat(), "time"
    if isinstance(cell, time | timedelta):
        return str(cell), "clock"
    text = str(cell)
    return (text, "text") if text.strip() else (None, "")


def _check_size(path: Path) -> None:
    """A small file may unpack to more than memory holds."""
    if not zipfile.is_zipfile(path):
        return  # calamine says what is wrong
    with zipfile.ZipFile(path) as book:
        size = sum(entry.file_size for entry in book.infolist())
    if size > UNPACKED:
        raise BadInput(
            f"The workbook unpacks to {size / 1e9:.1f} GB, more than can be read at once. "
            "Save the sheet as csv."
        )

"""Rows as CSV for people, who open it in a spreadsheet: a text there must not become a formula.

A text that begins as a formula does gets a ' before it, in a cell and in a column's name; numbers
stay numbers. Whoever needs the text as it is reads the rows as JSON.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from io import StringIO

FORMULA = re.compile("[=+\\-@\t\r\n\0\uff1d\uff0b\uff0d\uff20]")  # and their full-width twins
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
PIECE = 2**16  # characters


def cell(value: object) -> object:
    """The value as it may stand in a spreadsheet."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str) or not FORMULA.match(value) or NUMBER.fullmatch(value):
        return value
    return f"'{value}"


def pieces(rows: Iterable[Iterable[object]]) -> Iterator[bytes]:
    """The rows as CSV, many of them in one piece."""
    text = StringIO(newline="")
    writer = csv.writer(text)  # with another end of line it would leave a lone \r unquoted
    for row in rows:
        writer.writerow([cell(one) for one in row])
        if text.tell() >= PIECE:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    if text.tell():
        yield text.getvalue().encode()

"""Reads csv and tsv: text whose values a character separates."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from typing import Any

from recipes.data.sandbox import BadInput
from recipes.data.tables import names
from recipes.data.tables.astray import cut_astray
from recipes.data.tables.cells import Cut, cut
from recipes.data.tables.forms import typed
from recipes.data.tables.problems import Problems
from recipes.data.tables.reading import BLOCK, Block, Reading
from recipes.data.tables.text import Text

DELIMITERS = ",;\t|"
SAMPLE = 200  # rows, and columns, that delimiter and header are found out from

Rows = list[list[str]]


class Separated:
    """Also says how it was read: `told` has the delimiter and whether there is a header."""

    unit = "line"

    def __init__(self, text: Text, read: Reading, format_: str) -> None:
        head = text.head()
        if not head.strip():
            raise BadInput("The file has no text in it.")
        self.format = format_
        self._text = text
        self._delimiter = read.delimiter or delimiter_of(head)
        rows = sample(head, self._delimiter)
        if not rows:
            raise BadInput("The file has no rows.")
        self._header = has_header(rows, read) if read.header is None else read.header
        self._guessed = read.header is None
        self._given = rows[0] if self._header else [""] * _width(rows)
        self.names: list[str] = []
        self.told: dict[str, Any] = {
            "encoding": text.encoding,
            "delimiter": self._delimiter,
            "header": self._header,
        }

    def blocks(self, problems: Problems) -> Iterator[Block]:
        self._begin(problems)
        wait, line, rest = self._header, 1, b""
        for data, done, last in _ended(self._text.chunks(BLOCK)):
            rest += data
            while rest:
                found = _cut(rest, self._delimiter, len(self.names), last=last)
                if not found.used:
                    break
                for count, what in found.odd:
                    problems.row(line + count, what)
                block = self._block(found, line, done)
                if wait and len(block.lines):
                    wait, block = False, _without_first(block)
                yield block
                line += found.newlines
                rest = rest[found.used :]
                if not last:
                    break
            if len(rest) > BLOCK:
                raise BadInput(f"Line {line:,} is longer than {BLOCK >> 20} MB: it is no table.")

    def _begin(self, problems: Problems) -> None:
        self._text.doubted(problems)
        if not self._header:
            if self._guessed:
                said = "It looks like data, not like the names of columns, and is taken as such."
                problems.add("line 1", said)
            names.check_count(len(self._given))
            self.names = [f"column_{place}" for place in range(1, len(self._given) + 1)]
            return
        self.names = names.settled(self._given, problems)

    def _block(self, found: Cut, line: int, done: int) -> Block:
        return Block(
            columns=found.columns,
            lines=found.lines + line,
            done=done,
            spaced=found.spaced,
        )


def delimiter_of(head: str) -> str:
    """The one that gives most rows the same number of values, and more than one; else a comma."""
    best, chosen = (0.0, 0), ","
    for one in DELIMITERS:
        rows = sample(head, one)
        width, count = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
        share = round(count / max(len(rows), 1), 1)
        if width > 1 and (share, width) > best:
            best, chosen = (share, width), one
    return chosen


def sample(head: str, delimiter: str) -> Rows:
    """The first rows, without empty lines."""
    found: Rows = []
    try:
        for row in csv.reader(io.StringIO(head, newline=""), delimiter=delimiter):
            if row:
                found.append(row)
            if len(found) > SAMPLE:
                break
    except csv.Error:  # what was read before it will do
        pass
    return found


def has_header(rows: Rows, read: Reading) -> bool:
    """Whether the first row names the columns: where values below it are numbers, dates or
    booleans, its own are not, or it has years like 2010, 2011 beside a name."""
    first, below = rows[0][:SAMPLE], [row for row in rows[1:] if len(row) == len(rows[0])]
    missing = set(read.tokens("*"))
    if any(value in missing and value for value in first):
        return False
    if not below:
        return typed(first) not in ("integer", "number", "date", "datetime")
    alike = different = 0
    for place, name in enumerate(first):
        values = [row[place] for row in below if row[place] not in missing]
        kind = typed(values) if values else "text"
        if kind == "text":
            continue
        if name and typed([*values, name]) == kind:
            alike += 1
        else:
            different += 1
    years = [name for name in first if name.isdecimal()]
    rising = years == sorted(set(years)) and all(map(_is_year, years))
    return different > 0 or not alike or (len(first) > len(years) == alike and rising)


def _is_year(name: str) -> bool:
    return len(name) == 4 and 1800 <= int(name) <= 2200


def _width(rows: Rows) -> int:
    return Counter(map(len, rows)).most_common(1)[0][0]


def _cut(data: bytes, delimiter: str, columns: int, *, last: bool) -> Cut:
    whole = data if not last or data.endswith(b"\n") else data + b"\n"
    found = cut(whole, delimiter, columns)
    return found or cut_astray(whole, delimiter, columns, last=last)


def _ended(chunks: Iterator[tuple[bytes, int]]) -> Iterator[tuple[bytes, int, bool]]:
    """The chunks, and whether each is the last."""
    before: tuple[bytes, int] | None = None
    for one in chunks:
        if before:
            yield *before, False
        before = one
    if before:
        yield *before, True


def _without_first(block: Block) -> Block:
    block.columns = [column.slice(1) for column in block.columns]
    block.lines = block.lines[1:]
    return block

"""Reads JSON Lines: an object a line. Its keys are columns, in the order of first appearance."""

import json
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from recipes.data.sandbox import BadInput
from recipes.data.tables import names
from recipes.data.tables.problems import Problems
from recipes.data.tables.reading import BLOCK, Block
from recipes.data.tables.text import Text

# What a column may be when its values are of these kinds of JSON; text alone may be a date, or
# yes and no as in other files.
MAY = {
    frozenset({"number"}): frozenset({"integer", "number"}),
    frozenset({"boolean"}): frozenset({"boolean"}),
    frozenset({"text"}): frozenset({"boolean", "date", "datetime"}),
}
NOTHING: frozenset[str] = frozenset()
KEYS = 20  # that are told because they stand twice


class JsonLines:
    unit = "line"

    def __init__(self, text: Text, format_: str) -> None:
        self.format = format_
        self._text = text
        self._places: dict[str, int] = {}  # key: place of its column
        self._decoder = json.JSONDecoder(object_pairs_hook=self._paired)
        self._twice: list[str] = []  # keys that stand twice in an object of the line
        self._doubled: set[str] = set()  # those of all lines that were told
        self.names: list[str] = []
        self.told: dict[str, Any] = {
            "encoding": text.encoding,
            "delimiter": None,
            "header": None,
        }

    def blocks(self, problems: Problems) -> Iterator[Block]:
        self._places, self.names, self._doubled = {}, [], set()
        self._text.doubted(problems)
        line, rest, done = 1, b"", 0
        for data, done in self._text.chunks(BLOCK):
            whole = (rest + data).split(b"\n")
            rest = whole.pop()
            if len(rest) > BLOCK:
                raise BadInput(f"Line {line + len(whole):,} is longer than {BLOCK >> 20} MB.")
            yield self._block(whole, line, done, problems)
            line += len(whole)
        if rest.strip():
            yield self._block([rest], line, done, problems)

    def _block(self, lines: list[bytes], first: int, done: int, problems: Problems) -> Block:
        columns: list[list[str | None]] = [[] for _ in self.names]
        kinds: list[set[str]] = [set() for _ in self.names]
        numbers: list[int] = []
        for number, raw in enumerate(lines, first):
            told = self._object(raw, number, problems)
            if told is None:
                continue
            for key, value in told.items():
                place = self._place(key, problems)
                if place == len(columns):
                    columns.append([])
                    kinds.append(set())
                columns[place] += [None] * (len(numbers) - len(columns[place]))
                text, kind = written(value)
                columns[place].append(text)
                if kind:
                    kinds[place].add(kind)
            numbers.append(number)
        for column in columns:
            column += [None] * (len(numbers) - len(column))
        return Block(
            columns=[strings(column) for column in columns],
            lines=np.array(numbers, np.int64),
            done=done,
            may=[MAY.get(frozenset(kind), NOTHING) if kind else None for kind in kinds],
        )

    def _object(self, raw: bytes, number: int, problems: Problems) -> dict[str, Any] | None:
        if not raw.strip():
            return None
        self._twice.clear()
        try:
            told = self._decoder.decode(raw.removeprefix(BOM_UTF8).decode())
        except (ValueError, RecursionError) as wrong:
            said = str(wrong).partition(":")[0] or "nested too deeply"
            problems.row(number, f"It is no JSON ({said}).")
            return None
        if not isinstance(told, dict):
            problems.row(number, "It is no JSON object.")
            return None
        for key in self._twice:
            if key not in self._doubled and len(self._doubled) < KEYS:
                self._doubled.add(key)
                said = f"It has {key[:80]!r} twice: the last value counts, here and below."
                problems.add(f"line {number}", said)
        return told

    def _paired(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """An object of a line, or one in it."""
        made = dict(pairs)
        if len(made) < len(pairs):
            times = Counter(name for name, _ in pairs)
            self._twice.extend(name for name, count in times.items() if count > 1)
        return made

    def _place(self, key: str, problems: Problems) -> int:
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = len(self.names)
            names.check_count(place + 1)
            self.names.append(names.another(key, self.names, problems))
        return place


def written(value: object) -> tuple[str | None, str]:
    """A value of JSON as text, and what kind it was."""
    if value is None or isinstance(value, str):
        return value, "text" if value is not None and value.strip() else ""
    if isinstance(value, bool):
        return "true" if value else "false", "boolean"
    if isinstance(value, int | float):
        return repr(value), "number"
    return json.dumps(value, ensure_ascii=False), "nested"


def strings(values: list[str | None]) -> pa.Array:
    """Text that JSON can hold and UTF-8 cannot gets a question mark."""
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        clean = [None if one is None else one.encode("utf-8", "replace").decode() for one in values]
        return pa.array(clean, pa.string())

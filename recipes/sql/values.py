"""What a statement is, and what its columns hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

HELD = 4 << 20  # bytes that the rows of one fetch should have
GROWS = 4  # times, from one fetch to the next
SMALL = 32  # bytes, of a number
ANY = frozenset[str]()  # in `Field.may`: the kept values have their type already


@dataclass(frozen=True)
class Statement:
    """`sql` as the driver takes it. `values` are None where it is a person's own text, in which %
    and : mean nothing. `declared` are the types of a table's columns, as the database says them."""

    sql: str
    values: tuple[()] | None = None
    declared: tuple[str, ...] = ()


@dataclass(frozen=True)
class Field:
    """A column of the answer. `kept` is what its values are: integer, number, boolean, date,
    datetime, instant (with a zone) or text. Of text, `may` are the types that it may turn out to
    be: so numbers of any length stay exact, and what is text in the database stays text."""

    name: str
    kept: str
    may: frozenset[str] = ANY

    @property
    def type(self) -> str:
        """In the words of a dataset, before all its values were seen."""
        if self.kept == "instant":
            return "datetime"
        return "number" if "number" in self.may else self.kept

    def value(self, raw: Any) -> Any:
        """What the driver gave, as this column keeps it."""
        if raw is None or self.kept not in ("text", "boolean"):
            return raw
        return bool(raw) if self.kept == "boolean" else as_text(raw)


DIGITS = frozenset({"integer", "number"})
WORDS = frozenset({"text"})
DAYS = frozenset({"date", "datetime"})


def text(name: str) -> Field:
    return Field(name, "text", WORDS)


def digits(name: str) -> Field:
    """Decimals, and whole numbers that may be beyond 64 bits, as they are written."""
    return Field(name, "text", DIGITS)


def as_text(value: Any) -> str | None:
    """Any value of a database as a person would write it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        raw = bytes(value)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return f"\\x{raw.hex()}"
    if isinstance(value, list | dict | tuple):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)


Rows = list[tuple[Any, ...]]


def by_bytes(fetch: Callable[[int], Rows], most: int) -> Iterator[Rows]:
    """All that `fetch(n)` gives: one row at first, then as many at once as HELD has room for."""
    size = 1
    while rows := fetch(size):
        yield rows
        fits = HELD * len(rows) // max(1, sum(map(_bytes, rows)))
        size = max(1, min(most, size * GROWS, fits))


def _bytes(row: tuple[Any, ...]) -> int:
    """About, of what can be large."""
    return sum(len(one) if isinstance(one, str | bytes) else SMALL for one in row)

"""Which values a column has and how often, up to as many as somebody could look at."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from recipes.uploads import COUNTED

BYTES = 64 << 20  # of text in them
LONGEST = 400  # characters of a text that is shown
NUMBER = r"^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$"
ZERO_LED = r"^[+-]?0[0-9]"
SPACED = r"^\s|\s$"
LOST = "\ufffd"  # in place of bytes that are no text


class Values:
    """Counts values; gives up where there are more than COUNTED."""

    def __init__(self, type_: str) -> None:
        self.rows = 0
        self.once = False  # no value had come twice when they became too many to be counted
        self.looks = {"number": 0, "zero-led": 0, "spaced": 0, "lost": 0}  # rows of text
        self.no_number = ""  # a text that is none
        self._text = type_ == "text"
        self._counts: dict[Any, int] | None = {}
        self._bytes = 0

    @property
    def distinct(self) -> int | None:
        return None if self._counts is None else len(self._counts)

    def add(self, there: pa.Array) -> None:
        """`there` has no nulls."""
        self.rows += len(there)
        if self._counts is None and not self._text:
            return
        found = pc.value_counts(there)
        values, counts = found.field("values"), found.field("counts")
        if self._text:
            self._look(values, counts)
        if self._counts is None:
            return
        for value, count in zip(values.to_pylist(), counts.to_pylist(), strict=True):
            if value in self._counts:
                self._counts[value] += count
            else:
                self._counts[value] = count
                self._bytes += len(value) if self._text else 8
        if len(self._counts) > COUNTED or self._bytes > BYTES:
            self.once = len(self._counts) == self.rows
            self._counts = None

    def top(self, most: int) -> list[dict[str, Any]]:
        """The most frequent first; those that are equally frequent by their names."""
        if self._counts is None:
            return []
        ranked = sorted(self._counts.items(), key=lambda one: (-one[1], str(one[0])))
        return [{"value": shown(value), "count": count} for value, count in ranked[:most]]

    def _look(self, values: pa.Array, counts: pa.Array) -> None:
        number = pc.match_substring_regex(values, NUMBER)
        for name, pattern in (("zero-led", ZERO_LED), ("spaced", SPACED)):
            self.looks[name] += _total(counts, pc.match_substring_regex(values, pattern))
        self.looks["number"] += _total(counts, number)
        self.looks["lost"] += _total(counts, pc.match_substring(values, LOST))
        if not self.no_number:
            others = values.filter(pc.invert(number))
            self.no_number = others[0].as_py() if len(others) else ""


def _total(counts: pa.Array, which: pa.Array) -> int:
    return int(pc.sum(counts.filter(which)).as_py() or 0)


def shown(value: object) -> Any:
    """As JSON has it: dates as ISO text, long texts cut, numbers of any size exact."""
    if isinstance(value, str):
        clean = value.replace("\0", "")
        return clean if len(clean) <= LONGEST else clean[: LONGEST - 1] + "…"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return str(value)
    return value

"""A table that is written as csv comes back as it was, whatever is in it."""

import csv
import io
import random
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some

from recipes.data.sandbox import Refused
from recipes.data.tables.astray import cut_astray
from recipes.data.tables.cells import cut
from tests.recipes.tables import taken

# A letter in front keeps a text from being anything but a text.
texts = some.text(some.characters(codec="utf-8", exclude_characters="\0"), max_size=12).map(
    "x".__add__
)
integers = some.integers(-(10**30), 10**30)
numbers = some.floats(allow_nan=False, allow_infinity=False).map(lambda value: value + 0.0)
days = some.dates()
moments = some.datetimes()
Kind = tuple[str, some.SearchStrategy[Any], Callable[[Any], str]]
KINDS: tuple[Kind, ...] = (
    ("text", texts, str),
    ("integer", integers, str),
    ("number", numbers, lambda value: f"{value!r}"),
    ("boolean", some.booleans(), lambda value: "true" if value else "false"),
    ("date", days, date.isoformat),
    ("datetime", moments, lambda value: value.isoformat(sep=" ", timespec="microseconds")),
)


@some.composite
def tables(draw: some.DrawFn) -> tuple[list[Kind], list[list[Any]]]:
    """Columns of some kinds, and rows in which values may be missing."""
    kinds = draw(some.lists(some.sampled_from(KINDS), min_size=1, max_size=5))
    # Two columns at least, so that a row of missing values is no empty line.
    kinds = [("text", texts, str), *kinds]
    cells = [some.none() | kind[1] for kind in kinds]
    rows = draw(some.lists(some.tuples(*cells).map(list), min_size=1, max_size=12))
    return kinds, rows


def written(kinds: list[Kind], rows: list[list[Any]], **how: Any) -> str:
    out = io.StringIO()
    writer = csv.writer(out, **how)
    writer.writerow([f"c{place}" for place in range(len(kinds))])
    for row in rows:
        cells = zip(row, kinds, strict=True)
        writer.writerow(["" if value is None else kind[2](value) for value, kind in cells])
    return out.getvalue()


@settings(max_examples=60, deadline=None)
@given(
    table=tables(),
    delimiter=some.sampled_from(",;\t|"),
    quoting=some.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=some.sampled_from(["\n", "\r\n"]),
)
def test_a_table_written_as_csv_comes_back(
    table: tuple[list[Kind], list[list[Any]]], delimiter: str, quoting: int, end: str
) -> None:
    kinds, rows = table
    text = written(kinds, rows, delimiter=delimiter, quoting=quoting, lineterminator=end)
    types = {f"c{place}": kind[0] for place, kind in enumerate(kinds)}
    with tempfile.TemporaryDirectory() as home:
        made = taken(Path(home), text, read={"header": True, "delimiter": delimiter})
        assert made.facts["rows"] == len(rows)
        for place, name in enumerate(types):
            values = [row[place] for row in rows]
            there = [value for value in values if value is not None]
            assert made.values(name) == values
            assert made.column(name)["missing"] == len(values) - len(there)
            if there:
                assert made.types[name] == types[name]


pieces = some.lists(
    some.sampled_from(['"', '""', ",", "\n", "\r\n", "a", "ü", " ", "1", '"x"', '"a,b"', '"c\nd"']),
    max_size=40,
).map("".join)


@settings(max_examples=300, deadline=None)
@given(text=pieces, columns=some.integers(1, 3))
def test_both_ways_to_cut_agree_wherever_the_quick_one_dares(text: str, columns: int) -> None:
    data = (text + "\n").encode()
    quick = cut(data, ",", columns)
    if quick is None or quick.used < len(data):
        return
    slow = cut_astray(data, ",", columns, last=True)
    assert [one.to_pylist() for one in quick.columns] == [one.to_pylist() for one in slow.columns]
    assert list(quick.lines) == list(slow.lines)
    assert quick.odd == slow.odd
    assert (quick.used, quick.newlines) == (slow.used, slow.newlines)


@settings(max_examples=40, deadline=None)
@given(data=some.binary(max_size=400), name=some.sampled_from(["x.csv", "x.jsonl", "x.parquet"]))
def test_any_bytes_are_a_table_or_a_sentence(data: bytes, name: str) -> None:
    head = b"PAR1" if name == "x.parquet" else b'{"a": 1}\n' if name == "x.jsonl" else b"a,b\n"
    with tempfile.TemporaryDirectory() as home:
        try:
            made = taken(Path(home), head + data, name)
        except Refused as refused:
            said = str(refused)
        else:
            said = "A table."
            assert made.facts["rows"] == made.table.num_rows
        assert said


def test_cuts_of_a_file_meet_at_any_size_of_block() -> None:
    chance = random.Random(1)
    cells = ["", "a", "1", '"b,c"', '"d\ne"', '"f""g"', "h i"]
    rows = [[chance.choice(cells) for _ in range(3)] for _ in range(200)]
    data = ("\n".join(",".join(row) for row in rows) + "\n").encode()
    whole = cut(data, ",", 3)
    assert whole is not None
    for size in (80, 333, 1000):
        found: list[list[str]] = [[], [], []]
        rest, lines = b"", 0
        for start in range(0, len(data), size):
            rest += data[start : start + size]
            one = cut(rest, ",", 3)
            if one is None:
                continue
            for place in range(3):
                found[place] += one.columns[place].to_pylist()
            rest, lines = rest[one.used :], lines + one.newlines
        assert found == [one.to_pylist() for one in whole.columns]
        assert lines == whole.newlines

"""A column whose type a person named: what is read as that type, what a problem, and how fast."""

import io
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from recipes.data.tables.columns import lenient
from recipes.data.tables.forms import INTEGER
from recipes.data.tables.plain import plain
from tests.recipes.tables import taken


def test_of_numbers_that_are_to_be_integers_the_whole_ones_stay(tmp_path: Path) -> None:
    fares = ["7.25", "13.0", "1e3", " 0042 ", "26.", "-8.50", "x", "12345678901234567890.0"]
    made = taken(tmp_path, "fare\n" + "\n".join(fares), types={"fare": "integer"})
    whole = [None, 13, 1000, 42, 26, None, None, 12345678901234567890]
    assert made.values("fare") == whole
    assert "'7.25' is not whole, as an integer, which fare is set to" in made.why("line 2")
    assert "'x' is no integer" in made.why("line 8")
    table = pa.table({"fare": [7.25, 13.0, 1e6, None]})
    pq.write_table(table, out := io.BytesIO())
    again = taken(tmp_path, out.getvalue(), "t.parquet", types={"fare": "integer"})
    assert again.values("fare") == [None, 13, 1000000, None]


def test_a_million_codes_and_misfits_are_read_as_numbers_in_a_few_passes(tmp_path: Path) -> None:
    read: list[int] = []

    def counting(values: pa.Array) -> pa.Array | None:
        read.append(len(values))
        return INTEGER.parse(values)

    codes = pa.array([f"{n:08d}" if n % 2 else f"{n}.5" for n in range(100_000)])
    made, misfits = lenient(replace(INTEGER, parse=counting), plain(codes, "integer"))
    assert made.slice(1, 1).to_pylist() == [1]
    assert (len(misfits), len(read)) == (50_000, 1)

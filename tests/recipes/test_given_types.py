"""A column whose type a person named: what is read as that type, what a problem, and how fast."""

import io
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipes.data.tables.columns import lenient
from recipes.data.tables.forms import FORMS, INTEGER, OF_TYPE
from recipes.data.tables.looks import looks_of
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


def test_codes_and_misfits_are_read_as_numbers_in_one_pass() -> None:
    read: list[int] = []

    def counting(values: pa.Array) -> pa.Array | None:
        read.append(len(values))
        return INTEGER.parse(values)

    codes = pa.array([f"{n:08d}" if n % 2 else f"{n}.5" for n in range(100_000)])
    made, misfits = lenient(replace(INTEGER, parse=counting), plain(codes, "integer"))
    assert made.slice(1, 1).to_pylist() == [1]
    assert (len(misfits), len(read)) == (50_000, 1)


MOMENTS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S+02:00",
           "%Y%m%dT%H%M%SZ", "%d/%m/%Y", "%m/%d/%Y %I:%M %p", "%d.%m.%Y %H:%M:%S", "%Y/%m/%d",
           "%-d-%-m-%Y", "%-m-%-d-%Y  %-H:%M")  # fmt: skip
EVERY_FORM = {
    one.name: one for one in (*FORMS, *(one for all_ in OF_TYPE.values() for one in all_))
}


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.tuples(
            st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31)),  # noqa: DTZ001
            st.sampled_from(MOMENTS),
        ).map(lambda one: one[0].strftime(one[1])),
        st.floats().map(repr),
        st.integers().map("{:+,}".format),
        st.text("0123456789+-.,eTZ:/ ", max_size=11),
        st.sampled_from([*"tyfnTN", "yes", "NO", "1.0", "inf", "-Infinity", "NaN", ".5", "5."]),
    )
)
def test_what_a_form_reads_looks_like_it(text: str) -> None:
    value = pa.array([text.strip()])
    for form in EVERY_FORM.values():
        parsed = form.parse(value)
        if parsed is not None and parsed.null_count == 0 and form.type != "text":
            assert re.match(looks_of(form), text.strip()), form.name


@pytest.mark.parametrize("name", ["date", "d/m/y", "m/d/y", "d.m.y"])
def test_days_that_there_are_not_cost_no_search(name: str) -> None:
    form, days = EVERY_FORM[name], []
    for year in (1900, 2000, 2023, 2024):
        for month in range(14):
            for day in range(33):
                y, m, d = f"{year:04d}", f"{month:02d}", f"{day:02d}"
                days.append({"date": f"{y}-{m}-{d}", "d/m/y": f"{d}/{m}/{y}",
                             "m/d/y": f"{m}/{d}/{y}", "d.m.y": f"{d}.{m}.{y}"}[name])  # fmt: skip
    read: list[int] = []

    def counting(values: pa.Array) -> pa.Array | None:
        read.append(len(values))
        return form.parse(values)

    made, misfits = lenient(replace(form, parse=counting), pa.array(days))
    assert (len(made) - len(misfits), len(read)) == (365 * 2 + 366 * 2, 1)

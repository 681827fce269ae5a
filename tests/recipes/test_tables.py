"""An uploaded table becomes a dataset: its types, its missing values, what is left out and why."""

import io
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from recipes.data.tables.take_in import fingerprint
from tests.recipes.tables import at, taken

SAME = [
    # values as text, the type, what they are
    (["1", "-2", "+3"], "integer", [1, -2, 3]),
    (["0", "10"], "integer", [0, 10]),
    (["99999999999999999999", "1"], "integer", [Decimal("99999999999999999999"), Decimal(1)]),
    (["1", "2.5", "1e3", ".5"], "number", [1.0, 2.5, 1000.0, 0.5]),
    (["1,5", "2,25"], "number", [1.5, 2.25]),
    (["1.234,5", "7"], "number", [1234.5, 7.0]),
    (["1,234.5", "12,345"], "number", [1234.5, 12345.0]),
    (["00123", "456"], "text", ["00123", "456"]),
    (["-05", "1"], "text", ["-05", "1"]),
    (["0x1F", "2"], "text", ["0x1F", "2"]),
    (["1" * 39, "2"], "number", [float("1" * 39), 2.0]),
    (["1,234", "5,678"], "text", ["1,234", "5,678"]),
    (["true", "False", "TRUE"], "boolean", [True, False, True]),
    (["yes", "No"], "boolean", [True, False]),
    (["true", "no"], "text", ["true", "no"]),
    (["1", "true"], "text", ["1", "true"]),
    (["2019-03-23", "1969-12-31"], "date", [date(2019, 3, 23), date(1969, 12, 31)]),
    (["2019-03-23", "2019-03-23 10:05"], "datetime",
     [at("2019-03-23 00:00:00"), at("2019-03-23 10:05:00")]),
    (["2019-03-23T10:00:00+02:00"], "datetime", [at("2019-03-23 08:00:00")]),
    (["2019-03-23 10:00:00.123456789"], "datetime", [at("2019-03-23 10:00:00.123456")]),
    (["23/03/2019", "1/2/2019"], "date", [date(2019, 3, 23), date(2019, 2, 1)]),
    (["3/23/2019 4:05 PM", "1/2/2019 12:00 AM"], "datetime",
     [at("2019-03-23 16:05:00"), at("2019-01-02 00:00:00")]),
    (["1.2.2019", "31.12.2019"], "date", [date(2019, 2, 1), date(2019, 12, 31)]),
    (["1/2/2019", "3/4/2019"], "text", ["1/2/2019", "3/4/2019"]),
    (["30/02/2019", "1/2/2019"], "text", ["30/02/2019", "1/2/2019"]),
    (["2019-02-30"], "text", ["2019-02-30"]),
    (["20190323"], "integer", [20190323]),
    (["a", "1"], "text", ["a", "1"]),
]  # fmt: skip


@pytest.mark.parametrize(("texts", "type_", "values"), SAME)
def test_a_column_has_the_type_that_all_its_values_have(
    tmp_path: Path, texts: list[str], type_: str, values: list[Any]
) -> None:
    made = taken(tmp_path, "v;k\n" + "".join(f"{text};k\n" for text in texts))
    assert made.types["v"] == type_
    assert made.values("v") == values


@pytest.mark.parametrize(("texts", "type_", "values"), SAME)
def test_spaces_around_values_and_missing_ones_change_no_type(
    tmp_path: Path, texts: list[str], type_: str, values: list[Any]
) -> None:
    lines = "".join(f" {text} ; NA \n ? ;k\n" for text in texts)
    made = taken(tmp_path, f"v;k\n{lines}")
    assert made.types["v"] == type_
    assert made.column("v")["missing"] == len(texts)
    assert made.column("k")["missing"] == len(texts)
    kept = [one for one in made.values("v") if one is not None]
    assert [one.strip() for one in kept] == values if type_ == "text" else kept == values


def test_what_has_two_meanings_stays_text_and_says_so(tmp_path: Path) -> None:
    made = taken(tmp_path, "d;n\n1/2/2019;1,234\n3/4/2019;5,678\n")
    assert "day and month cannot be told apart" in made.column("d")["warnings"][0]
    assert "between thousands" in made.column("n")["warnings"][0]
    said = taken(tmp_path, "d;n\n1/2/2019;1,234\n", types={"d": "date", "n": "number"})
    assert said.values("d") == [date(2019, 2, 1)]
    assert said.values("n") == [1.234]
    assert said.column("d")["given"] is True


def test_a_type_that_later_values_contradict_is_that_of_all(tmp_path: Path) -> None:
    rows = 400_000
    early = "".join(f"{n},{n % 12 + 1}/1/2019,,{n}\n" for n in range(rows))
    made = taken(tmp_path, f"a,b,c,d\n{early}0.5,12/13/2019,x,007\n")
    assert made.types == {"a": "number", "b": "date", "c": "text", "d": "text"}
    assert made.facts["rows"] == rows + 1
    assert made.values("b")[1] == date(2019, 2, 1)
    assert made.values("d")[-2:] == [str(rows - 1), "007"]
    groups = pq.ParquetFile(made.folder / "table.parquet").metadata
    assert max(groups.row_group(n).num_rows for n in range(groups.num_row_groups)) <= 65_536


def test_values_that_do_not_fit_the_given_type_are_named_and_missing(tmp_path: Path) -> None:
    lines = "".join(f"{'x' if n % 2 else n}\n" for n in range(100))
    made = taken(tmp_path, f"v\n{lines}", types={"v": "integer", "w": "text"})
    assert made.types == {"v": "integer"}
    assert made.column("v")["missing"] == 50
    assert "'x' is no integer" in made.why("line 3")
    assert sum("is no integer" in one["what"] for one in made.problems) == 20
    assert "30 more values do not fit" in made.why("column v")
    assert "no such column" in made.why("column w")


def test_a_given_type_may_be_any_that_makes_sense(tmp_path: Path) -> None:
    made = taken(
        tmp_path,
        "a,b,c,d,e\n1,1,007,2019-03-23 10:00,12345678901234567890\n0,2.0,8,2019-03-24,1\n",
        types={"a": "boolean", "b": "text", "c": "integer", "d": "date", "e": "integer"},
    )
    assert made.values("a") == [True, False]
    assert made.values("b") == ["1", "2.0"]
    assert made.values("c") == [7, 8]
    assert made.values("d") == [date(2019, 3, 23), date(2019, 3, 24)]
    assert made.values("e") == [Decimal("12345678901234567890"), Decimal(1)]


def test_missing_values_are_what_the_owner_says(tmp_path: Path) -> None:
    text = "a,b\n-,-\nNA,x\n5,7\n"
    assert [one["missing"] for one in taken(tmp_path, text).columns] == [2, 1]
    made = taken(tmp_path, text, read={"missing": {"*": ["5"], "b": ["x", "-"]}})
    assert made.values("a") == ["-", "NA", None]
    assert made.values("b") == [None, None, 7]


def test_rows_of_another_width_are_left_out_and_named_by_their_line(tmp_path: Path) -> None:
    made = taken(tmp_path, 'a,b\n"x\ny",1\n\n1\n2,3\n4,5,6\n"q""q",8\n')
    assert made.values("a") == ["x\ny", "2", 'q"q']
    assert made.facts["left_out"] == 2
    assert made.why("line 5") == "It has 1 value where 2 belong. The line is left out."
    assert "3 values where 2 belong" in made.why("line 7")


def test_quotation_marks_astray_cost_no_other_line(tmp_path: Path) -> None:
    made = taken(tmp_path, 'a,b\n5" disk,1\n"x"y,2\n"fine\nindeed",4\n3,"never closed\n5,6\n')
    assert made.values("a") == ['5" disk', "xy", "fine\nindeed", "5"]
    assert "never closed" in made.why("line 6")


def test_names_are_made_unique_and_the_owner_is_told(tmp_path: Path) -> None:
    made = taken(tmp_path, "a,a,,a_2, b \n1,2,3,4,5\n")
    assert list(made.types) == ["a", "a_3", "column_3", "a_2", "b"]
    assert "name of another column" in made.why("column 2")
    assert "no name" in made.why("column 3")


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_out(tmp_path: Path, mark: str) -> None:
    made = taken(tmp_path, f"a{mark}b\n1{mark}x y\n2{mark}z\n")
    assert made.facts["delimiter"] == mark
    assert made.types == {"a": "integer", "b": "text"}


HEADERS = {
    "a,b\n1,2\n": True,
    "1,2\n3,4\n": False,
    "name\nAnn\nBen\n": True,
    "country,2010,2011\nDE,1,2\nFR,3,4\n": True,
    "5.1,3.5,setosa\n4.9,3.0,setosa\n": False,
    "day,2019-01-01\n1,x\n": True,
    f"name,{'9' * 5_000}\nAnn,1\nBen,2\n": True,
}


@pytest.mark.parametrize("text", HEADERS)
def test_the_header_is_found_out(tmp_path: Path, text: str) -> None:
    made = taken(tmp_path, text)
    assert made.facts["header"] is HEADERS[text]
    said = taken(tmp_path, text, read={"header": not HEADERS[text]}) if text[0] != "a" else None
    assert said is None or said.facts["header"] is not HEADERS[text]


def test_the_fingerprint_tells_file_reading_and_types(tmp_path: Path) -> None:
    text = "a,b\n1,2\n3,4\n"
    one = taken(tmp_path, text)
    told = {
        one.facts["fingerprint"],
        taken(tmp_path, text, types={"a": "text"}).facts["fingerprint"],
        taken(tmp_path, text, read={"missing": {"*": []}}).facts["fingerprint"],
        taken(tmp_path, text + "5,6\n").facts["fingerprint"],
    }
    assert len(told) == 4
    assert one.facts["fingerprint"] == taken(tmp_path, text).facts["fingerprint"]
    assert fingerprint("x", {}, []) != fingerprint("y", {}, [])
    assert one.facts == json.loads((one.folder / "facts.json").read_text())


def test_a_thousand_problems_are_kept_and_the_rest_counted(tmp_path: Path) -> None:
    made = taken(tmp_path, "a,b\n1,2\n3,4\n" + "x\n" * 1500)
    assert len(made.problems) == 1001
    assert made.problems[-1]["what"] == "500 more problems."
    assert made.facts["left_out"] == 1500


def test_a_written_table_can_be_read_by_arrow_alone(tmp_path: Path) -> None:
    made = taken(tmp_path, "a,b\n1,x\n2,\n")
    stored = io.BytesIO((made.folder / "table.parquet").read_bytes())
    assert pq.read_table(stored).to_pydict() == {"a": [1, 2], "b": ["x", None]}

"""Tables come in encodings and formats; each is read for what it says."""

import gzip
import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.recipes.tables import at, taken, workbook

ENCODINGS = {
    "utf-8": ("ü".encode(), "utf-8"),
    "a mark": ("\ufeff".encode(), "utf-8"),
    "utf-16": (None, "utf-16"),
    "cp1252": ("ü€".encode("cp1252"), "cp1252"),
    "latin-1": (b"\xfc\x81", "latin-1"),
}


@pytest.mark.parametrize("case", ENCODINGS)
def test_the_encoding_is_found_out(tmp_path: Path, case: str) -> None:
    piece, encoding = ENCODINGS[case]
    if piece is None:
        data = "name,v\nJürgen,1\nAnn,2\n".encode("utf-16")
    elif case == "a mark":
        data = piece + "name,v\nJürgen,1\nAnn,2\n".encode()
    else:
        data = b"name,v\nAnn,1\n" + piece + b",2\n"
    made = taken(tmp_path, data)
    assert made.facts["encoding"] == encoding
    assert list(made.types) == ["name", "v"]
    guessed = encoding in ("cp1252", "latin-1")
    assert ("not UTF-8" in made.why("line 3")) is guessed
    if case == "cp1252":
        assert made.values("name") == ["Ann", "ü€"]


def test_line_ends_of_any_system_are_line_ends(tmp_path: Path) -> None:
    for end in ("\n", "\r\n", "\r"):
        made = taken(tmp_path, end.join(["a,b", '1,"x"', "2,y", ""]))
        assert made.values("b") == ["x", "y"], repr(end)
        assert made.values("a") == [1, 2]


def test_json_lines_know_numbers_from_texts(tmp_path: Path) -> None:
    lines = [
        '{"n": 1, "t": "1", "b": true, "d": "2019-01-01"}',
        '{"n": 2, "t": "02", "l": [1, {"x": null}], "big": 123456789012345678901234567890}',
        "nonsense",
        "[1]",
        "",
        '{"n": null, "t": "\\ud800x", "late": 5}',
    ]
    made = taken(tmp_path, "\n".join(lines), "x.jsonl")
    assert made.types == {"n": "integer", "t": "text", "b": "boolean", "d": "date"} | {
        "l": "text",
        "big": "integer",
        "late": "integer",
    }
    assert made.values("t") == ["1", "02", "?x"]
    assert made.values("l")[1] == '[1, {"x": null}]'
    assert made.values("big")[1] == Decimal("123456789012345678901234567890")
    assert made.values("late") == [None, None, 5]
    assert "no JSON" in made.why("line 3")
    assert "no JSON object" in made.why("line 4")


def test_a_key_that_comes_late_is_a_column_too(tmp_path: Path) -> None:
    early = '{"a": 1, "pad": "' + "x" * 200 + '"}\n'
    made = taken(tmp_path, early * 25_000 + '{"b": 2}\n', "x.jsonl")
    assert list(made.types) == ["a", "pad", "b"]
    assert made.column("b")["missing"] == 25_000
    assert made.values("b")[-1] == 2


def test_files_with_a_mark_at_their_begin_may_be_joined(tmp_path: Path) -> None:
    made = taken(tmp_path, b'\xef\xbb\xbf{"a": 1}\n\xef\xbb\xbf{"a": 2}\n', "x.jsonl")
    assert made.values("a") == [1, 2]


def test_packed_text_is_unpacked(tmp_path: Path) -> None:
    made = taken(tmp_path, gzip.compress(b"a\tb\n1\t2,5\n"), "x.tsv.gz")
    assert (made.facts["format"], made.facts["delimiter"]) == ("tsv.gz", "\t")
    assert made.values("b") == [2.5]
    made = taken(tmp_path, gzip.compress(b'{"a": 1}\n'), "x")
    assert made.facts["format"] == "jsonl.gz"


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    moments = pa.array([0, 1_500], pa.timestamp("ms", "Europe/Berlin"))
    table = pa.table(
        {
            "i": pa.array([1, None], pa.int8()),
            "u": pa.array([2**64 - 1, 0], pa.uint64()),
            "f": pa.array([1.5, float("nan")], pa.float32()),
            "t": ["NA", "00123"],
            "c": pa.array(["x", "y"]).dictionary_encode(),
            "d": pa.array([Decimal("1.50"), None], pa.decimal128(9, 2)),
            "z": moments,
            "l": [[1], None],
            "a.b": [1, 2],
            "a": [3, 4],
        }
    )
    path = tmp_path / "x.parquet"
    pq.write_table(table, path)
    made = taken(tmp_path, path, "x.parquet")
    assert made.types == {
        "i": "integer",
        "u": "integer",
        "f": "number",
        "t": "text",
        "c": "text",
    } | {"d": "number", "z": "datetime", "l": "text", "a.b": "integer", "a": "integer"}
    assert made.values("u") == [Decimal(2**64 - 1), Decimal(0)]
    assert made.values("f") == [1.5, None]
    assert made.values("t") == ["NA", "00123"]
    assert made.values("z") == [at("1970-01-01 00:00:00"), at("1970-01-01 00:00:01.500000")]
    assert (made.column("a")["min"], made.column("a.b")["min"]) == (3, 1)
    (note,) = made.column("z")["warnings"]
    assert "Europe/Berlin" in note
    assert not [one for one in made.problems if one["where"] == "column z"]
    assert "JSON text" in made.why("column l")
    said = taken(tmp_path, path, "x.parquet", types={"i": "text", "f": "integer", "a": "number"})
    assert said.values("i") == ["1", None]
    assert "'1.5' is not whole" in said.why("row 1")
    assert said.values("a") == [3.0, 4.0]


def test_a_workbook_is_read_by_what_its_cells_are(tmp_path: Path) -> None:
    rows = [
        [None, None],
        ["n", "t", "b", "day", "when"],
        [1, "x", True, ("day", 43547), ("day", 43547.5)],
        [2.0, "05", None, ("day", 43548), None],
        [None, "#DIV/0!", False, None, ("day", 43548)],
    ]
    path = workbook(tmp_path / "x.xlsx", {"Empty": [], "Sales": rows, "More": [["a"], [1]]})
    made = taken(tmp_path, path, "x.xlsx")
    assert made.types == {
        "n": "integer",
        "t": "text",
        "b": "boolean",
        "day": "date",
        "when": "datetime",
    }
    assert made.values("t") == ["x", "05", None]
    assert made.values("day")[0] == date(2019, 3, 23)
    assert made.values("when")[0] == at("2019-03-23 12:00:00")
    assert (made.facts["sheet"], made.facts["sheets"]) == ("Sales", ["Empty", "Sales", "More"])
    assert taken(tmp_path, path, "x.xlsx", read={"sheet": "More"}).values("a") == [1]
    said = taken(tmp_path, path, "x.xlsx", types={"t": "integer"})
    assert "'x' is no integer" in said.why("row 3")
    assert said.values("t") == [None, 5, None]


HEADERS = {
    "years beside a name": ([["land", 2019, 2020], ["de", 1, 2], ["fr", 3, 4]], "2019"),
    "numbers alone": ([[5, 6], [7, 8]], "column_1"),
    "names": ([["a", "b"], [7, 8]], "a"),
    "names over text": ([["a", "b"], ["x", "y"]], "a"),
}


@pytest.mark.parametrize("case", HEADERS)
def test_the_header_of_a_workbook_is_found_as_that_of_a_csv(tmp_path: Path, case: str) -> None:
    rows, name = HEADERS[case]
    made = taken(tmp_path, workbook(tmp_path / "x.xlsx", {"One": rows}), "x.xlsx")
    assert name in made.types
    assert made.facts["rows"] == len(rows) - (name != "column_1")


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.xlsx", "x.parquet"])
def test_yes_and_no_are_a_boolean_whatever_the_file(tmp_path: Path, name: str) -> None:
    said = ["yes", "no", "yes"]
    file: str | Path = "v,k\n" + "".join(f"{one},k\n" for one in said)
    if name == "x.jsonl":
        file = "\n".join(json.dumps({"v": one, "k": "k"}) for one in said)
    elif name == "x.xlsx":
        file = workbook(tmp_path / name, {"One": [["v", "k"], *([one, "k"] for one in said)]})
    elif name == "x.parquet":
        file = tmp_path / name
        pq.write_table(pa.table({"v": said, "k": ["k"] * 3}), file)
    made = taken(tmp_path, file, name)
    assert (made.types["v"], made.values("v")) == ("boolean", [True, False, True])

"""What is no table is refused in a sentence; what is too large for memory is read all the same."""

import dataclasses
import gzip
import io
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recipes.data.sandbox import BadInput, Refused
from recipes.data.tables import writing
from recipes.data.tables.take_in import LIMITS
from recipes.job import BadJob
from tests.recipes import hostile
from tests.recipes.tables import taken, workbook

SMALL = dataclasses.replace(LIMITS, memory=192 << 20)


def parquet(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


WHOLE = parquet(pa.table({"a": list(range(1000)), "b": ["x"] * 1000}))
REFUSALS: dict[str, tuple[bytes, str]] = {
    "x.csv": (b"", "The file is empty"),
    "blank.csv": (b"\n \n", "no text in it"),
    "header.csv": (b"a,b\n", "only a header"),
    "garbage.csv": (bytes(range(256)) * 99, "binary data"),
    "wide.csv": (b"a," * 20_000 + b"b\n1\n", "20,001 columns"),
    "wide.jsonl": (b"{" + b",".join(b'"%d":1' % n for n in range(20_001)) + b"}", "20,001 columns"),
    "ragged.csv": (b"a,b\n1,2,3\n1,2,3\n", "No row can be used: 2 do not fit the 2 columns"),
    "long.csv": (b'a,b\n1,"' + b"x" * (9 << 20), "longer than 4 MB"),
    "long.jsonl": (b'{"a": "' + b"x" * (9 << 20), "longer than 4 MB"),
    "picture.csv": (hostile.jpeg(), "a JPEG file. Upload pictures as a zip"),
    "paper.csv": (b"%PDF-1.7 ...", "a PDF file"),
    "page.csv": (b"<html>404</html>", "an HTML file"),
    "array.json": (b'[{"a": 1}]', "one JSON array"),
    "object.json": (b'{\n "a": 1\n}\n', "one JSON object"),
    "nothing.jsonl": (b"{}\n{}\n", "no columns"),
    "cut.csv.gz": (gzip.compress(b"a,b\n1,2\n" * 999)[:-9], "damaged or cut off"),
    "torn.csv.gz": (b"\x1f\x8b\x08garbage", "damaged or cut off"),
    "cut.parquet": (WHOLE[:-9], "Parquet file is damaged"),
    "torn.parquet": (WHOLE[:99] + b"\xff" * 400 + WHOLE[499:], "Parquet file is damaged"),
    "none.parquet": (parquet(pa.table({})), "no columns"),
    "old.xls": (b"\xd0\xcf\x11\xe0" + b"x" * 600, "workbook is damaged"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_no_table_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    data, says = REFUSALS[name]
    with pytest.raises(Refused, match=says) as refused:
        taken(tmp_path, data, name)
    assert refused.value.code == "bad_data"
    assert str(refused.value).endswith((".", "?"))


def test_a_zip_of_a_table_and_one_of_pictures_are_no_tables(tmp_path: Path) -> None:
    table = hostile.zipped(tmp_path / "t.zip", [("titanic.csv", b"a,b\n1,2\n")])
    with pytest.raises(Refused, match=r"holds a table \(titanic.csv\). Unpack it"):
        taken(tmp_path, table)
    pictures = hostile.zipped(tmp_path / "p.zip", [("a/1.jpg", hostile.jpeg())])
    with pytest.raises(Refused, match="Import it as images"):
        taken(tmp_path, pictures)


def test_a_workbook_that_is_cut_empty_or_too_large_is_refused(tmp_path: Path) -> None:
    whole = workbook(tmp_path / "x.xlsx", {"One": [["a"], [1]], "Two": []})
    with pytest.raises(Refused, match=r"no sheet 'Three'\. It has 'One', 'Two'"):
        taken(tmp_path, whole, read={"sheet": "Three"})
    with pytest.raises(Refused, match="'Two' is empty"):
        taken(tmp_path, whole, read={"sheet": "Two"})
    with pytest.raises(Refused, match="workbook is damaged"):
        taken(tmp_path, whole.read_bytes()[:-60], "x.xlsx")
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_DEFLATED) as book:
        for part in range(17):
            book.writestr(f"xl/media/{part}", bytes(64 << 20))
    with pytest.raises(Refused, match=r"unpacks to 1.1 GB"):
        taken(tmp_path, whole)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "delimiter": ({"read": {"delimiter": ",,"}}, "one character"),
    "encoding": ({"read": {"encoding": "utf-99"}}, "no encoding 'utf-99'"),
    "unknown": ({"read": {"quote": "'"}}, "knows no 'quote'"),
    "header": ({"read": {"header": "no"}}, "true or false"),
    "missing": ({"read": {"missing": ["x"]}}, "lists of texts by column"),
    "type": ({"types": {"a": "float"}}, "'a' cannot be 'float'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_reading_that_makes_no_sense_is_refused(tmp_path: Path, case: str) -> None:
    spec, says = WRONG[case]
    with pytest.raises(BadJob, match=says):
        taken(tmp_path, b"a,b\n1,2\n", **spec)


def test_a_given_encoding_that_is_wrong_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"not utf-8: line 3 has bytes"):
        taken(tmp_path, b"a\nx\n\xff\n", read={"encoding": "utf-8"})


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_text_of_more_than_a_megabyte_is_missing_and_named_by_its_row(
    tmp_path: Path, kind: str
) -> None:
    long, fits = "x" * ((1 << 20) + 1), "y" * (1 << 20)
    texts = ["a", long, fits, None]
    table = pa.table({"t": texts, "n": range(4)})
    csv = "t,n\n" + "".join(f"{one or ''},{n}\n" for n, one in enumerate(texts))
    found = taken(tmp_path, csv if kind == "csv" else parquet(table), f"long.{kind}")
    assert found.values("t") == ["a", None, fits, None]
    where = "line 3" if kind == "csv" else "row 2"
    assert found.why(where) == "The text in t has more than 1 MB. It is missing here."


def test_no_row_group_is_large_however_often_a_text_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "HELD", 50_000)
    long = pa.record_batch({"t": ["x" * 1_000] * 600})
    short = pa.record_batch({"t": ["y"] * 600})
    path = tmp_path / "t.parquet"
    with writing.Writer(path) as writer:
        for batch in (short, long, short):
            writer.add(batch)
        writer.close(long.schema)
    with pq.ParquetFile(path) as file:
        groups = [file.read_row_group(one) for one in range(file.num_row_groups)]
    assert max(one.nbytes for one in groups) <= 50_000
    assert len(groups) < 16
    assert sum(map(len, groups)) == writer.rows == 1_800
    with pytest.raises(BadInput, match="A row has more than"), writing.Writer(path) as writer:
        writer.add(pa.record_batch({"t": ["x" * 50_000]}))


def test_one_row_is_a_table_with_a_problem(tmp_path: Path) -> None:
    made = taken(tmp_path, b"a,b\n1,2\n")
    assert made.facts["rows"] == 1
    assert "single row" in made.why("the table")


def test_twenty_thousand_columns_are_taken(tmp_path: Path) -> None:
    header = ",".join(f"c{n}" for n in range(20_000))
    row = ",".join(str(n % 7) for n in range(20_000))
    made = taken(tmp_path, f"{header}\n{row}\n{row}\n{row}\n", limits=SMALL)
    assert made.facts["columns"] == 20_000
    assert set(made.types.values()) == {"integer"}


def big(path: Path, size: int) -> int:
    """A csv of at least so many bytes: numbers, texts and moments. Its rows."""
    rows = "".join(
        f'{n},{n / 7:.4f},"zone {n % 300}",2019-03-{n % 28 + 1:02d} 10:{n % 60:02d}:00,{n % 2}\n'
        for n in range(100_000)
    ).encode()
    with path.open("wb") as out:
        out.write(b"id,x,zone,at,flag\n")
        for _ in range(size // len(rows) + 1):
            out.write(rows)
    return 100_000 * (size // len(rows) + 1)


def test_a_file_larger_than_the_childs_memory_is_read_in_blocks(tmp_path: Path) -> None:
    path = tmp_path / "big.csv"
    rows = big(path, 256 << 20)
    assert path.stat().st_size > SMALL.memory
    made = taken(tmp_path, path, limits=SMALL)
    assert made.facts["rows"] == rows
    assert made.types["at"] == "datetime"
    assert made.column("x")["distinct"] == 100_000
    assert sum(made.column("id")["histogram"]["counts"]) == rows


def test_a_small_file_that_unpacks_to_much_needs_no_more_memory(tmp_path: Path) -> None:
    rows = b"same,1,2019-01-01\n" * (1 << 16)
    path = tmp_path / "x.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as out:
        out.write(b"a,b,c\n")
        for _ in range(256):
            out.write(rows)
    assert path.stat().st_size < 4 << 20
    made = taken(tmp_path, path, limits=SMALL)
    assert made.facts["rows"] == 256 << 16


NOBODY = 65534


def test_it_works_for_a_user_who_may_start_no_thread(tmp_path: Path) -> None:
    """Root is not bound by the limit on processes; who runs a node mostly is somebody else."""
    if os.geteuid() != 0:
        pytest.skip("somebody else runs all tests already")
    workbook(tmp_path / "x.xlsx", {"One": [["a", "b"], [1, "x"], [2, "y"]]})
    (tmp_path / "x.parquet").write_bytes(WHOLE)
    (tmp_path / "x.csv").write_text("a,b\n1,2019-01-01\n2,2019-01-02\n")
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n{"a": 2}\n')
    top = Path(tempfile.gettempdir())
    for folder in (tmp_path, *(one for one in tmp_path.parents if top in one.parents)):
        folder.chmod(0o777)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            made = [taken(tmp_path, tmp_path / f"x.{kind}") for kind in ("csv", "jsonl", "parquet")]
            made.append(taken(tmp_path, tmp_path / "x.xlsx", "x.xlsx"))
            code = 0 if [one.types["a"] for one in made] == ["integer"] * 4 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

"""Tables of very many columns, and of very long texts: pages and REST stay small."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.web import cast
from tests.web.table_stage import uploaded
from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.datasets import columns_kept, table_parquet, tables
from trackside.datasets.columns_kept import Kept
from trackside.datasets.models import Dataset
from trackside.datasets.table_parquet import ParquetTable
from trackside.lab import services as lab
from trackside.lab.models import Analysis
from trackside.projects.models import Project

HOME = "/p/INSECTS/datasets/wide/"
WIDE = 10_000


@pytest.fixture
def wide(project: Project, ada: User) -> Dataset:
    values = pa.array([0.5, None, 2.25] * 3)
    return uploaded(
        project, ada, "wide", pa.table({f"measured_{n:04}": values for n in range(WIDE)})
    )


def test_ten_thousand_columns_are_read_once_and_their_pages_stay_small(
    wide: Dataset, ada: User, as_ben: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns_kept.KEPT, "found", type(columns_kept.KEPT.found)())
    cast.node()
    reads: list[Path] = []
    monkeypatch.setattr(Path, "read_text", counted(Path.read_text, reads))
    as_ben.post(
        "/p/INSECTS/analyses/new/", {"name": "w", "dataset": "wide", "target": "measured_0000"}
    )
    most = {
        HOME: 600_000,  # it knows every column, to scroll to it
        f"{HOME}?tab=columns": 200_000,
        f"{HOME}?tab=columns&q=measured_77": 200_000,
        "/p/INSECTS/analyses/new/?dataset=wide": 50_000,
        "/p/INSECTS/lab/w/": 50_000,
        "/p/INSECTS/lab/w/design/features/": 150_000,
    }
    for address, bytes_ in most.items():
        answer = as_ben.get(address)
        assert answer.status_code == 200, address
        assert len(answer.content) < bytes_, address
    page = as_ben.get("/p/INSECTS/lab/w/design/target/").content.decode()
    assert "9,999 columns for 6 rows" in page
    lab.train(Analysis.objects.get(name="w"), ada, {"kind": "cpu", "ranks": 1})
    assert [one.name for one in reads].count("columns.json") == 1
    with CaptureQueriesContext(connection) as asked:
        assert as_ben.get("/p/INSECTS/jobs/").status_code == 200
        assert Rest(ada).call("GET", "/jobs").json()["jobs"]
        for here in ("sessions/1/", "results/", ""):
            assert as_ben.get(f"/p/INSECTS/lab/w/{here}").status_code == 200
        assert as_ben.get("/p/INSECTS/lab/").status_code == 200
        assert Rest(ada).call("GET", "/projects/INSECTS/analyses/w/models").json()["count"] == 1
    models = [one["sql"] for one in asked if "trainedmodel" in one["sql"]]
    assert [sql for sql in models if '"lab_session"."design"' in sql] == []
    specs = [one["sql"] for one in asked if re.search(r'(?<!\()"jobs_job"."spec"', one["sql"])]
    assert specs == [], "a part of it may be asked for"


def counted(read: Any, seen: list[Path]) -> Any:
    def read_text(path: Path, *given: Any, **named: Any) -> Any:
        seen.append(path)
        return read(path, *given, **named)

    return read_text


def test_rest_gives_the_columns_that_are_asked_for(wide: Dataset, ada: User) -> None:
    rest = Rest(ada)
    here = "/projects/INSECTS/datasets/wide"
    brief = rest.call("GET", f"{here}?figures=false").json()["columns"]
    assert len(brief) == WIDE
    assert brief[0] == {
        "name": "measured_0000", "type": "number", "given": False, "missing": 3, "distinct": 2,
        "warnings": [],
    }  # fmt: skip
    asked = rest.call("GET", f"{here}?column=measured_0007&column=measured_0003").json()
    assert [one["name"] for one in asked["columns"]] == ["measured_0003", "measured_0007"]
    assert asked["columns"][0]["mean"] == 1.375
    wrong = rest.call("GET", f"{here}?column=nose").json()["error"]
    assert wrong["message"] == "wide has no column called 'nose'."
    many = rest.call("GET", f"{here}/rows").json()["error"]
    assert "Name some with ?column=" in many["message"]


def test_columns_are_kept_up_to_so_many_bytes_and_by_their_fingerprint(tmp_path: Path) -> None:
    kept = Kept(most=90)
    for name in "abc":
        (tmp_path / name).write_text(json.dumps([{"name": name, "mean": float("inf")}]))
        assert kept.columns(tmp_path / name, "1") == [{"name": name, "mean": None}]
    assert [key[0][-1] for key in kept.found] == ["b", "c"]
    (tmp_path / "c").write_text("[]")
    assert kept.columns(tmp_path / "c", "1")[0]["name"] == "c"
    assert kept.columns(tmp_path / "c", "2") == []


@pytest.fixture
def long(tmp_path: Path) -> ParquetTable:
    """Rows of 100 kB."""
    path = tmp_path / "t.parquet"
    texts = [f"{n:05}" * 20_000 for n in range(40)]
    parquet.write_table(pa.table({"t": texts, "n": range(40)}), path)
    return ParquetTable(path)


def test_long_texts_are_read_in_fewer_rows_and_cut_before_they_are_texts_of_ours(
    long: ParquetTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_parquet, "BYTES_AT_ONCE", 400_000)
    sizes = [batch.num_rows for batch in long._batches([0], ["t", "n"])]
    assert (max(sizes), sum(sizes)) == (3, 40)
    assert long.window(30, 2, [0, 1], cut=4) == [["00030", 30], ["00031", 31]]
    assert [len(row[0]) for row in long.lines()] == [100_000] * 40


def test_a_window_of_too_many_bytes_is_refused_and_cut_texts_are_not(
    long: ParquetTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_parquet, "WINDOW", 1_000_000)
    assert len(long.window(0, 8, [0])) == 8
    with pytest.raises(table_parquet.TooLarge):
        long.window(0, 40, [0])
    assert len(long.window(0, 40, [0], cut=9)) == 40


def test_a_long_text_of_many_rows_is_not_written_out_for_all_of_them_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_parquet, "BYTES_AT_ONCE", 100_000)
    monkeypatch.setattr(table_parquet, "WINDOW", 1_000_000)
    same = "x" * 5_000
    path = tmp_path / "t.parquet"
    values = [None, *[same] * 599]
    parquet.write_table(pa.table({"a.b": values, "n": range(600)}), path)
    assert path.stat().st_size < 10_000
    table = ParquetTable(path)
    pieces = list(table._batches([0], ["a.b", "n"]))
    assert max(piece.nbytes for piece in pieces) < 110_000
    assert [row for piece in pieces for row in piece.column("a.b").to_pylist()] == values
    assert table.window(580, 20, [0], cut=3) == [["xxxx"]] * 20
    assert table.at([599, 0, 1], [1, 0], cut=3) == [[599, "xxxx"], [0, None], [1, "xxxx"]]
    assert [row[0] for row in table.lines()] == values
    with pytest.raises(table_parquet.TooLarge):
        table.window(0, 600, [0])


def test_rest_says_that_a_window_is_too_large(
    project: Project, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploaded(project, ada, "wide", pa.table({"t": ["x" * 2000] * 9}))
    monkeypatch.setattr(table_parquet, "WINDOW", 10_000)
    answer = Rest(ada).call("GET", "/projects/INSECTS/datasets/wide/rows")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "too_large")


def test_the_end_of_a_file_is_read_once_for_a_window(
    wide: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tables.table(wide)
    opened: list[Any] = []
    file = parquet.ParquetFile
    monkeypatch.setattr(
        parquet, "ParquetFile", lambda *a, **k: opened.append(k["metadata"]) or file(*a, **k)
    )
    table.window(0, 1, [0])
    assert [one is not None for one in opened] == [True]


def test_a_damaged_table_is_absent_and_no_fault(wide: Dataset, as_cleo: Client) -> None:
    path = tables.parquet_file(wide)
    assert path is not None
    path.write_bytes(b"PAR1 torn")
    assert as_cleo.get(HOME).status_code == 404


def test_without_a_script_the_first_rows_are_there(wide: Dataset, as_cleo: Client) -> None:
    page = as_cleo.get(HOME).content.decode()
    told = page.rpartition("<noscript>")[2].partition("</noscript>")[0]
    assert [told.count(one) for one in ("<th ", "2.25", "missing")] == [12, 36, 36]

"""A table in blocks: bounded by rows and by bytes, in order, whatever stands in it."""

import threading
from itertools import accumulate
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipes.data.table import opened
from recipes.engine.tabular import counted, stream
from recipes.engine.tabular.counted import Columns
from recipes.engine.tabular.model import BYTES, COPIES, Model, load
from tests.recipes import tabling
from tests.recipes.tabling import small, train


def written(home: Path, table: pa.Table, rows: int = 65_536) -> pq.ParquetFile:
    path = home / "table.parquet"
    pq.write_table(table, path, row_group_size=rows)
    return pq.ParquetFile(path)


def test_long_texts_make_blocks_of_fewer_rows(tmp_path: Path) -> None:
    """In the file the text stands once, so that its size there says nothing."""
    table = pa.table({"note": pa.array(["x" * 10_000] * 1_000)})
    made = list(stream.blocks(written(tmp_path, table), most=1_000_000))
    assert max(one.nbytes for one in made) <= 1_000_000
    assert sum(map(len, made)) == 1_000


def test_a_row_that_is_too_long_is_a_block_of_its_own(tmp_path: Path) -> None:
    table = pa.table({"note": pa.array(["x" * 5_000, "y", "z"])})
    made = list(stream.blocks(written(tmp_path, table), most=100))
    assert [len(one) for one in made] == [1, 2]


def test_short_rows_come_many_at_a_time(tmp_path: Path) -> None:
    table = pa.table({"n": pa.array(range(20_000))})
    made = list(stream.blocks(written(tmp_path, table, rows=2_000), rows=16_384))
    assert [len(one) for one in made] == [16_384, 3_616]


@settings(max_examples=30, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 400), min_size=1, max_size=60),
    rows=st.integers(1, 20),
    most=st.integers(1, 2_000),
)
def test_every_row_comes_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], rows: int, most: int
) -> None:
    table = pa.table({"n": list(range(len(lengths))), "note": ["x" * one for one in lengths]})
    file = written(tmp_path_factory.mktemp("blocks"), table, rows=17)
    made = list(stream.blocks(file, rows=rows, most=most))
    assert pa.concat_tables(made).equals(table)
    assert all(len(one) <= rows for one in made)
    assert all(one.nbytes <= most for one in made if len(one) > 1)


@settings(max_examples=30, deadline=None)
@given(
    count=st.integers(1, 60),
    groups=st.integers(1, 25),
    rows=st.integers(1, 25),
    most=st.integers(50, 2_000),
)
def test_no_block_reaches_over_the_end_of_a_stretch(
    tmp_path_factory: pytest.TempPathFactory, count: int, groups: int, rows: int, most: int
) -> None:
    """What ranks read stretch by stretch is cut there too where one rank reads all of it."""
    table = pa.table({"n": list(range(count)), "note": ["x" * (one % 90) for one in range(count)]})
    file = written(tmp_path_factory.mktemp("stretches"), table, rows=groups)
    ends = {*range(rows, count, rows), count}
    assert ends <= set(accumulate(map(len, stream.blocks(file, rows, most))))
    parts = [
        part
        for start in range(0, count, rows)
        for part in stream.blocks(
            file, rows, most, stream.Stretch(start, min(start + rows, count), ["note"])
        )
    ]
    assert pa.concat_tables(parts).equals(table.select(["note"]))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load(train(tmp_path_factory.mktemp("model"), small()) / "bundle", 1)


def test_a_wide_matrix_has_fewer_rows_at_once(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(model.encoder), "outputs", ["x"] * 20_000)
    assert model.rows_at_once == BYTES // (COPIES * 20_000)
    monkeypatch.setattr(type(model.encoder), "outputs", [])
    assert model.rows_at_once == 65_536


@pytest.mark.parametrize("threads", [1, 2])
def test_blocks_are_predicted_as_the_model_predicts(
    model: Model, tmp_path: Path, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "READ", 7)
    tabling.dataset(tmp_path / "data", small(100))
    blocks = list(stream.predicted(model, opened(tmp_path / "data"), threads=threads))
    table = pa.concat_tables(one.table for one in blocks)
    assert np.array_equal(np.concatenate([one.given for one in blocks]), model.predict(table))


def test_what_fails_while_reading_ahead_fails_where_it_is_taken(
    model: Model, tmp_path: Path
) -> None:
    def broken(matrix: object) -> np.ndarray:  # type: ignore[type-arg]
        raise MemoryError("no room")

    tabling.dataset(tmp_path / "data", small())
    file = opened(tmp_path / "data")
    with pytest.raises(MemoryError, match="no room"):
        list(stream.predicted(model, file, threads=2, predict=broken))


def test_a_stream_that_is_left_leaves_no_thread(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(model), "rows_at_once", 10)
    tabling.dataset(tmp_path / "data", small(500))
    before = threading.active_count()
    taken = stream.predicted(model, opened(tmp_path / "data"), threads=2)
    next(taken)
    taken.close()
    assert threading.active_count() == before


def test_values_that_differ_are_counted_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counted, "COUNTED", 5)
    columns = Columns()
    for start in (0, 2, 4):
        block = {"few": ["a", "b", None], "many": [start, start + 1, start + 2]}
        columns.take(pa.table(block))
    few, many = columns.told()
    assert few == {"name": "few", "type": "text", "missing": 3, "distinct": 2}
    assert (many["missing"], many["distinct"]) == (0, None)


def test_long_texts_that_differ_are_not_all_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counted, "BYTES", 10_000)
    columns = Columns()
    for number in range(10):
        columns.take(pa.table({"note": [f"{number}" * 3_000], "n": [number % 2]}))
    note, n = columns.told()
    assert (note["distinct"], n["distinct"]) == (None, 2)

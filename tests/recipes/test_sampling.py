"""Rows to learn from: what a training makes of them, and that no more than they is ever held."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recipes.data import places
from recipes.data import table as source
from recipes.data.listing import BadData
from recipes.engine.memory import OutOfMemory
from recipes.engine.tabular import design, room, rows
from recipes.engine.tabular.rows import Ready
from recipes.job import BadJob, read
from tests.recipes import tabling
from tests.recipes.making import events
from tests.recipes.tabling import small


def sampling(how: str, most: int, **more: Any) -> dict[str, Any]:
    return {"sampling": how, "sample_rows": most, **more}


def taken(home: Path, table: pa.Table, target: str = "good", **spec: Any) -> Ready:
    """What a training reads of the table, whose row groups have 16 rows."""
    task = spec.pop("task", "two_class")
    data = tabling.dataset(home / "data", table)
    pq.write_table(table, home / "data" / "table.parquet", row_group_size=16)
    folder = tabling.job(home, data, target, task=task, spec=spec)
    return rows.read(design.read(read(folder), "cpu"))


WAYS = {
    "random": {},
    "stratified": {},
    "balanced": {},
    "first": {},
    "latest": {"days": {"role": "time"}},
}


@pytest.mark.parametrize("how", WAYS)
def test_rows_that_cannot_take_part_are_not_counted_and_places_stay(
    how: str, tmp_path: Path
) -> None:
    """Every third row has no target, and every fifth a gap that drops it."""
    table = small(200, days=np.arange(200)[::-1])
    good = [None if n % 3 == 0 else one for n, one in enumerate(table["good"].to_pylist())]
    size = [None if n % 5 == 0 else one for n, one in enumerate(table["size"].to_pylist())]
    table = table.set_column(2, "good", pa.array(good)).set_column(0, "size", pa.array(size))
    features = {"size": {"missing": "drop_rows"}, **WAYS[how]}
    made = taken(tmp_path, table, features=features, split=sampling(how, 40))
    assert len(made.numbers) == 40
    assert sum(made.parts.counts().values()) == 40
    truth = [made.classes[int(one)] for one in made.target]
    assert truth == [good[row] for row in made.numbers]
    assert made.table["size"].to_pylist() == [size[row] for row in made.numbers]
    able = [n for n in range(200) if n % 3 and n % 5]
    ends = {"first": able[:40], "latest": able[:40]}  # days fall
    assert list(made.numbers) == ends.get(how, list(made.numbers))
    assert "40 of 200 rows" in made.notes[0]
    over = able[39] + 1 - 40 if how == "first" else 200 - len(able)
    assert f"; {over} rows were passed over" in made.notes[0]
    assert made.sample == {"how": how, "rows": 40, "of": 200}


def test_more_rows_than_there_are_is_all_of_them(tmp_path: Path) -> None:
    made = taken(tmp_path, small(60), split=sampling("random", 60))
    assert len(made.numbers) == 60
    assert made.sample is None
    assert made.notes == ["All 60 rows are used: the table has no more than 60."]


def test_every_way_to_split_splits_the_sample(tmp_path: Path) -> None:
    table, days = small(300, days=list(range(300))), {"days": {"role": "time"}}
    by_time = taken(tmp_path / "t", table, features=days,
                    split=sampling("latest", 100, policy="time"))  # fmt: skip
    assert list(by_time.numbers[by_time.parts.train]) == list(range(200, 280))
    folds = taken(tmp_path / "k", table, split=sampling("random", 100, policy="kfold"))
    assert [len(one) for one in folds.parts.folds] == [20] * 5
    second = tabling.dataset(tmp_path / "second", small(70))
    tested = taken(tmp_path / "d", small(300), split=sampling("random", 100, policy="dataset"),
                   test={**second, "name": "later"})  # fmt: skip
    assert tested.parts.counts() == {"train": 80, "val": 20, "test": 70}, "tested on all"


def test_classes_without_a_row_in_the_sample_are_told(tmp_path: Path) -> None:
    table = small(90, good=["n"] * 30 + ["y"] * 20 + ["z"] * 40)
    made = taken(tmp_path / "m", table, task="multiclass", split=sampling("first", 50))
    assert "1 class of the table has no row among those to learn from" in " ".join(made.notes)
    with pytest.raises(BadData, match=r"only the value 'n'.* in the 20 rows to learn from"):
        taken(tmp_path / "o", table, task="multiclass", split=sampling("first", 20))


@pytest.mark.parametrize(
    ("how", "task", "target", "said"),
    [
        ("balanced", "regression", "size", "no classes to balance"),
        ("stratified", "regression", "size", "no classes to keep the shares of"),
        ("latest", "two_class", "good", "no column has the role Time"),
    ],
)
def test_rows_that_cannot_be_chosen_are_a_sentence(
    how: str, task: str, target: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(BadJob, match=said):
        taken(tmp_path, small(), target, task=task, split=sampling(how, 30))


def test_rows_of_a_time_that_orders_nothing_are_refused(tmp_path: Path) -> None:
    features = {"colour": {"role": "time"}}
    with pytest.raises(BadData, match="'colour' is of the type text"):
        taken(tmp_path, small(), features=features, split=sampling("latest", 30))


@pytest.mark.parametrize("how", ["stratified", "balanced"])
def test_a_target_of_too_many_values_is_refused_while_it_is_read(how: str, tmp_path: Path) -> None:
    table = small(300, good=[f"v{n}" for n in range(300)])
    with pytest.raises(BadData, match="more than 200 values"):
        taken(tmp_path, table, task="multiclass", split=sampling(how, 250))


def test_memory_is_that_of_the_sample_and_a_refusal_offers_rows_that_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "free_memory", lambda: 1_000_000)
    table = small(9_000)
    with pytest.raises(OutOfMemory, match="the table has 9,000 rows") as refused:
        taken(tmp_path / "all", table)
    offered = int(str(refused.value).partition("such as ")[2].partition(" at random")[0]
                  .replace(",", ""))  # fmt: skip
    assert 1_000 < offered < 9_000
    assert (
        len(taken(tmp_path / "some", table, split=sampling("random", offered)).numbers) == offered
    )
    with pytest.raises(OutOfMemory, match=r"the sample has 8,999 rows.* fewer rows, such as"):
        taken(tmp_path / "more", table, split=sampling("random", 8_999))


ROWS, GROUP = 100_000, 2_000
POOLS: list[pa.MemoryPool] = []  # one that is freed before what it holds is a crash


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("long") / "data"
    data = tabling.dataset(home, small(ROWS, days=np.arange(ROWS), more=np.arange(ROWS) / 7))
    pq.write_table(pq.read_table(home / "table.parquet"), home / "table.parquet",
                   row_group_size=GROUP)  # fmt: skip
    return data


def peak(home: Path, data: dict[str, str], split: dict[str, Any], **more: Any) -> int:
    """The most bytes that Arrow and NumPy held at once while the rows were read."""
    spec = {"split": split, **more}
    asked = design.read(read(tabling.job(home, data, "good", spec=spec)), "cpu")
    room.check(asked, source.opened(asked.dataset), 2)  # imports what it asks
    usual, counted = pa.default_memory_pool(), pa.proxy_memory_pool(pa.default_memory_pool())
    POOLS.append(counted)
    pa.set_memory_pool(counted)
    tracemalloc.start()
    try:
        rows.read(asked)
        return int(counted.max_memory() + tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(usual)


@pytest.mark.parametrize("how", ["all", *WAYS])
def test_a_sample_never_holds_the_table(how: str, long: dict[str, str], tmp_path: Path) -> None:
    whole = pq.read_table(Path(long["folder"]) / "table.parquet").nbytes
    held = peak(tmp_path, long, sampling(how, 1_000), features={"days": {"role": "time"}})
    assert held > whole if how == "all" else held < whole / 4


@pytest.mark.parametrize("named", [[4, 4], [9, 9, 0], [5, 4], [3, 1, 3, 2], []])
def test_rows_come_as_they_are_named_however_often(named: list[int], tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": range(10)}), tmp_path / "t.parquet", row_group_size=2)
    file = pq.ParquetFile(tmp_path / "t.parquet")
    found = places.taken(file, ["a"], np.array(named, np.int64))
    assert found["a"].to_pylist() == named


def test_row_groups_that_hold_no_row_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "table.parquet"
    pq.write_table(pa.table({"a": range(100), "b": range(100)}), place, row_group_size=10)
    file, groups = pq.ParquetFile(place), list[int]()
    whole = pq.ParquetFile.iter_batches

    def noted(self: Any, size: int, which: list[int], columns: list[str]) -> Any:
        groups.extend(which)
        return whole(self, size, which, columns)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", noted)
    found = places.taken(file, ["b"], np.array([55, 3, 59, 50]))
    assert found.to_pydict() == {"b": [55, 3, 59, 50]}
    assert groups == [0, 5]
    assert places.taken(file, ["b"], np.array([], np.int64)).num_rows == 0


def test_a_training_says_of_which_rows_it_is(tmp_path: Path) -> None:
    table = small(400)
    folder = tabling.train(tmp_path, table, spec={"split": sampling("balanced", 200)})
    about = tabling.about(folder)
    assert about["sample"] == {"how": "balanced", "rows": 200, "of": 400}
    assert about["split"]["sampling"] == "balanced"
    told = pq.read_table(folder / "bundle" / "predictions.parquet")
    truth = table["good"].to_pylist()
    assert [truth[row] for row in told["number"].to_pylist()] == told["true"].to_pylist()
    assert "balanced" in [one["kind"] for one in tabling.report(folder)["diagnostics"]]
    (finished,) = events(folder, "finished")
    assert finished["facts"]["sample"] == about["sample"]
    assert sum(finished["facts"]["rows"].values()) == 200

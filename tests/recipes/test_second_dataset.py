"""A training that is tested on a second dataset: on all its rows, or on as many as there is memory
for, and on none of the first."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recipes.data.listing import BadData
from recipes.engine.tabular import design, room, rows
from recipes.job import BadJob, read
from tests.recipes import tabling
from tests.recipes.making import events
from tests.recipes.tabling import QUICK, run, small
from tests.recipes.test_sampling import peak

ON_ANOTHER = {"policy": "dataset", "test_dataset": "later", "validation_share": 0.25}


def job(home: Path, first: pa.Table, second: pa.Table, **spec: Any) -> Path:
    test = {**tabling.dataset(home / "later", second), "name": "later"}
    data = tabling.dataset(home / "data", first)
    target = spec.pop("target", "good")
    task = spec.pop("task", "two_class")
    wish = {**QUICK, "split": ON_ANOTHER, "test": test, **spec}
    return tabling.job(home, data, target, task=task, spec=wish)


def ready(*given: Any, **spec: Any) -> rows.Ready:
    return rows.read(design.read(read(job(*given, **spec)), "cpu"))


def test_titanic_in_two_files_is_judged_on_the_second(tmp_path: Path) -> None:
    table = tabling.real("titanic")
    place = table.column_names.index("pclass")
    later = table.slice(600).set_column(place, "pclass", table["pclass"].slice(600).cast("double"))
    folder = job(
        tmp_path, table.slice(0, 600), later, target="survived",
        features={"alive": {"role": "ignore"}}, params={"rounds": 20},
    )  # fmt: skip
    run(folder)
    report = json.loads((folder / "bundle" / "report.json").read_text())
    assert (report["rows"], report["test"]["rows"]) == (150, len(table) - 600)
    assert report["test"]["dataset"] == "later"
    (done,) = events(folder, "finished")
    assert done["facts"]["rows"] == {"train": 450, "val": 150, "test": len(table) - 600}
    model = json.loads((folder / "bundle" / "model.json").read_text())
    assert model["test_metrics"]["roc_auc"] > 0.8
    assert model["test_fingerprint"] == read(folder).spec["test"]["fingerprint"]


def test_rows_without_a_target_that_is_known_do_not_test(tmp_path: Path) -> None:
    targets = pa.array(["y", "n", None, "maybe", *["y"] * 56])
    second = small().set_column(2, "good", targets).append_column("more", targets)
    made = ready(tmp_path, small(), second)
    assert len(made.parts.test) == 58
    assert made.numbers[made.parts.test].tolist() == [0, 1, *range(4, 60)]
    (inputs,) = made.judging("test")
    assert inputs.column_names == ["size", "colour"]
    assert inputs["size"].to_pylist() == [
        second["size"].to_pylist()[n] for n in [0, 1, *range(4, 60)]
    ]
    assert made.target[made.parts.test[:3]].tolist() == [1, 0, 1]
    assert any("2 rows of the test set later are left out" in note for note in made.notes)
    assert any("('maybe')" in note for note in made.notes)


def test_a_regression_is_tested_on_whole_numbers_for_fractions(tmp_path: Path) -> None:
    second = small(size=[1, *range(59)])
    made = ready(tmp_path, small(), second, target="size", task="regression")
    assert made.target[made.parts.test[:2]].tolist() == [1.0, 0.0]


REFUSED = {
    "a column is gone": (
        lambda table: table.drop_columns(["colour"]),
        "The test set later lacks 1 of the 3 columns that the model learns from: 'colour'",
    ),
    "the target is gone": (lambda table: table.drop_columns(["good"]), "lacks 1 .*: 'good'"),
    "another type": (
        lambda table: table.set_column(0, "size", pa.array(["x"] * 60)),
        "Columns of the test set later have other types than in training: 'size' was number",
    ),
    "no target": (
        lambda table: table.set_column(2, "good", pa.nulls(60, pa.string())),
        "No row of the test set later can test",
    ),
    "yes and no for words": (
        lambda table: table.set_column(2, "good", pa.array([True, False] * 30)),
        "'good' was text and is boolean",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_dataset_that_cannot_test_is_refused_before_a_training(tmp_path: Path, case: str) -> None:
    change, said = REFUSED[case]
    with pytest.raises(BadData, match=said):
        ready(tmp_path, small(), change(small()))


def test_a_second_dataset_must_be_named_and_unchanged(tmp_path: Path) -> None:
    folder = job(tmp_path, small(), small())
    spec = read(folder).spec
    facts = tmp_path / "later" / "facts.json"
    facts.write_text(json.dumps({"layout": "table", "rows": 60, "fingerprint": "another"}))
    with pytest.raises(BadData, match="dataset later was corrected while the job waited"):
        design.read(read(folder), "cpu")
    del spec["test"]
    with pytest.raises(BadJob, match="names none as 'test'"):
        tabling.run(tabling.job(tmp_path, spec["dataset"], "good", name="none", spec=spec))


def test_the_whole_first_dataset_trains_and_validates(tmp_path: Path) -> None:
    made = ready(tmp_path, small(), small(20), rebalance=True)
    own = np.concatenate([made.parts.train, made.parts.val])
    assert sorted(own.tolist()) == list(range(60))
    assert made.parts.counts() == {"train": 45, "val": 15, "test": 20}
    assert made.weights is not None
    assert len(made.weights) == len(made.target) == 80


def test_more_rows_than_there_is_memory_for_are_tested_on_some_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows to learn from fit, and 4,000 others with room to spare, but not 5,000."""
    gaps = pa.array([None if n % 2 else "y" if n % 3 else "n" for n in range(12_000)])
    later = small(12_000).set_column(2, "good", gaps)
    monkeypatch.setattr(room, "free_memory", lambda: 1_200_000)
    folder = job(tmp_path, small(), later)
    made = rows.read(design.read(read(folder), "cpu"))
    tested = made.numbers[made.parts.test]
    assert len(tested) == 4_000
    assert not (tested % 2).any(), "drawn of those that can test"
    told = "4,000 of 12,000 rows, drawn at random"
    assert f"Of the test set later {told}, are judged: the node has no memory free for more." in (
        made.notes
    )
    inputs = pa.concat_tables(made.judging("test"))
    assert inputs["size"].to_pylist() == [later["size"][int(n)].as_py() for n in tested]
    truth = [made.classes[int(one)] for one in made.target[made.parts.test]]
    assert truth == [gaps[int(n)].as_py() for n in tested]
    other = {**ON_ANOTHER, "seed": 8}
    again = ready(tmp_path / "again", small(), later, split=other)
    assert again.numbers[again.parts.test].tolist() == tested.tolist(), "whatever the split's seed"
    run(folder)
    test = json.loads((folder / "bundle" / "report.json").read_text())["test"]
    assert test["rows"] == 4_000
    assert test["sample"] == {"how": "random", "rows": 4_000, "of": 12_000}


def test_the_rows_that_test_are_never_held_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = tabling.dataset(tmp_path / "later", small(100_000, more=np.arange(100_000) / 7))
    place = tmp_path / "later" / "table.parquet"
    whole = pq.read_table(place)
    pq.write_table(whole, place, row_group_size=2_000)
    test = {**later, "name": "later"}
    monkeypatch.setattr(room, "judged", lambda *_: 1_000)
    data = tabling.dataset(tmp_path / "data", small())
    assert peak(tmp_path, data, ON_ANOTHER, test=test) < whole.nbytes / 4
    monkeypatch.undo()
    spec = {"split": ON_ANOTHER, "test": test}
    made = rows.read(design.read(read(tabling.job(tmp_path, data, "good", spec=spec)), "cpu"))
    assert len(made.parts.test) == 100_000
    assert max(map(len, made.judging("test"))) <= 2_000

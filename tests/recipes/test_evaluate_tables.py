"""Evaluations of real tables: how good a model is now, what was left out, what has moved."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from recipes.data.listing import BadData
from recipes.engine.tabular import evaluating, figures, report, then
from recipes.job import Compute, Job, write
from tests.recipes import tabling
from tests.recipes.making import events


def evaluated(home: Path, bundle: Path, table: pa.Table, **spec: Any) -> dict[str, Any]:
    """`evaluation.json` of this table; the job's folder is `home`."""
    data = tabling.dataset(home / "data", table)
    spec = {"bundle": str(bundle), "dataset": data, **spec}
    write(home / "job", Job(job=2, kind="evaluate", spec=spec, compute=Compute(threads=2)))
    tabling.run(home / "job")
    made: dict[str, Any] = json.loads((home / "job" / "evaluation.json").read_text())
    return made


@pytest.fixture(scope="module")
def adult(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that learned from the first 6,000 rows."""
    table = tabling.real("adult").slice(0, 6000)
    target = table.column_names[-1]
    spec = {"params": {"rounds": 60}}
    return tabling.train(tmp_path_factory.mktemp("adult"), table, target, spec=spec) / "bundle"


def test_the_test_rows_are_judged_at_another_threshold_too(tmp_path: Path) -> None:
    luck = np.random.default_rng(1)
    true = (luck.random(400) < 0.4) * 1.0
    proba = np.clip(0.3 * true + luck.random(400) * 0.7, 0, 1)
    rows = (true, np.stack([1 - proba, proba], 1))
    test = report.make("two_class", *rows, ["no", "yes"], 0.5)
    (tmp_path / "report.json").write_text(json.dumps({"test": test}))
    own = {"test_metrics": figures.judge("two_class", *rows, 0.5), "threshold": 0.8}
    assert then.tested(tmp_path, own) == pytest.approx(figures.judge("two_class", *rows, 0.8))
    assert then.tested(tmp_path, {"test_metrics": None, "threshold": 0.8}) is None


def part(start: int, rows: int = 4000) -> pa.Table:
    return tabling.real("adult").slice(start, rows)


def test_other_rows_of_the_same_table_are_judged_alike_and_nothing_has_moved(
    adult: Path, tmp_path: Path
) -> None:
    told = evaluated(tmp_path, adult, part(8000))
    trained = told["trained"]["metrics"]
    assert (told["rows"], told["of"], told["left_out"]) == (4000, 4000, [])
    assert abs(told["metrics"]["roc_auc"] - trained["roc_auc"]) < 0.03
    assert sum(map(sum, told["confusion"])) == 4000
    assert len(told["thresholds"]) == 101
    data = told["drift"]["data"]
    assert data["rows"] == [len(pq.read_table(adult / "reference.parquet")), 4000]
    assert {one["strength"] for one in data["columns"]} == {"none"}
    assert not data["classifier"]["told"]
    assert {one["strength"] for one in told["drift"]["prediction"]} == {"none"}
    rows = pq.read_table(tmp_path / "job" / "output" / "table.parquet")
    assert rows.column_names[-4:-2] == ["prediction", f"proba_{told['classes'][0]}"]
    right = pc.sum(rows.column("correct")).as_py() / len(rows)
    assert right == pytest.approx(told["metrics"]["accuracy"])
    (finished,) = events(tmp_path / "job", "finished")
    assert (finished["rows"], finished["score"]) == (4000, told["metrics"][finished["metric"]])
    assert [one["name"] for one in finished["columns"]] == rows.column_names


def changed(table: pa.Table) -> pa.Table:
    """Older people, half of them from a country of their own."""
    place = table.column_names.index("age")
    older = pc.add(table.column("age"), 15)
    table = table.set_column(place, "age", older)
    name = next(one for one in table.column_names if one.startswith("native"))
    place = table.column_names.index(name)
    mixed = np.array(table.column(name).to_pylist(), object)
    mixed[::2] = "Atlantis"
    return table.set_column(place, name, pa.array(mixed, pa.string()))


def test_columns_that_were_changed_are_found_and_named_first(adult: Path, tmp_path: Path) -> None:
    told = evaluated(tmp_path, adult, changed(part(8000)), rows=False)
    columns = told["drift"]["data"]["columns"]
    moved = [one for one in columns if one["strength"] != "none"]
    assert {one["name"].partition("-")[0].partition("_")[0] for one in moved} == {"age", "native"}
    assert moved[0]["psi"] > 0.25
    country = next(one for one in moved if one["name"] != "age")
    assert country["new"] == ["Atlantis"]
    assert country["unseen"] == 2000
    assert told["drift"]["data"]["classifier"]["auc"] > 0.8
    age = next(one for one in moved if one["name"] == "age")
    assert age["means"][1] - age["means"][0] == pytest.approx(15, abs=1)
    assert not (tmp_path / "job" / "output").exists()
    notes = [one["text"] for one in events(tmp_path / "job", "note")]
    assert any("have moved from those of the training: " in text for text in notes)


def test_what_cannot_be_judged_is_counted_with_its_reason(adult: Path, tmp_path: Path) -> None:
    table = part(8000, 1000)
    target = table.column_names[-1]
    truth = table.column(target).to_pylist()
    truth[:10], truth[10:15], truth[15] = [None] * 10, ["a lot"] * 5, "nothing"
    place = len(table.column_names) - 1
    told = evaluated(tmp_path, adult, table.set_column(place, target, pa.array(truth, pa.string())))
    assert (told["rows"], told["of"]) == (984, 1000)
    assert {one["why"]: one["rows"] for one in told["left_out"]} == {
        f"the target {target!r} is missing": 10,
        "the model does not know the class": 6,
    }
    assert told["unknown"] == {
        "count": 2,
        "classes": [{"name": "a lot", "rows": 5}, {"name": "nothing", "rows": 1}],
    }


def test_rows_that_the_model_drops_move_nothing(tmp_path: Path) -> None:
    table = tabling.small(2000)
    sizes = table.column("size").to_pylist()
    sizes[::5] = [None] * 400
    table = table.set_column(0, "size", pa.array(sizes, pa.float64()))
    dropping = {"features": {"size": {"missing": "drop_rows"}}}
    folder = tabling.train(tmp_path / "learned", table, spec=dropping)
    gone = pa.array([None] * 100 + table.column("good").to_pylist()[100:], pa.string())
    told = evaluated(tmp_path, folder / "bundle", table.set_column(2, "good", gone))
    data = told["drift"]["data"]
    assert (told["rows"], data["rows"][1]) == (1520, 1600), "without a truth rows are compared too"
    assert {one["strength"] for one in data["columns"]} == {"none"}


def test_another_threshold_is_judged_beside_the_training_at_the_same_one(
    adult: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(then, "tested", lambda bundle, about: {"recall": about["threshold"]})
    about = json.loads((adult / "model.json").read_text())
    told = evaluated(tmp_path, adult, part(8000, 2000), threshold=0.9)
    assert told["threshold"] == 0.9
    trained = told["trained"]["metrics"]
    assert trained["roc_auc"] == about["metrics"]["roc_auc"]
    assert trained["recall"] < about["metrics"]["recall"]
    assert abs(trained["recall"] - told["metrics"]["recall"]) < 0.1
    assert told["trained"]["test_metrics"] == {"recall": 0.9}
    moved = {one["name"]: one["strength"] for one in told["drift"]["prediction"]}
    assert moved["prediction"] == "none", "the same threshold on both sides"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table: table.drop_columns(table.column_names[-1:]), "has no column"),
        (lambda table: table.drop_columns(["age"]), "lacks 1 of the"),
        (
            lambda table: table.set_column(
                len(table.column_names) - 1,
                table.column_names[-1],
                pa.nulls(len(table), pa.string()),
            ),
            "None of the rows can be judged. 50 rows are not judged: the target",
        ),
    ],
)
def test_a_table_without_truth_or_columns_is_refused(
    change: Any, said: str, adult: Path, tmp_path: Path
) -> None:
    with pytest.raises(BadData, match=said):
        evaluated(tmp_path, adult, change(part(8000, 50)))


def test_numbers_are_judged_and_their_gaps_are_left_out(tmp_path: Path) -> None:
    table = tabling.real("diamonds").slice(0, 2000)
    folder = tabling.train(tmp_path / "learned", table, "price", task="regression")
    dear = tabling.real("diamonds").slice(20_000, 500)
    price = [*[None] * 20, *dear.column("price").to_pylist()[20:]]
    place = dear.column_names.index("price")
    told = evaluated(
        tmp_path, folder / "bundle", dear.set_column(place, "price", pa.array(price, pa.int64()))
    )
    assert (told["rows"], told["of"]) == (480, 500)
    assert told["metrics"]["rmse"] > told["trained"]["metrics"]["rmse"]
    assert told["drift"]["target"][0]["strength"] == "strong"
    assert len(told["deciles"]) == 10
    rows = pq.read_table(tmp_path / "job" / "output" / "table.parquet")
    error = np.abs(rows.column("error").to_numpy()).mean()
    assert error == pytest.approx(told["metrics"]["mae"])


def test_many_rows_are_judged_by_a_fair_sample(
    adult: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluating, "LEAST", 500)
    monkeypatch.setattr(evaluating, "CELLS", 1000)
    told = evaluated(tmp_path, adult, part(8000))
    assert (told["rows"], told["judged"]) == (500, 4000)
    notes = [one["text"] for one in events(tmp_path / "job", "note")]
    assert "The figures are those of 500 of 4,000 rows, drawn at random." in notes


def test_a_bundle_from_before_says_that_its_drift_is_unknown(adult: Path, tmp_path: Path) -> None:
    about = json.loads((adult / "model.json").read_text())
    old = tmp_path / "old"
    old.mkdir()
    del about["sha256"]["reference.parquet"]
    for name in about["sha256"]:
        (old / name).write_bytes((adult / name).read_bytes())
    (old / "model.json").write_text(json.dumps(about))
    told = evaluated(tmp_path, old, part(8000, 200))
    assert told["drift"]["data"] is None
    assert "Train it again" in told["drift"]["why"]

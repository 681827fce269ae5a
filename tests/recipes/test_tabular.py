"""Jobs on tables: what they refuse, in which words, and what they promise of splits and stops."""

import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recipes.data.listing import BadData
from recipes.engine.memory import OutOfMemory
from recipes.engine.tabular import room
from recipes.job import BadJob, GaveWay, Job, read, write
from recipes.kinds import KINDS
from recipes.params import ParamError
from tests.recipes import tabling
from tests.recipes.making import events, recipes
from tests.recipes.tabling import QUICK, about, run, small, train

REFUSED = {
    "no rows": (small().slice(0, 0), {}, BadData, "The table has 0 rows"),
    "one row": (small().slice(0, 1), {}, BadData, "The table has 1 row:"),
    "one class": (small(good=["y"] * 60), {}, BadData, "only the value 'y': there is nothing"),
    "no target left": (small(good=pa.nulls(60, pa.string())), {}, BadData, "has no value"),
    "three classes": (small(good=["a", "b", "c"] * 20), {}, BadData, "has 3 values"),
    "too few rows": (small().slice(0, 4), {}, BadData, "The table has 4 rows"),
    "too few targets": (
        small(good=["y", "n"] * 2 + [None] * 56),
        {},
        BadData,
        "4 rows with a target are too few",
    ),
    "an unknown column": (small(), {"target": "bad"}, BadData, "no column 'bad'"),
    "words to regress": (
        small(),
        {"task": "regression"},
        BadData,
        "is of the type text: a regression predicts numbers",
    ),
    "too many classes": (
        small(good=[str(one % 300) for one in range(600)], count=600),
        {"task": "multiclass"},
        BadData,
        "has 300 values",
    ),
    "nothing to learn from": (
        pa.table({"same": ["x"] * 60, "gone": pa.nulls(60, pa.int64()), "good": ["y", "n"] * 30}),
        {},
        BadData,
        "No column is left to learn from",
    ),
    "a wrong setting": (small(), {"spec": {"params": {"depth": 3}}}, ParamError, "no setting"),
    "a feature that is none": (
        small(),
        {"spec": {"features": {"size": {"missing": "guess"}}}},
        ParamError,
        "Column 'size': 'Missing values' must be one of",
    ),
    "an unknown feature": (
        small(),
        {"spec": {"features": {"length": {"role": "ignore"}}}},
        ParamError,
        "no input column called 'length'",
    ),
    "words as a number": (
        small(),
        {"spec": {"features": {"colour": {"type": "numeric"}}}},
        ParamError,
        "can be handled as category or text, not as numeric",
    ),
    "a negative weight": (
        small(weight=[-1.0] * 60),
        {"spec": {"weights": "weight"}},
        BadData,
        "The weight 'weight' of row 1 is -1",
    ),
    "a time that nobody named": (
        small(),
        {"spec": {"split": {"policy": "time"}}},
        BadData,
        "no column has the role time",
    ),
    "an algorithm for pictures": (
        small(),
        {"algorithm": "backbone_classifier"},
        BadJob,
        "cannot solve",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_table_is_refused_with_a_sentence(tmp_path: Path, case: str) -> None:
    table, changes, error, sentence = REFUSED[case]
    changes = dict(changes)
    target = changes.pop("target", "good")
    with pytest.raises(error, match=sentence):
        train(tmp_path, table, target, **changes)


def test_a_table_that_memory_cannot_hold_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "free_memory", lambda: 1000)
    with pytest.raises(OutOfMemory, match="Leave columns out"):
        train(tmp_path, small())


def test_ten_thousand_columns_are_learned_from(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    wide = {f"c{place}": rng.normal(size=60) for place in range(10_000)}
    folder = train(tmp_path, pa.table({**wide, "good": np.where(wide["c7"] > 0, "y", "n")}))
    assert len(about(folder)["columns"]) == 10_000


def test_infinite_values_count_as_missing(tmp_path: Path) -> None:
    table = small()
    sizes = np.array(table.column("size")).copy()
    sizes[::9] = np.inf
    folder = train(tmp_path, table.set_column(0, "size", pa.array(sizes)))
    assert events(folder, "finished")


def test_columns_of_no_use_are_left_out_and_said_so(tmp_path: Path) -> None:
    table = small(
        same=["x"] * 60,
        gone=pa.nulls(60, pa.float64()),
        id=list(range(60)),
        name=[f"person {one}" for one in range(60)],
    )
    folder = train(tmp_path, table, spec={"features": {"name": {"role": "ignore"}}})
    notes = " ".join(one["text"] for one in events(folder, "note"))
    for name in ("same", "gone", "id"):
        assert f"The column '{name}' is left out" in notes
    assert [one["name"] for one in about(folder)["columns"]] == ["size", "colour"]


def test_names_of_former_versions_are_translated_and_said(tmp_path: Path) -> None:
    params = {"tree_method": "gpu_hist", "gpu_id": 0, "predictor": "gpu_predictor", "eta": 0.3}
    folder = train(tmp_path, small(), spec={"params": {**params, "n_estimators": 7}})
    model, notes = about(folder), " ".join(one["text"] for one in events(folder, "note"))
    assert (model["params"]["tree_method"], model["params"]["rounds"]) == ("hist", 7)
    assert model["params"]["learning_rate"] == 0.3
    for name in (*params, "n_estimators"):
        assert f"'{name}" in notes
    assert model["learned"]["device"] == "cpu"


def test_a_split_by_time_is_judged_on_the_last_rows(tmp_path: Path) -> None:
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(one * 7 % 60) for one in range(60)]
    features = {"day": {"role": "time"}}
    spec = {"split": {"policy": "time"}, "features": features}
    folder = train(tmp_path, small(day=days), spec=spec)
    judged = pq.read_table(folder / "bundle" / "predictions.parquet").column("number").to_pylist()
    assert {days[one] for one in judged} == set(sorted(days)[48:])
    assert "day" not in [one["name"] for one in about(folder)["columns"]]


def test_a_cross_test_judges_each_row_once_and_learns_from_all(tmp_path: Path) -> None:
    spec = {"split": {"policy": "kfold", "folds": 3}}
    folder = train(tmp_path, small(), spec=spec)
    judged = pq.read_table(folder / "bundle" / "predictions.parquet").column("number").to_pylist()
    assert sorted(judged) == list(range(60))
    report = json.loads((folder / "bundle" / "report.json").read_text())
    assert len(report["folds"]["roc_auc"]["each"]) == 3
    assert events(folder, "finished")[0]["facts"]["rows"] == {"train": 60}


def test_weights_and_rebalancing_move_the_probabilities(tmp_path: Path) -> None:
    table = small(300, weight=np.ones(300))
    good = np.array(table.column("good")) == "y"
    heavy = table.set_column(3, "weight", pa.array(np.where(good, 50.0, 1.0)))
    means = []
    for name, rows in (("even", table), ("heavy", heavy)):
        folder = train(tmp_path / name, rows, spec={"weights": "weight"})
        found = pq.read_table(folder / "bundle" / "predictions.parquet")
        means.append(np.mean(found.column("proba_y").to_numpy()))
    assert means[1] > means[0] + 0.05


def test_the_same_seed_gives_the_same_model(tmp_path: Path) -> None:
    data = tabling.dataset(tmp_path / "data", small(200))
    made = []
    for name in ("one", "two"):
        spec = {"params": {"rounds": 5, "subsample": 0.5}}
        folder = tabling.job(tmp_path, data, "good", name=name, spec=spec)
        run(folder)
        made.append((folder / "bundle" / "model.ubj").read_bytes())
    assert made[0] == made[1]


def test_finish_early_keeps_what_there_is_and_yield_gives_way(tmp_path: Path) -> None:
    data = tabling.dataset(tmp_path / "data", small())
    spec = {"params": {"rounds": 1000, "early_stopping": False}}
    folder = tabling.job(tmp_path, data, "good", spec=spec)
    (folder / "stop").write_text("finish_early")
    run(folder)
    assert about(folder)["learned"]["rounds"] == 1
    (folder / "stop").write_text("yield")
    with pytest.raises(GaveWay):
        run(folder)


@pytest.mark.process
def test_a_job_folder_runs_by_hand(tmp_path: Path) -> None:
    data = tabling.dataset(tmp_path / "data", small())
    folder = tabling.job(tmp_path, data, "good", spec=QUICK)
    done = recipes(folder)
    assert done.returncode == 0, done.stderr
    assert [one["type"] for one in events(folder)][:2] == ["started", "phase"]
    assert events(folder)[-1]["type"] == "finished"


@pytest.mark.process
def test_an_imported_file_is_trained_on(tmp_path: Path) -> None:
    spec = {"archive": str(tabling.DATA / "titanic.csv"), "name": "titanic.csv", "kind": "table"}
    write(tmp_path / "import", Job(job=1, kind="import", spec=spec))
    KINDS["import"].run(read(tmp_path / "import"), tmp_path / "import", None)
    (finished,) = events(tmp_path / "import", "finished")
    data = {
        "folder": str(tmp_path / "import" / "output"),
        "fingerprint": finished["facts"]["fingerprint"],
    }
    for algorithm in ("xgboost", "logistic_regression"):
        changes: dict[str, Any] = {"spec": {"features": {"alive": {"role": "ignore"}}}}
        folder = tabling.job(
            tmp_path, data, "survived", algorithm=algorithm, name=algorithm, **changes
        )
        run(folder)
        assert events(folder, "finished")[0]["score"] > 0.8

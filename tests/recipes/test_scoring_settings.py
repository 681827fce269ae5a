"""What a scoring of a table may be asked for: threshold, probabilities, explanations, where to."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from recipes.__main__ import main
from recipes.engine.tabular.contributions import contributions
from recipes.engine.tabular.model import load
from recipes.job import BadJob, read, write
from recipes.kinds.score import SETTINGS
from tests.recipes import tabling
from tests.recipes.making import events
from tests.recipes.tabling import run, small, train


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("two_class"), small()) / "bundle"


def scored(home: Path, bundle: Path, table: pa.Table | None = None, **settings: Any) -> Path:
    data = tabling.dataset(home / "data", small() if table is None else table)
    folder = tabling.score_job(home, bundle, data)
    job = read(folder)
    job.spec.update(settings)
    write(folder, job)
    run(folder)
    return folder


def rows(folder: Path) -> pa.Table:
    return pq.read_table(folder / "output" / "table.parquet")


@pytest.mark.parametrize("threshold", [0.0, 0.05, 0.95])
def test_another_threshold_decides(tmp_path: Path, bundle: Path, threshold: float) -> None:
    folder = scored(tmp_path, bundle, threshold=threshold)
    table = rows(folder)
    wanted = pc.if_else(pc.greater_equal(table.column("proba_y"), threshold), "y", "n")
    assert table.column("prediction").equals(wanted)
    (told,) = events(folder, "finished")
    assert told["facts"]["threshold"] == threshold


@pytest.mark.parametrize(
    ("which", "names"), [("all", ["proba_n", "proba_y"]), ("predicted", ["proba"]), ("none", [])]
)
def test_probabilities_are_written_as_asked(
    tmp_path: Path, bundle: Path, which: str, names: list[str]
) -> None:
    table = rows(scored(tmp_path, bundle, probabilities=which))
    assert table.column_names[4:] == names
    if which == "predicted":
        given = load(bundle, 1).predict(small())
        found = table.column("proba").to_pylist()
        places = [["n", "y"].index(one) for one in table.column("prediction").to_pylist()]
        assert found == [given[row, place] for row, place in enumerate(places)]


def test_each_row_names_what_moved_it_most(tmp_path: Path, bundle: Path) -> None:
    table = rows(scored(tmp_path, bundle, explanations=1))
    found = contributions(load(bundle, 1), small())
    for row, text in enumerate(table.column("explanations").to_pylist()):
        values = dict(zip(found.names, found.values[row], strict=True))
        strongest = max(values, key=lambda name: abs(values[name]))
        assert json.loads(text) == {strongest: pytest.approx(values[strongest], rel=1e-4)}


def test_explanations_stand_strongest_first_and_not_where_nothing_is_predicted(
    tmp_path: Path,
) -> None:
    features = {"size": {"missing": "drop_rows"}}
    folder = train(tmp_path, small(), spec={"features": features})
    gappy = small().set_column(0, "size", pa.array([None] * 3 + [0.5] * 57))
    table = rows(scored(tmp_path / "there", folder / "bundle", gappy, explanations=9))
    texts = table.column("explanations").to_pylist()
    assert texts[:3] == [None] * 3
    for text in texts[3:]:
        sizes = [abs(one) for one in json.loads(text).values()]
        assert len(sizes) == 2
        assert sizes == sorted(sizes, reverse=True)


def test_of_several_classes_the_likeliest_one_is_explained(tmp_path: Path) -> None:
    kinds = small(90, kind=["a", "b", "c"] * 30)
    folder = train(tmp_path, kinds, "kind", task="multiclass")
    table = rows(scored(tmp_path / "there", folder / "bundle", kinds, explanations=2))
    model = load(folder / "bundle", 1)
    best = model.predict(kinds)[0].argmax()
    found = contributions(model, kinds.slice(0, 1))
    told = json.loads(table.column("explanations")[0].as_py())
    for name, value in told.items():
        assert value == pytest.approx(found.values[0, best, found.names.index(name)], rel=1e-4)


def test_rows_go_into_a_csv_that_no_spreadsheet_runs(tmp_path: Path, bundle: Path) -> None:
    notes = ["=1+1", "-5", "@x", "a,b", None, "-1e3"] * 10
    table = small(**{"=note": notes, "gone": [None, 1.5] * 30})
    folder = scored(tmp_path, bundle, table, output="csv")
    with (folder / "output" / "scored.csv").open(newline="") as made:
        lines = list(csv.DictReader(made))
    assert len(lines) == 60
    assert [one["'=note"] for one in lines[:6]] == ["'=1+1", "-5", "'@x", "a,b", "", "-1e3"]
    assert [one["gone"] for one in lines[:2]] == ["", "1.5"]
    assert {one["prediction"] for one in lines} == {"n", "y"}
    assert events(folder, "finished")[0]["file"] == "output/scored.csv"


def test_a_parquet_to_download_has_the_rows_of_the_dataset(tmp_path: Path, bundle: Path) -> None:
    file = scored(tmp_path / "file", bundle, output="parquet")
    dataset = scored(tmp_path / "dataset", bundle)
    assert pq.read_table(file / "output" / "scored.parquet").equals(rows(dataset))


def test_unseen_values_are_counted_by_column(tmp_path: Path, bundle: Path) -> None:
    strange = small().set_column(1, "colour", pa.array(["pink"] * 40 + ["red"] * 20))
    folder = scored(tmp_path, bundle, strange)
    assert events(folder, "finished")[0]["unseen"] == {"colour": 40}


WRONG = {
    "a threshold beyond 1": ({"threshold": 1.5}, "'Threshold' must lie between 0 and 1"),
    "probabilities": ({"probabilities": "some"}, "'Probabilities' must be one of all"),
    "explanations": ({"explanations": -1}, "'Explanations' must lie between 0 and 50"),
    "output": ({"output": "xlsx"}, "'Write to' must be one of dataset, csv, parquet"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_settings_are_sentences(tmp_path: Path, bundle: Path, case: str) -> None:
    settings, sentence = WRONG[case]
    with pytest.raises(BadJob, match=sentence):
        scored(tmp_path, bundle, **settings)


def test_a_regression_has_no_threshold(tmp_path: Path) -> None:
    folder = train(tmp_path, small(price=[float(n) for n in range(60)]), "price", task="regression")
    with pytest.raises(BadJob, match="Only a model of two classes has a threshold"):
        scored(tmp_path / "there", folder / "bundle", threshold=0.5)


def test_no_threshold_is_the_models_own() -> None:
    for nothing in (None, ""):
        assert SETTINGS.clean({"threshold": nothing})["threshold"] is None
    assert SETTINGS.clean({"threshold": "0.25"})["threshold"] == 0.25


def test_the_command_line_has_the_same_settings(
    tmp_path: Path, bundle: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pq.write_table(small(), tmp_path / "in.parquet")
    given = ["score", str(bundle), str(tmp_path / "in.parquet"), "--out", str(tmp_path / "out.csv")]
    assert main([*given, "--threshold", "2"]) == 2
    assert "'Threshold' must lie between 0 and 1, not 2.0." in capfd.readouterr().err
    wished = ["--threshold", "0.95", "--probabilities", "none", "--explanations", "1"]
    done = subprocess.run([sys.executable, "-m", "recipes", *given, *wished], check=False)
    assert done.returncode == 0
    with (tmp_path / "out.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert list(found[0]) == ["size", "colour", "good", "prediction", "explanations"]
    sure = load(bundle, 1).predict(small())[:, 1] >= 0.95
    assert [one["prediction"] for one in found] == ["y" if one else "n" for one in sure]
    assert len(json.loads(found[0]["explanations"])) == 1

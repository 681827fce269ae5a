"""Scoring tables: what has drifted, what is unseen, what has no prediction; files by hand."""

import datetime
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recipes.data.listing import BadData
from recipes.data.sandbox import Refused
from recipes.data.table_inputs import as_table
from recipes.engine.tabular.csv_file import as_csv
from tests.recipes import tabling
from tests.recipes.making import events
from tests.recipes.tabling import run, small, train
from tests.recipes.warm import recipes

DRIFTS = {
    "a column is gone": (lambda t: t.drop_columns(["size"]), "lacks 1 of the 2 .*: 'size'"),
    "a type is another": (
        lambda t: t.set_column(0, "size", pa.array(["big"] * len(t))),
        "'size' was number and is text",
    ),
}


@pytest.mark.parametrize("case", DRIFTS)
def test_a_table_that_has_drifted_is_not_scored(tmp_path: Path, case: str) -> None:
    change, sentence = DRIFTS[case]
    folder = train(tmp_path, small())
    data = tabling.dataset(tmp_path / "drifted", change(small()))
    with pytest.raises(BadData, match=sentence):
        run(tabling.score_job(tmp_path, folder / "bundle", data))


def test_scoring_tells_of_unseen_categories_and_of_rows_without_a_prediction(
    tmp_path: Path,
) -> None:
    features = {"size": {"missing": "drop_rows"}}
    folder = train(tmp_path, small(), spec={"features": features})
    strange = small().set_column(1, "colour", pa.array(["pink"] * 60))
    gaps = pa.array([None if row < 3 else 0.5 for row in range(60)])
    data = tabling.dataset(tmp_path / "strange", strange.set_column(0, "size", gaps))
    scored = tabling.score_job(tmp_path, folder / "bundle", data)
    run(scored)
    notes = [one["text"] for one in events(scored, "note")]
    assert any(one.startswith("57 values of 'colour' are no category") for one in notes)
    assert any(one.startswith("3 rows have no prediction: 'size'") for one in notes)
    table = pq.read_table(scored / "output" / "table.parquet")
    assert table.column("prediction").null_count == 3
    assert table.column("proba_y").is_null().to_pylist() == [True] * 3 + [False] * 57


def test_a_column_without_any_value_is_read_as_what_was_learned(tmp_path: Path) -> None:
    table = small(day=[datetime.date(2024, 1, 1 + row % 28) for row in range(60)])
    folder = train(tmp_path, table)
    gone = pa.nulls(60, pa.string())
    empty = table.set_column(0, "size", gone).set_column(3, "day", gone)
    scored = tabling.score_job(
        tmp_path, folder / "bundle", tabling.dataset(tmp_path / "empty", empty)
    )
    run(scored)
    assert events(scored, "finished")[0]["rows"] == 60


@pytest.mark.parametrize(
    ("no", "yes", "type_"),
    [
        (0, 1, pa.int64()),
        (False, True, pa.bool_()),
        ("0", "1", pa.string()),
        (0.5, 1.5, pa.string()),
    ],
)
def test_a_prediction_is_of_the_targets_type(
    tmp_path: Path, no: object, yes: object, type_: pa.DataType
) -> None:
    target = [yes if one == "y" else no for one in small().column("good").to_pylist()]
    folder = train(tmp_path, small().set_column(2, "good", pa.array(target)))
    scored = tabling.score_job(tmp_path, folder / "bundle", {"folder": str(tmp_path / "data")})
    run(scored)
    made = pq.read_table(scored / "output" / "table.parquet").column("prediction")
    assert made.type == type_
    assert {str(one).lower() for one in made.to_pylist()} == {str(no).lower(), str(yes).lower()}


def test_a_table_may_have_a_column_called_prediction(tmp_path: Path) -> None:
    folder = train(tmp_path, small(prediction=["a", "b"] * 30))
    scored = tabling.score_job(tmp_path, folder / "bundle", {"folder": str(tmp_path / "data")})
    run(scored)
    names = pq.read_table(scored / "output" / "table.parquet").column_names
    assert [one for one in names if one.startswith("prediction")] == ["prediction", "prediction_"]


@pytest.mark.process
def test_a_csv_is_scored_from_the_command_line(tmp_path: Path) -> None:
    folder = train(tmp_path, small())
    rows = "colour,size,extra\nred,3.5,1\npink,,2\nblue,-4,3\nred,much,4\ngreen,1,5\n"
    (tmp_path / "new.csv").write_text(rows)
    for name in ("out.csv", "out.parquet"):
        done = recipes("score", folder / "bundle", tmp_path / "new.csv", "--out", tmp_path / name)
        assert done.returncode == 0, done.stderr
        assert "1 values of 'colour' are no category" in done.stderr
    scored = pq.read_table(tmp_path / "out.parquet")
    assert scored.column_names == ["colour", "size", "extra", "prediction", "proba_n", "proba_y"]
    assert scored.column("prediction").to_pylist()[::2] == ["y", "n", "y"]
    assert (tmp_path / "out.csv").read_text().count("\n") == 6


@pytest.mark.process
def test_a_csv_with_the_truth_is_judged_from_the_command_line(tmp_path: Path) -> None:
    folder = train(tmp_path, small())
    new, out = tmp_path / "new.csv", tmp_path / "made" / "out.json"
    target = json.loads((folder / "bundle" / "model.json").read_text())["target"]
    new.write_text(f"colour,size,{target}\nred,3.5,y\nblue,-4,n\ngreen,1,\n")
    done = recipes("evaluate", folder / "bundle", new, "--out", out)
    assert done.returncode == 0, done.stderr
    told = json.loads(out.read_text())
    assert (told["judged"], told["of"], told["metrics"]["accuracy"]) == (2, 3, 1.0)


def test_a_folder_given_by_hand_is_parsed_in_the_sandbox_too(
    tmp_path: Path,
) -> None:
    data = Path(tabling.dataset(tmp_path / "data", small())["folder"])
    columns = [{"name": "size", "type": "number"}, {"name": "colour", "type": "text"}]
    made, problems = as_table(data, tmp_path / "draft", columns)
    assert (made, problems) == (tmp_path / "draft", 0)
    assert pq.read_table(made / "table.parquet").equals(small())
    (data / "table.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(Refused, match="Parquet file is damaged"):
        as_table(data, tmp_path / "again", columns)


def test_a_csv_that_is_written_by_hand_holds_no_formula(tmp_path: Path) -> None:
    table = pa.table({"=name": ["=cmd()", "Zoe", None], "n": [-1, 2, 3]})
    pq.write_table(table, tmp_path / "t.parquet")
    as_csv(tmp_path / "t.parquet", tmp_path / "t.csv")
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert lines[:2] == ['"\'=name","n"', '"\'=cmd()",-1']

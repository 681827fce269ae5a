"""A table that a job wrote has a profile, as one that was uploaded has."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recipes.engine.tabular.described import describe
from tests.recipes import tabling
from tests.recipes.tabling import run, small, train


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("two_class"), small()) / "bundle"


def told(folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    columns, facts = ((folder / name).read_text() for name in ("columns.json", "facts.json"))
    return json.loads(columns), json.loads(facts)


def test_a_scored_table_knows_the_old_columns_and_describes_the_new(
    tmp_path: Path, bundle: Path
) -> None:
    data = tabling.dataset(tmp_path / "data", small())
    before, _ = told(Path(data["folder"]))
    folder = tabling.score_job(tmp_path, bundle, data)
    run(folder)
    columns, facts = told(folder / "output")
    assert columns[:3] == before
    names = [one["name"] for one in columns]
    assert names == pq.read_schema(folder / "output" / "table.parquet").names
    assert facts["made"] == names[3:] == ["prediction", "proba_n", "proba_y"]
    assert (facts["layout"], facts["rows"], facts["columns"]) == ("table", 60, 6)
    prediction, proba = columns[3], columns[4]
    assert (prediction["type"], prediction["distinct"]) == ("text", 2)
    assert sum(one["count"] for one in prediction["top"]) == 60
    assert 0 <= proba["min"] <= proba["mean"] <= proba["max"] <= 1
    assert sum(proba["histogram"]["counts"]) == 60


def test_fewer_rows_than_were_read_are_described_anew(tmp_path: Path) -> None:
    tabling.dataset(tmp_path / "data", small())
    made = tmp_path / "made"
    made.mkdir()
    kept = small().slice(0, 10).append_column("correct", pa.array([True] * 10))
    pq.write_table(kept, made / "table.parquet")
    describe(made, tmp_path / "data")
    columns, facts = told(made)
    assert columns[0]["max"] == max(kept.column("size").to_pylist())
    assert columns[3]["warnings"] == ["It is constant: all values are the same."]
    assert facts["made"] == ["correct"]


def test_a_table_made_of_none_has_no_column_before_the_others(tmp_path: Path) -> None:
    pq.write_table(small(), tmp_path / "table.parquet")
    describe(tmp_path, None)
    assert told(tmp_path)[1]["made"] == []

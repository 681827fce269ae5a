"""The columns that have a partial dependence in a report, and those that are left out."""

from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from recipes.engine.tabular import effects, report_steps
from recipes.engine.tabular.effects import Dependence, Sample
from recipes.engine.tabular.model import Model, load
from tests.recipes import tabling
from tests.recipes.test_table_report import report as trained


def wide(columns: int) -> pa.Table:
    rng = np.random.default_rng(0)
    numbers = {f"n{place}": rng.normal(size=120) for place in range(columns)}
    return pa.table({**numbers, "good": np.where(numbers["n0"] + numbers["n1"] > 0, "y", "n")})


def test_every_column_has_a_dependence_but_words_and_that_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_steps, "LEAST", 600.0)  # however busy the machine is
    monkeypatch.setattr(report_steps, "MOST", 600.0)
    table = wide(14).append_column("note", pa.array([f"some words {n}" for n in range(120)]))
    features = {"note": {"role": "input", "type": "text"}}
    made = trained(tmp_path, table, "good", spec={"params": {"rounds": 5}, "features": features})
    assert {one["name"] for one in made["partial"]} == {f"n{place}" for place in range(14)}
    assert made["partial_left_out"] == {"text": 1}


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Sample, list[str]]:
    """A model of 14 columns, some rows, and the columns in their order."""
    table = wide(14)
    folder = tabling.train(tmp_path_factory.mktemp("wide"), table)
    model = load(folder / "bundle", 1)
    names = [one.name for one in model.encoder.columns]
    return model, Sample(table, model.encoder.transform(table), np.zeros(120)), names


def test_values_are_predicted_together_as_they_are_one_by_one(
    known: tuple[Model, Sample, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, sample, names = known
    together = effects.partial(model, sample, names, 60.0, 2)
    monkeypatch.setattr(Model, "rows_at_once", 1)
    assert effects.partial(model, sample, names, 60.0, 2) == together
    first = together.columns[0]
    matrix = sample.matrix.copy()
    matrix[:, model.encoder.columns[0].place] = first["points"][3]["value"]
    wanted = model.learner.predict(matrix).mean(0)
    assert first["points"][3]["mean"] == pytest.approx(wanted.tolist())


@pytest.mark.parametrize(
    ("most", "means", "spare", "made", "left_out"),
    [
        (60, 2000, 60.0, 14, {}),
        (12, 2000, 60.0, 12, {"many": 2}),
        (60, 24, 60.0, 12, {"many": 2}),  # two classes, so 12 columns of 24 means
        (60, 2000, 0.0, 10, {"slow": 4}),
        (60, 2000, 2.5, 12, {"slow": 2}),
        (13, 2000, 2.5, 12, {"slow": 1, "many": 1}),
    ],
)
def test_less_important_columns_are_left_out_where_they_are_many_or_slow(
    most: int, means: int, spare: float, made: int, left_out: dict[str, int],
    known: tuple[Model, Sample, list[str]], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    seconds = count(0.0)  # one more at each look: a column takes a second
    monkeypatch.setattr(effects, "time", SimpleNamespace(monotonic=lambda: float(next(seconds))))
    monkeypatch.setattr(effects, "PARTIAL", most)
    monkeypatch.setattr(effects, "MEANS", means)
    model, sample, names = known
    found: Dependence = effects.partial(model, sample, names, spare, 2)
    assert [one["name"] for one in found.columns] == names[:made]
    assert found.left_out == left_out


def test_what_may_be_left_out_takes_a_tenth_of_the_training() -> None:
    assert report_steps.spare(5.0) == report_steps.LEAST
    assert report_steps.spare(200.0) == 20.0
    assert report_steps.spare(1e6) == report_steps.MOST
    pace = report_steps.Pace(call=0.0, row=1e-3)
    few, many = (report_steps.expected(pace, columns, 300) for columns in (10, 60))
    assert few[report_steps.PARTIAL] == pytest.approx(10 * 20 * 0.3)
    assert many[report_steps.PARTIAL] == pytest.approx(10 * 20 * 0.3 + report_steps.LEAST)

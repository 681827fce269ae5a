"""Another library predicts only where it says what the own one says; the table says where it does.

Real rows, each as it is and with a gap. What is not used leaves the own predictions, to the byte.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from recipes import features
from recipes.algorithms import ALGORITHMS
from recipes.data.encode import learn
from recipes.engine.tabular import parity
from recipes.engine.tabular.model import Model
from recipes.learners.learner import Convertible, Matrix, Rows, Setup, Told
from recipes.scorers import SCORERS, hummingbird, trees
from recipes.scorers.scorer import Where
from tests.recipes import tabling
from tests.recipes.tabling import real

FEW = {"rounds": 5}
TREES = {"trees": 5, "min_samples_leaf": 3}
TABLES = {  # data, target, task
    "adult": ("income", "two_class"),
    "titanic": ("survived", "two_class"),
    "diamonds": ("price", "regression"),
    "cut": ("cut", "multiclass"),
}
RIGHT, WRONG, CANNOT = "used", "predicts otherwise", "cannot take this model"
NEAR = "used, or refused for a tie of two classes that falls otherwise"
# algorithm, table, what is set: what comes of onnx, nvforest, hummingbird (None: does not take it)
TAKEN: list[tuple[str, str, dict[str, Any], str | None, str | None, str | None]] = [
    ("xgboost", "adult", FEW, RIGHT, RIGHT, WRONG),
    ("xgboost", "diamonds", FEW, RIGHT, RIGHT, CANNOT),
    ("xgboost", "cut", FEW, RIGHT, RIGHT, WRONG),
    ("lightgbm", "titanic", FEW, RIGHT, RIGHT, None),
    ("lightgbm", "diamonds", FEW, RIGHT, RIGHT, None),
    ("lightgbm", "cut", FEW, RIGHT, RIGHT, None),
    ("random_forest", "titanic", TREES, RIGHT, RIGHT, WRONG),
    ("random_forest", "diamonds", TREES, RIGHT, RIGHT, WRONG),
    ("random_forest", "cut", TREES, NEAR, NEAR, WRONG),
    ("extra_trees", "adult", TREES, RIGHT, RIGHT, WRONG),
    ("hist_gradient_boosting", "titanic", FEW, None, RIGHT, WRONG),
    ("hist_gradient_boosting", "diamonds", FEW, None, RIGHT, WRONG),
    ("logistic_regression", "adult", {}, RIGHT, None, RIGHT),
    ("logistic_regression", "cut", {}, RIGHT, None, WRONG),
    ("ridge", "diamonds", {}, RIGHT, None, None),
    ("svm", "titanic", {}, RIGHT, None, None),
    ("svm", "diamonds", {}, RIGHT, None, None),
    ("svm", "cut", {}, RIGHT, None, None),
    ("mlp", "titanic", {"rounds": 2}, RIGHT, None, RIGHT),
    ("mlp", "cut", {"rounds": 2}, RIGHT, None, RIGHT),
]
Row = tuple[str, str, dict[str, Any], str | None, str | None, str | None]


def table(name: str) -> pa.Table:
    found = real("diamonds" if name == "cut" else name).slice(0, 600)
    return found.drop_columns([one for one in ("alive",) if one in found.column_names])


def fitted(algorithm: str, name: str, params: dict[str, Any]) -> Model:
    """As a training fits it, without what a training tells of it."""
    card, (target, task), rows = ALGORITHMS[algorithm], TABLES[name], table(name)
    columns = [tabling._profile(one, rows.column(one)) for one in rows.column_names]
    inputs = [one for one in columns if one["name"] != target]
    suits = {"takes_missing": card.takes_missing, "scales": card.scales, "ranks": card.ranks}
    handled, _ = features.resolve(inputs, {}, rows=len(rows), **suits)
    known = sorted(rows.column(target).unique().to_pylist()) if task != "regression" else []
    given = rows.column(target).to_pylist()
    aim = np.array([known.index(one) if known else one for one in given], np.float64)
    means = np.eye(len(known))[aim.astype(int)] if known else aim[:, None]
    encoder, matrix = learn(rows.drop_columns([target]), handled, means, seed=0)
    assert card.learner is not None
    setup = Setup(
        classes=len(known),
        params=card.params.clean(params),
        seed=0,
        threads=1,
        device="cpu",
        names=encoder.outputs,
    )
    learner = card.learner(setup)
    learner.fit(Rows(matrix, aim, None), None, Told())
    about = {"algorithm": algorithm, "threshold": 0.5 if task == "two_class" else None}
    return Model(encoder, learner, about)


def tried(model: Model, rows: pa.Table, engine: str) -> parity.Parity:
    card, learner = SCORERS[engine], model.learner
    judged = parity.sample(model, rows.select([one.name for one in model.encoder.columns]))
    assert isinstance(learner, Convertible)
    who = parity.Who(engine=card.label, own="the own library")
    told = judged.report(engine, "CPU", {})
    where = Where(device="cpu", threads=1)
    return parity.gate(told, judged, lambda: card.make(learner, where), who).told


@pytest.mark.parametrize("row", TAKEN, ids=lambda row: f"{row[0]}-{row[1]}")
def test_which_library_says_what_the_own_one_says(row: Row) -> None:
    algorithm, name, params, *outcomes = row
    model = fitted(algorithm, name, params)
    for engine, wanted in zip(SCORERS, outcomes, strict=True):
        assert (algorithm in SCORERS[engine].algorithms) == (wanted is not None), engine
        if wanted is None:
            continue
        told = tried(model, table(name), engine)
        assert told.gaps >= 600, "each row once more with a gap"
        if wanted in (RIGHT, NEAR):
            assert told.used or (wanted == NEAR and "another class" in told.why), told
            assert told.difference is not None
            assert (told.difference <= told.tolerance, told.on) == (True, "cpu")
        else:
            assert not told.used, engine
            assert wanted in told.why, engine


def test_trees_that_would_take_minutes_to_convert_are_left_to_their_library(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = fitted("random_forest", "titanic", TREES)
    monkeypatch.setattr(trees, "NODES", 20)
    told = tried(model, table("titanic"), "onnx")
    assert not told.used
    assert "nodes; up to 20 are converted." in told.why


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def taken(algorithm: str, params: dict[str, Any], threads: int = 2) -> tuple[Any, Matrix]:
    """A model of titanic in Hummingbird's hands, and some rows without gaps."""
    model = fitted(algorithm, "titanic", params)
    assert isinstance(model.learner, Convertible)
    made = SCORERS["hummingbird"].make(model.learner, Where(device="cpu", threads=threads))
    rows = table("titanic").select([one.name for one in model.encoder.columns])
    return made, np.nan_to_num(model.encoder.transform(rows))


def test_hummingbird_takes_the_threads_of_the_job_and_leaves_those_of_the_process(
    threads: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, rows = taken("mlp", {"rounds": 2})
    assert torch.get_num_threads() == 3
    seen, predict = [], made._model.predict_proba

    def watched(matrix: Matrix) -> Any:
        seen.append(torch.get_num_threads())
        return predict(matrix)

    monkeypatch.setattr(made._model, "predict_proba", watched)
    made.predict(rows)
    assert (seen, torch.get_num_threads()) == ([2], 3)


WIDE = {  # how deep its trees are says how Hummingbird goes through them
    "shallow trees": ("random_forest", {"trees": 8, "max_depth": 2}, 8 * 4),
    "trees": ("random_forest", {"trees": 8, "max_depth": 5}, 8 * 2),
    "deep trees": ("random_forest", {"trees": 8, "min_samples_leaf": 1}, 8 * 2),
    "a network": ("mlp", {"rounds": 2, "layers": 1, "width": 64}, 64),
}


@pytest.mark.parametrize("case", WIDE)
def test_hummingbird_predicts_no_more_rows_at_once_than_memory_is_meant_for(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    algorithm, params, width = WIDE[case]
    monkeypatch.setattr(hummingbird, "AT_ONCE", 100 * width)
    made, rows = taken(algorithm, params)
    assert made._rows == 100
    whole = made.predict(rows)
    made._rows = len(rows)
    assert np.abs(whole - made.predict(rows)).max() < 1e-6

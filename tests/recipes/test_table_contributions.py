"""Contributions add up to the prediction, by input column, and are Shapley values."""

from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from recipes import features
from recipes.algorithms import ALGORITHMS
from recipes.data.encode import Matrix, learn
from recipes.data.table import spread
from recipes.engine.metrics import Floats
from recipes.engine.tabular import contributions as told
from recipes.engine.tabular.model import Model
from recipes.learners.learner import Rows, Setup, Told

ROWS = 160


def table() -> pa.Table:
    rng = np.random.default_rng(0)
    size, heat = rng.normal(size=(2, ROWS))
    colour = rng.choice(["red", "green", "blue"], ROWS)
    return pa.table({"size": size, "colour": colour, "heat": heat})


def fitted(algorithm: str, classes: int, **params: Any) -> Model:
    """A model of size, colour and heat, with all it takes to explain it."""
    rows = table()
    truth = rows["size"].to_numpy() + 2.0 * np.array(
        [one == "red" for one in rows["colour"].to_pylist()]
    )
    target: Floats = truth if not classes else np.digitize(truth, [0.5, 1.5][: classes - 1]) * 1.0
    card = ALGORITHMS[algorithm]
    columns = [
        {"name": name, "type": kind, "missing": 0, "distinct": 100, "min": None, "max": None}
        for name, kind in (("size", "number"), ("colour", "text"), ("heat", "number"))
    ]
    columns[1]["distinct"] = 3
    handled, _ = features.resolve(
        columns, {}, rows=ROWS, takes_missing=card.takes_missing, scales=card.scales
    )
    encoder, matrix = learn(rows, handled, spread(target, classes), seed=0)
    settings = {**card.params.defaults(), **params}
    setup = Setup(
        classes=classes, params=settings, seed=0, threads=1, device="cpu", names=encoder.outputs
    )
    assert card.learner is not None
    learner = card.learner(setup)
    learner.fit(Rows(matrix, target, None), None, Told())
    return Model(encoder, learner, {}, rows.slice(0, told.BACKGROUND))


def log_odds(given: Floats) -> Floats:
    made: Floats = np.log(given[:, 1] / given[:, 0])
    return made


def centred(given: Floats) -> Floats:
    """Raw scores of classes mean something only beside each other."""
    logs = np.log(given)
    made: Floats = logs - logs.mean(1, keepdims=True)
    return made


CASES: dict[str, tuple[str, int, dict[str, Any], str]] = {
    "xgboost tells two classes apart": ("xgboost", 2, {"rounds": 8}, "log-odds"),
    "xgboost tells three classes apart": ("xgboost", 3, {"rounds": 8}, "margin"),
    "xgboost predicts a number": ("xgboost", 0, {"rounds": 8}, "value"),
    "xgboost with dart": ("xgboost", 2, {"rounds": 8, "booster": "dart"}, "log-odds"),
    "lightgbm tells two classes apart": ("lightgbm", 2, {"rounds": 8}, "log-odds"),
    "lightgbm tells three classes apart": ("lightgbm", 3, {"rounds": 8}, "margin"),
    "lightgbm predicts a number": ("lightgbm", 0, {"rounds": 8}, "value"),
    "lightgbm with dart": ("lightgbm", 2, {"rounds": 8, "boosting": "dart"}, "log-odds"),
    "catboost tells two classes apart": ("catboost", 2, {"rounds": 8}, "log-odds"),
    "catboost tells three classes apart": ("catboost", 3, {"rounds": 8}, "margin"),
    "catboost predicts a number": ("catboost", 0, {"rounds": 8}, "value"),
    "logistic regression of two": ("logistic_regression", 2, {}, "log-odds"),
    "logistic regression of three": ("logistic_regression", 3, {}, "margin"),
    "ridge": ("ridge", 0, {}, "value"),
    "a forest": ("random_forest", 2, {"trees": 5}, "probability"),
    "a forest of three": ("random_forest", 3, {"trees": 5}, "probability"),
    "neighbours predict a number": ("knn", 0, {}, "value"),
}


@pytest.mark.parametrize("case", CASES)
def test_contributions_and_base_add_up_to_the_prediction(case: str) -> None:
    algorithm, classes, params, scale = CASES[case]
    model, rows = fitted(algorithm, classes, **params), table().slice(0, 30)
    names, values, base = told.contributions(model, rows)
    assert names == ["size", "colour", "heat"]
    assert told.scale(model) == scale
    exact = ("xgboost", "lightgbm", "catboost", "logistic_regression", "ridge")
    assert told.is_exact(model) == (algorithm in exact)
    made, given = values.sum(-1) + base, model.predict(rows)
    assert values.shape == ((30, 3, 3) if classes == 3 else (30, 3))
    if scale == "log-odds":
        given = log_odds(given)
    elif scale == "margin":
        made, given = made - made.mean(1, keepdims=True), centred(given)
    elif classes == 2:
        given = given[:, 1]
    np.testing.assert_allclose(made, given, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("algorithm", ["xgboost", "random_forest", "logistic_regression"])
def test_what_decides_contributes_and_noise_does_not(algorithm: str) -> None:
    names, values, _ = told.contributions(fitted(algorithm, 2), table())
    size = dict(zip(names, np.abs(values).mean(0), strict=True))
    assert size["size"] > 3 * size["heat"]
    assert size["colour"] > 3 * size["heat"]
    red = np.array([one == "red" for one in table()["colour"].to_pylist()])
    assert values[red, 1].min() > values[~red, 1].max()


def test_the_estimate_is_near_the_shapley_values_of_all_orders() -> None:
    model, rows = fitted("random_forest", 0, trees=5), table().slice(0, 5)
    _, values, _ = told.contributions(model, rows)
    exact = np.zeros((5, 3))
    names = rows.column_names
    assert model.background is not None
    for row in range(5):
        for order in permutations(range(3)):
            mixed = model.background
            before = model.predict(mixed).mean()
            for place in order:
                same = pa.repeat(rows[names[place]][row], len(mixed))
                mixed = mixed.set_column(place, names[place], same)
                after = model.predict(mixed).mean()
                exact[row, place] += (after - before) / 6
                before = after
    assert np.abs(values - exact).max() < 0.12 * np.ptp(model.predict(table()))


def test_rows_in_blocks_are_explained_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for algorithm, classes, few in (("xgboost", 3, "rounds"), ("random_forest", 2, "trees")):
        model = fitted(algorithm, classes, **{few: 3})
        whole = told.contributions(model, table())
        monkeypatch.setattr(told, "NUMBERS", 600)
        parts = told.contributions(model, table())
        monkeypatch.undo()
        np.testing.assert_allclose(parts.values, whole.values, atol=1e-9)


def test_a_walk_through_more_than_fits_is_predicted_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, rows = fitted("random_forest", 3, trees=3), table().slice(0, 2)
    whole = told.contributions(model, rows)
    most, predict = 3 * len(model.encoder.outputs), model.learner.predict
    largest = []

    def counted(matrix: Matrix) -> Floats:
        largest.append(matrix.size)
        return predict(matrix)

    monkeypatch.setattr(told, "NUMBERS", most)
    monkeypatch.setattr(model.learner, "predict", counted)
    parts = told.contributions(model, rows)
    assert max(largest[1:]) <= most, "the first are the background's own"
    np.testing.assert_allclose(parts.values, whole.values, atol=1e-9)


def test_a_linear_model_is_explained_as_exactly_when_it_was_kept(tmp_path: Path) -> None:
    model = fitted("logistic_regression", 3)
    before = told.contributions(model, table())
    model.learner.save(tmp_path)
    model.learner.load(tmp_path)
    after = told.contributions(model, table())
    np.testing.assert_allclose(after.values, before.values, atol=1e-12)
    np.testing.assert_allclose(before.values.mean(0), 0, atol=1e-9)


def test_a_model_without_rows_to_compare_with_says_so() -> None:
    model = fitted("knn", 2)
    with pytest.raises(told.NoBackground, match="train it again"):
        told.contributions(Model(model.encoder, model.learner, {}), table())

"""Settings under the names of other tools become today's, and each change is said."""

import contextlib
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies

from recipes.algorithms import ALGORITHMS
from recipes.algorithms.algorithm import Algorithm
from recipes.algorithms.former import IDLE
from recipes.params import ParamError

CASES: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    (
        "xgboost",
        {"tree_method": "gpu_hist", "gpu_id": 0, "predictor": "gpu_predictor", "n_jobs": 4},
        {"tree_method": "hist"},
        ["tree_method: gpu_hist", "gpu_id: 0", "predictor: gpu_predictor", "n_jobs: 4"],
    ),
    (
        "xgboost",
        {"n_estimators": 7, "eta": 0.3, "lambda": 2, "early_stopping_rounds": 5, "nthread": 1},
        {
            "rounds": 7,
            "learning_rate": 0.3,
            "reg_lambda": 2,
            "patience": 5,
            "early_stopping": True,
        },
        ["n_estimators", "eta", "lambda", "early_stopping_rounds", "nthread: 1"],
    ),
    ("xgboost", {"eta": 0.3, "learning_rate": 0.1}, {"learning_rate": 0.1}, ["'eta' is left out"]),
    (
        "hist_gradient_boosting",
        {"device": "cuda", "num_leaves": 15, "max_depth": -1, "lambda_l2": 1, "num_threads": 2},
        {"max_leaves": 15, "max_depth": 0, "reg_lambda": 1},
        ["device: cuda", "num_leaves", "max_depth: -1", "lambda_l2", "num_threads: 2"],
    ),
    (
        "lightgbm",
        {"device": "cuda", "num_leaves": 15, "max_depth": -1, "bagging_freq": 1, "objective": "x"},
        {"max_leaves": 15, "max_depth": 0},
        ["device: cuda", "num_leaves", "max_depth: -1", "bagging_freq: 1", "objective: x"],
    ),
    (
        "lightgbm",
        {"data_sample_strategy": "goss", "n_estimators": 9, "lambda_l2": 1, "n_jobs": 2},
        {"boosting": "goss", "rounds": 9, "reg_lambda": 1},
        ["data_sample_strategy: goss", "n_estimators", "lambda_l2", "n_jobs: 2"],
    ),
    ("lightgbm", {"boosting_type": "gbrt"}, {"boosting": "gbdt"}, ["boosting_type", "gbrt"]),
    (
        "catboost",
        {"iterations": 9, "depth": 4, "l2_leaf_reg": 5, "task_type": "GPU", "random_seed": 1},
        {"rounds": 9, "max_depth": 4, "reg_lambda": 5},
        ["iterations", "'depth'", "l2_leaf_reg", "task_type: GPU", "random_seed: 1"],
    ),
    (
        "catboost",
        {"loss_function": "Logloss", "bootstrap_type": "No", "grow_policy": "SymmetricTree"},
        {"bootstrap": "none"},
        ["loss_function: Logloss", "bootstrap_type", "bootstrap: No", "grow_policy"],
    ),
    (
        "catboost",
        {"objective": "MAE", "od_wait": 7, "devices": "0", "thread_count": 2, "eval_metric": "R2"},
        {"loss": "absolute", "patience": 7, "early_stopping": True},
        ["objective", "loss: MAE", "od_wait", "devices: 0", "thread_count", "eval_metric"],
    ),
    (
        "random_forest",
        {"n_estimators": 50, "n_jobs": -1, "random_state": 0, "verbose": 1},
        {"trees": 50},
        ["n_estimators", "n_jobs: -1", "random_state: 0", "verbose: 1"],
    ),
    (
        "keras",
        {"epochs": 30, "hidden_layer_sizes": [64, 64], "lr": 0.01, "dropout_rate": 0.2},
        {"rounds": 30, "layers": 2, "width": 64, "learning_rate": 0.01, "dropout": 0.2},
        ["epochs", "hidden_layer_sizes", "'lr'", "dropout_rate"],
    ),
    ("extra_trees", {"n_estimators": 50}, {"trees": 50}, ["n_estimators"]),
    (
        "knn",
        {"n_neighbors": 3, "weights": "distance", "p": 1},
        {"neighbours": 3, "weighting": "distance", "power": "1"},
        ["n_neighbors", "weights", "'p'"],
    ),
    (
        "mlp",
        {"hidden_layer_sizes": [20, 20], "max_iter": 9, "learning_rate_init": 0.01},
        {"layers": 2, "width": 20, "rounds": 9, "learning_rate": 0.01},
        ["hidden_layer_sizes", "max_iter", "learning_rate_init"],
    ),
    (
        "deep_mlp",
        {"lr": 0.01, "max_epochs": 9, "layers": "64-64", "device": "cuda", "patience": 3},
        {
            "learning_rate": 0.01,
            "rounds": 9,
            "layers": 2,
            "width": 64,
            "patience": 3,
        },
        ["'lr'", "max_epochs", "'layers', a width for each", "device: cuda"],
    ),
    ("deep_mlp", {"n_blocks": 3, "d_block": 64}, {"layers": 3, "width": 64}, ["n_b", "d_b"]),
    (
        "ft_transformer",
        {"d_token": 32, "attention_n_heads": 4, "n_blocks": 1, "ffn_dropout": 0.2, "seed": 1},
        {"width": 32, "heads": 4, "blocks": 1, "dropout": 0.2},
        ["d_token", "attention_n_heads", "n_blocks", "ffn_dropout", "seed: 1"],
    ),
    ("svm", {"gamma": 0.5}, {"gamma": "value", "gamma_value": 0.5}, ["gamma: 0.5"]),
    ("logistic_regression", {"n_jobs": 2, "C": 3}, {"C": 3}, ["n_jobs: 2"]),
    ("ridge", {"random_state": 1}, {}, ["random_state: 1"]),
]


@pytest.mark.parametrize(("name", "given", "made", "told"), CASES)
def test_former_names_become_todays_and_each_is_told(
    name: str, given: dict[str, Any], made: dict[str, Any], told: list[str]
) -> None:
    card = ALGORITHMS[name]
    found, notes = card.translate(given)
    assert found == made
    assert len(notes) == len(told)
    for text, words in zip(sorted(notes), sorted(told), strict=True):
        assert any(words in one for one in notes), (words, text)
    cleaned = card.params.clean(found)
    assert card.translate(cleaned) == (cleaned, [])


@pytest.mark.parametrize("name", ALGORITHMS)
def test_todays_own_names_are_left_alone(name: str) -> None:
    defaults = ALGORITHMS[name].params.defaults()
    assert ALGORITHMS[name].translate(defaults) == (defaults, [])


VALUES = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats()  # NaN too
    | strategies.sampled_from(["²-²", "8-8", "9" * 5000 + "-1", "-", "", "SymmetricTree", "goss"])
    | strategies.text(max_size=5),
    lambda inner: (
        strategies.lists(inner, max_size=3)
        | strategies.dictionaries(strategies.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
ODD: list[Any] = [[[1]], [{"a": 1}], {"a": [1]}, [True, True], [8.5], [None], "²-²",
                  "9" * 5000 + "-1", float("inf"), 10**400]  # fmt: skip


def names(card: Algorithm) -> list[str]:
    """Today's, the former ones, and what the code of its `translate` speaks of."""
    found = {one.name for one in card.params.fields} | set(IDLE)
    code: Any = card.translate
    for table in ("FORMER", "UNUSED", "WORDS"):
        found |= set(code.__globals__.get(table, ()))
    parts = [code.__code__, *code.__code__.co_consts]
    flat = [one for part in parts for one in (part if isinstance(part, tuple) else (part,))]
    return sorted(found | {one for one in flat if isinstance(one, str) and one.isidentifier()}
                  | {"hidden_layer_sizes", "hidden_units", "d_layers"})  # fmt: skip


def taken_or_said(card: Algorithm, given: dict[str, Any]) -> None:
    made, notes = card.translate(given)
    assert all(isinstance(one, str) for one in notes)
    with contextlib.suppress(ParamError):
        card.params.clean(made)


@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:12])
def test_whatever_stands_under_any_name_is_taken_or_said(name: str, value: Any) -> None:
    card = ALGORITHMS[name]
    for one in names(card):
        taken_or_said(card, {one: value})


@drawn(strategies.data())
def test_any_settings_are_taken_or_said(data: strategies.DataObject) -> None:
    card = ALGORITHMS[data.draw(strategies.sampled_from(sorted(ALGORITHMS)))]
    name = strategies.sampled_from(names(card))
    taken_or_said(card, data.draw(strategies.dictionaries(name, VALUES, max_size=4)))


@pytest.mark.parametrize("name", ["mlp", "jax", "deep_mlp"])
def test_widths_that_are_none_are_left_for_the_sentence(name: str) -> None:
    for odd in ([[1]], [True, True], [{"a": 1}], [8, 9], []):
        given = {"hidden_layer_sizes": odd}
        assert ALGORITHMS[name].translate(given) == (given, [])
        with pytest.raises(ParamError, match="no setting called 'hidden_layer_sizes'"):
            ALGORITHMS[name].params.clean(given)

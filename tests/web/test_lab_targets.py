"""What a column can be the target of, and how columns are handled: pure."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes import features
from recipes.algorithms import ALGORITHMS
from recipes.data.table import MOST_CLASSES
from recipes.tasks import TASKS
from trackside.lab import handling, targets
from trackside.lab.labels import label_of, learned_in_words
from trackside.lab.trouble import BadDesign

KINDS = tuple(features.KINDS)


def column(kind: str, distinct: int | None, missing: int = 0) -> dict[str, Any]:
    return {"name": "y", "type": kind, "distinct": distinct, "missing": missing}


@pytest.mark.parametrize(
    ("kind", "distinct", "missing", "task", "said"),
    [
        ("text", 2, 0, "two_class", "two values"),
        ("boolean", 2, 3, "two_class", "two values"),
        ("integer", 2, 0, "two_class", "two values"),
        ("number", 2, 0, "two_class", "two values"),
        ("text", 3, 0, "multiclass", "3 values"),
        ("integer", 10, 0, "multiclass", "10 values"),
        ("date", 5, 0, "multiclass", "5 values"),
        ("integer", 11, 0, "regression", "11 values"),
        ("integer", None, 0, "regression", "more than 100,000"),
        ("number", 3, 0, "regression", "a number"),
        ("text", 1, 0, "", "one value in all rows"),
        ("number", 1, 0, "", "one value in all rows"),
        ("text", 0, 100, "", "All values of 'y' are missing"),
        ("text", 2, 97, "", "Only 3 rows"),
        ("text", MOST_CLASSES + 1, 0, "", "201 values; a classification knows 200"),
        ("text", None, 0, "", "more than 100,000 values"),
        ("text", 100, 0, "", "100 classes and each has one row"),
        ("text", 7, 93, "", "7 classes and each has one row"),
        ("integer", 7, 93, "regression", "7 values"),
    ],
)
def test_the_task_is_suggested_by_type_and_distinct_values(
    kind: str, distinct: int | None, missing: int, task: str, said: str
) -> None:
    found = targets.suggest(column(kind, distinct, missing), 100)
    assert found.task == task
    assert said in found.why


@pytest.mark.parametrize(
    ("task", "kind", "distinct", "said"),
    [
        ("two_class", "text", 3, "Choose multiclass"),
        ("two_class", "integer", 88, "not two. Choose regression"),
        ("two_class", "text", 500, "500 values; a classification knows"),
        ("multiclass", "text", 2, ""),
        ("multiclass", "number", 500, "Choose regression"),
        ("regression", "integer", 2, ""),
        ("regression", "text", 9, "a regression predicts numbers"),
    ],
)
def test_a_task_that_the_target_cannot_have_is_refused(
    task: str, kind: str, distinct: int, said: str
) -> None:
    found = targets.refuse(task, column(kind, distinct), 1000)
    assert (said in found) if said else (found == "")


def test_the_limit_of_classes_is_the_engines() -> None:
    assert targets.MOST_CLASSES == MOST_CLASSES


@given(
    kind=st.sampled_from(KINDS),
    distinct=st.none() | st.integers(0, 100_000),
    missing=st.integers(0, 100),
)
def test_a_suggested_task_is_never_one_that_is_refused(
    kind: str, distinct: int | None, missing: int
) -> None:
    asked = column(kind, distinct, missing)
    found = targets.suggest(asked, 100)
    assert found.why
    assert not found.task or targets.refuse(found.task, asked, 100) == ""
    if not found.task:
        tasks = [name for name, card in TASKS.items() if card.data == "table"]
        assert all(targets.refuse(one, asked, 100) for one in tasks)


def wishes() -> st.SearchStrategy[dict[str, Any]]:
    values = {name: st.sampled_from(tuple(words)) for name, words in handling.OPTIONS.items()}
    values["max_categories"] = st.integers(1, 10_000)
    values["constant"] = st.sampled_from((0, 1.5, "3"))
    return st.fixed_dictionaries({}, optional=values)


@given(kind=st.sampled_from(KINDS), distinct=st.integers(1, 500), wish=wishes())
def test_what_is_stored_means_what_was_asked_and_stays_the_same(
    kind: str, distinct: int, wish: dict[str, Any]
) -> None:
    one = {**column(kind, distinct), "examples": ["a"]}
    try:
        kept = handling.clean([one], {"y": wish}, 1000)
    except BadDesign:
        return
    assert handling.clean([one], kept, 1000) == kept
    asked, stored = (handling.resolved([one], its, 1000)["y"] for its in ({"y": wish}, kept))
    reasons = {"why"}  # told only where nobody has decided
    assert {k: stored[k] for k in set(stored) - reasons} == {
        k: asked[k] for k in set(asked) - reasons
    }


@pytest.mark.parametrize(
    ("params", "label"),
    [
        ({}, "XGBoost"),
        ({"max_depth": 8}, "XGBoost (maximum depth of tree 8)"),
        ({"max_depth": 0}, "XGBoost (maximum depth of tree no limit)"),
        ({"patience": 5, "early_stopping": False}, "XGBoost (early stopping off)"),
    ],
)
def test_a_model_is_called_by_what_was_changed(params: dict[str, Any], label: str) -> None:
    whole = {**ALGORITHMS["xgboost"].params.defaults(), **params}
    assert label_of({"algorithm": "xgboost", "params": whole}).startswith(label)


@pytest.mark.parametrize(
    ("algorithm", "told", "label"),
    [
        ("ridge", {"params": {"intel": True}}, "Ridge regression (Intel's extension on)"),
        (
            "mlp",
            {"params": {"rounds": 20}},
            "Neural network (scikit-learn, maximum epochs 20)",
        ),
        ("xgboost", {"params": {"max_depth": 8}, "searched": True}, "XGBoost (searched)"),
        ("mlp", {"params": {}, "searched": True}, "Neural network (scikit-learn, searched)"),
    ],
)
def test_names_stay_names_and_stand_in_one_pair_of_brackets(
    algorithm: str, told: dict[str, Any], label: str
) -> None:
    params = {**ALGORITHMS[algorithm].params.defaults(), **told["params"]}
    assert label_of({**told, "algorithm": algorithm, "params": params}) == label


@pytest.mark.parametrize(
    ("learned", "said"),
    [
        ({"rounds": None, "device": "cpu"}, [("Learned on", "CPU")]),
        ({"rounds": 17, "device": "cuda:0"}, [("Epochs kept", "17"), ("Learned on", "GPU 0")]),
        (
            {"device": "cpu", "accelerated": False},
            [("Learned on", "CPU"), ("Intel's extension", "did not run")],
        ),
        (
            {"device": "cuda", "accelerated": True},
            [("Learned on", "GPU"), ("cuML", "ran")],
        ),
    ],
)
def test_what_a_model_became_is_said_in_words(
    learned: dict[str, Any], said: list[tuple[str, str]]
) -> None:
    assert learned_in_words({"learned": learned}, "epoch") == said

"""Which rows train and which judge: each once, classes in their shares, the past first."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipes.data.listing import BadData
from recipes.data.row_split import split_rows
from recipes.tasks.table_split import shares, sizes

TRAIN = {"policy": "random", "stratify": True, "train_share": 0.6, "validation_share": 0.2}


@settings(max_examples=60, deadline=None)
@given(
    classes=st.lists(st.integers(0, 3), min_size=12, max_size=80),
    seed=st.integers(0, 5),
    policy=st.sampled_from(["random", "kfold", "time"]),
)
def test_parts_are_disjoint_and_hold_each_row_once(
    classes: list[int], seed: int, policy: str
) -> None:
    chosen = {**TRAIN, "policy": policy, "seed": seed, "folds": 3}
    parts = split_rows(
        np.array(classes, np.float64), chosen, classes=0, time=np.arange(len(classes))
    )
    pieces = parts.folds or [parts.train, parts.val, parts.test]
    assert sorted(np.concatenate(pieces).tolist()) == list(range(len(classes)))
    if policy == "time":
        assert parts.train.max() < parts.val.min()


def test_each_class_has_its_share_in_every_part() -> None:
    values = np.array([0.0] * 90 + [1.0] * 10)
    for policy in ("random", "kfold"):
        chosen = {**TRAIN, "policy": policy, "seed": 1, "folds": 5}
        parts = split_rows(values, chosen, classes=2, time=None)
        for piece in parts.folds or [parts.train, parts.val, parts.test]:
            assert values[piece].mean() == pytest.approx(0.1)


@settings(max_examples=100, deadline=None)
@given(
    classes=st.lists(st.integers(0, 30), min_size=10, max_size=120),
    train=st.floats(0.1, 0.9),
    val=st.floats(0.05, 0.5),
    number=st.booleans(),
)
def test_parts_have_the_sizes_that_are_foreseen_and_every_class_trains(
    classes: list[int], train: float, val: float, number: bool
) -> None:
    values = np.unique(classes, return_inverse=True)[1].astype(np.float64)
    chosen = {**TRAIN, "train_share": train, "validation_share": val, "seed": 3}
    if not number and values.max() == 0:
        return
    try:
        parts = split_rows(
            values, chosen, classes=0 if number else int(values.max()) + 1, time=None
        )
    except BadData:
        assert len(set(classes)) == len(classes), "no class has a row to spare"
        return
    made = len(parts.train), len(parts.val), len(parts.test)
    foreseen = sizes(len(values), shares(chosen))
    spare = len(values) if number else len(values) - len(set(classes))
    if sum(foreseen[1:]) <= spare:
        assert made == foreseen
    if not number:
        assert set(values[parts.train]) == set(values)


@pytest.mark.parametrize(
    ("values", "classes", "wanted"),
    [(np.arange(20.0), 0, (16, 4, 0)), (np.repeat(np.arange(200.0), 2), 200, (320, 80, 0))],
)
def test_small_strata_together_have_their_share(values: Any, classes: int, wanted: Any) -> None:
    chosen = {**TRAIN, "train_share": 0.8, "seed": 1}
    parts = split_rows(values, chosen, classes=classes, time=None)
    assert (len(parts.train), len(parts.val), len(parts.test)) == wanted
    assert parts.notes == []


def test_a_test_part_without_a_row_is_told() -> None:
    chosen = {**TRAIN, "train_share": 0.78, "seed": 1}
    parts = split_rows(np.arange(20.0), chosen, classes=0, time=None)
    assert len(parts.test) == 0
    assert parts.notes[0].startswith("No row tests: 2% of 20 rows was to.")


@settings(max_examples=60, deadline=None)
@given(
    times=st.lists(st.integers(0, 6), min_size=5, max_size=60),
    train=st.floats(0.1, 0.9),
    val=st.floats(0.05, 0.5),
)
def test_rows_of_the_same_time_are_never_on_two_sides(
    times: list[int], train: float, val: float
) -> None:
    chosen = {"policy": "time", "train_share": train, "validation_share": val}
    when = np.array(times)

    def split() -> Any:
        return split_rows(np.arange(float(len(when))), chosen, classes=0, time=when)

    if len(set(times)) == 1:
        with pytest.raises(BadData, match="the same time"):
            split()
        return
    parts = split()
    pieces = [one for one in (parts.train, parts.val, parts.test) if len(one)]
    assert sorted(np.concatenate(pieces).tolist()) == list(range(len(when)))
    assert len(parts.val)
    for before, after in pairwise(pieces):
        assert when[before].max() < when[after].min()


def test_folds_are_checked_as_other_parts_are() -> None:
    chosen = {**TRAIN, "policy": "kfold", "seed": 1, "folds": 3}
    with pytest.raises(BadData, match="have one class only"):
        split_rows(np.array([0.0] * 11 + [1.0]), chosen, classes=2, time=None)
    parts = split_rows(np.array([0.0] * 6 + [1.0] * 6 + [2.0]), chosen, classes=3, time=None)
    assert parts.notes == [
        "1 of 3 classes have rows in one fold only: the model that judges them there never met "
        "them."
    ]


def test_a_target_with_one_row_a_class_is_told_apart_from_shares_that_are_too_small() -> None:
    with pytest.raises(BadData, match="8 classes and each has one row"):
        split_rows(np.arange(8.0), {**TRAIN, "seed": 1}, classes=8, time=None)

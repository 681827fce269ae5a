"""Which rows train and which judge: each once, classes in their shares, the past first."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipes.data.listing import BadData
from recipes.data.row_split import split_rows

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

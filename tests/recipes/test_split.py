"""Which pictures train, validate and test."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.data.listing import BadData, Row
from recipes.data.split import draw, split
from recipes.tasks import TASKS

DEFAULTS = TASKS["image_classification"].split.defaults()


def rows(*groups: tuple[str, str, int]) -> list[Row]:
    found = [(label, part) for label, part, count in groups for _ in range(count)]
    return [
        Row(
            number=number, path=f"{number}.png", file=Path(f"{number}.png"), split=part, label=label
        )
        for number, (label, part) in enumerate(found)
    ]


def numbers(found: list[Row]) -> list[int]:
    return [row.number for row in found]


@given(
    counts=st.lists(st.integers(2, 30), min_size=2, max_size=4),
    train=st.floats(0.1, 0.95),
    validation=st.floats(0.05, 0.9),
    seed=st.integers(0, 10),
)
def test_a_drawn_split_is_disjoint_complete_and_has_each_class_to_learn_from(
    counts: list[int], train: float, validation: float, seed: int
) -> None:
    given_ = rows(*((f"c{place}", "", count) for place, count in enumerate(counts)))
    settings = {"train_share": train, "validation_share": validation, "seed": seed}
    made = split(given_, {**DEFAULTS, "policy": "random", **settings})
    parts = numbers(made.train) + numbers(made.val) + numbers(made.test)
    assert sorted(parts) == numbers(given_)
    assert {row.label for row in made.train} == {row.label for row in given_}
    assert {row.label for row in made.val} == {row.label for row in given_}


@given(seed=st.integers(), order=st.randoms())
def test_a_draw_depends_on_the_seed_and_not_on_the_order_of_the_rows(seed: int, order: Any) -> None:
    given_ = rows(("a", "", 9), ("b", "", 5))
    mixed = list(given_)
    order.shuffle(mixed)
    assert draw(given_, [0.7, 0.3], seed) == draw(mixed, [0.7, 0.3], seed)


def test_the_datasets_own_parts_are_kept() -> None:
    made = split(
        rows(("a", "train", 3), ("b", "train", 3), ("a", "val", 1), ("b", "test", 1)), DEFAULTS
    )
    assert made.counts() == {"train": 6, "val": 1, "test": 1}
    assert made.notes == []


def test_without_a_validation_folder_some_of_train_is_drawn_and_test_stays() -> None:
    made = split(
        rows(("a", "train", 10), ("b", "train", 10), ("a", "test", 4), ("b", "test", 4)), DEFAULTS
    )
    assert made.counts() == {"train": 16, "val": 4, "test": 8}
    assert "no folder for validation: 4 pictures" in made.notes[0]


def test_a_dataset_without_parts_is_drawn_at_random_and_says_so() -> None:
    made = split(rows(("a", "", 10), ("b", "", 10)), DEFAULTS)
    assert made.counts() == {"train": 16, "val": 4}
    assert made.notes == ["The dataset has no parts of its own: they were drawn at random."]


def test_pictures_that_cannot_be_judged_are_left_out_with_a_note() -> None:
    made = split(
        rows(
            ("a", "train", 3), ("b", "train", 3), ("b", "val", 2), ("c", "val", 1), ("", "val", 2)
        ),
        DEFAULTS,
    )
    assert made.classes == ["a", "b"]
    assert made.notes == [
        "2 pictures have no label and are left out",
        "1 picture of val is left out: train has no picture of c.",
    ]


@pytest.mark.parametrize(
    ("given_", "sentence"),
    [
        (rows(("a", "", 5)), "only the class 'a'"),
        (rows(("", "", 5)), "no labelled picture"),
        (rows(("a", "", 1), ("b", "", 1)), "No picture is left to validate with"),
    ],
)
def test_data_that_cannot_be_split_is_refused_with_a_sentence(
    given_: list[Row], sentence: str
) -> None:
    with pytest.raises(BadData, match=sentence):
        split(given_, DEFAULTS)

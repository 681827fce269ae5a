"""What a person may set, and the sentence for each wrong value."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.algorithms import ALGORITHMS
from recipes.params import Choice, Flag, FromCatalogue, Number, Param, ParamError, Params, Whole

TRAINING = ALGORITHMS["backbone_classifier"].training
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def outcome(field: Param, raw: Any) -> tuple[Any, str]:
    """The clean value, or the sentence."""
    try:
        return field.clean(raw), ""
    except ValueError as wrong:
        return None, str(wrong)


@given(raw=JSON, low=st.integers(-50, 50), span=st.integers(0, 100), whole=st.booleans())
def test_a_number_lies_between_its_bounds_or_its_label_is_in_the_sentence(
    raw: Any, low: int, span: int, whole: bool
) -> None:
    field = Number(
        name="n", label="Rate", default=low, minimum=low, maximum=low + span, whole=whole
    )
    value, sentence = outcome(field, raw)
    if sentence:
        assert "'Rate' must" in sentence
    else:
        assert low <= value <= low + span
        assert math.isfinite(value)
        assert not whole or isinstance(value, int)


@given(raw=JSON)
def test_any_value_is_a_flag_a_choice_and_a_name_or_refused_with_a_sentence(raw: Any) -> None:
    options = (("a", "A", "First."), ("b", "B", "Second."))
    for field in (
        Flag(name="f", label="Shown", default=True),
        Choice(name="c", label="Shown", default="a", options=options),
        FromCatalogue(name="k", label="Shown", default="x", list="backbones"),
    ):
        value, sentence = outcome(field, raw)
        assert sentence.startswith("'Shown' must be") if sentence else field.clean(value) == value


@given(given_=st.dictionaries(st.sampled_from(list(TRAINING.defaults())), JSON, max_size=4))
def test_cleaned_values_are_clean(given_: dict[str, Any]) -> None:
    values, errors = TRAINING.defaults(), {}
    try:
        values = TRAINING.clean(given_)
    except ParamError as wrong:
        errors = wrong.errors
    assert errors.keys() <= given_.keys()
    assert TRAINING.clean(values) == values
    assert values.keys() == TRAINING.defaults().keys()


def test_an_unknown_setting_is_named_and_the_known_ones_are_listed() -> None:
    with pytest.raises(ParamError, match=r"no setting called 'epoch'\. Known: .*epochs"):
        TRAINING.clean({"epoch": 3})


def test_all_wrong_values_are_told_at_once() -> None:
    with pytest.raises(ParamError) as wrong:
        TRAINING.clean({"epochs": 0, "batch_size": "many"})
    assert wrong.value.errors == {
        "epochs": "'Epochs' must lie between 1 and 1000, not 0.",
        "batch_size": "'Batch size' must be a whole number, not 'many'.",
    }


def test_two_fields_of_one_name_are_refused() -> None:
    field = Whole(name="n", label="N", default=1, minimum=0, maximum=2)
    with pytest.raises(TypeError, match="same name"):
        Params((field, field))


def test_what_another_value_makes_idle_is_not_in_use_nor_what_hangs_on_it() -> None:
    card = ALGORITHMS["svm"].params
    linear = [one.name for one in card.in_use({"kernel": "linear", "gamma": "value"})]
    assert "gamma" not in linear
    assert "gamma_value" not in linear
    curved = [one.name for one in card.in_use({"kernel": "rbf", "gamma": "value"})]
    assert {"gamma", "gamma_value"} <= set(curved)


def test_a_setting_of_another_task_is_none_of_this_one() -> None:
    card = ALGORITHMS["xgboost"].params
    assert "loss" in card.of("regression").defaults()
    assert "loss" not in card.of("two_class").defaults()
    assert card.of("") == card

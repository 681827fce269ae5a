"""Whether a table has what a model learned from, in the types that it can be read as."""

import pytest

from recipes import drift

CASES = {  # learned, here, compared as text: does it fit?
    "a number that is whole now": ("number", "integer", False, True),
    "0 and 1 for no and yes": ("integer", "boolean", False, True),
    "a category of numbers that is yes and no now": ("integer", "boolean", True, False),
    "text that is yes and no now: true is written otherwise": ("text", "boolean", True, False),
    "text that is whole numbers now": ("text", "integer", True, True),
    "a date with a time": ("date", "datetime", False, True),
    "a category of dates with a time": ("date", "datetime", True, False),
    "all missing": ("number", None, False, True),
    "a category, all missing": ("boolean", None, True, True),
    "a number that is text now": ("number", "text", False, False),
}


@pytest.mark.parametrize("case", CASES)
def test_a_column_fits_where_its_values_mean_the_same(case: str) -> None:
    learned, here, written, fits = CASES[case]
    about = {
        "columns": [{"name": "x", "type": learned}],
        "features": {"x": {"type": "category" if written else "numeric"}},
    }
    said = drift.of_model(about, {"x": here, "more": "text"})
    assert said == "" if fits else f"'x' was {learned} and is {here}" in said


def test_columns_that_are_gone_are_named() -> None:
    said = drift.trouble({"a": "text", "b": "text"}, {"b": "text"})
    assert said == "The table lacks 1 of the 2 columns that the model learns from: 'a'."
    said = drift.trouble({f"c{n}": "text" for n in range(12)}, {}, table="the test set x")
    assert said.startswith("The test set x lacks 12 of the 12 columns")
    assert said.endswith("'c9' and 2 more.")

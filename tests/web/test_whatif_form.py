"""What the form of a made-up row says of it."""

from typing import Any

import pytest

from trackside.lab import whatif_form

NUMBER = {"name": "age", "steps": [17, 37.5, 90], "known": [], "whole": False}
DAY = {"name": "day", "steps": ["2024-01-01", "2024-12-31"], "known": [], "whole": False}
SOME = {"name": "land", "steps": [], "known": ["France", "Spain"], "whole": True}
MOST = {**SOME, "whole": False}  # others were seen too
YES = {"name": "paid", "steps": [], "known": [True], "whole": True}

STRANGE: list[tuple[dict[str, Any], Any, list[str]]] = [
    (NUMBER, 17, []),
    (NUMBER, 90.0, []),
    (NUMBER, None, []),
    (NUMBER, 500, ["age 500 (17 to 90 in training)"]),
    (NUMBER, -1.5, ["age -1.5 (17 to 90 in training)"]),
    (DAY, "2024-06-01", []),
    (DAY, "2031-06-01", ["day 2031-06-01 (2024-01-01 to 2024-12-31 in training)"]),
    (SOME, "Spain", []),
    (SOME, "Atlantis", ["land 'Atlantis' (not seen in training)"]),
    (MOST, "Italy", []),
    (YES, False, ["paid 'false' (not seen in training)"]),
]


@pytest.mark.parametrize(("column", "value", "said"), STRANGE)
def test_what_lies_beyond_the_training_is_named(
    column: dict[str, Any], value: Any, said: list[str]
) -> None:
    assert whatif_form.strange([column], {column["name"]: value}) == said

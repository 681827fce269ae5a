"""Trainings whose reports no test reads: each is made of all its parts, of few rows.

What shuffles, explains and draws a model asks it for most of what such a training costs.
"""

from collections.abc import Iterator

import pytest

from recipes.engine.tabular import attribution, effects


@pytest.fixture(scope="module", autouse=True)
def few_rows() -> Iterator[None]:
    """For all tests of a file that imports it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attribution, "ESTIMATED", attribution.LEAST)
        patch.setattr(attribution, "ROWS", 100)
        patch.setattr(effects, "MOST_ROWS", effects.LEAST_ROWS)
        patch.setattr(effects, "PARTIAL_ROWS", 50)
        yield

"""The Train dialog tells what the design page warns of: the first one whole, of others the name."""

from typing import Any

import pytest

from tests.web import lab_stage
from tests.web.test_lab_tables import HOME, ROWS, analysis, people
from trackside.lab.models import Analysis

__all__ = ["analysis", "people"]
pytestmark = pytest.mark.django_db
FRAGMENT = {"X-Fragment": "1"}


def test_it_tells_the_first_warning_and_names_others(analysis: Analysis, as_ada: Any) -> None:
    html = as_ada.get(f"{HOME}train/", headers=FRAGMENT).content.decode()
    warned = html.partition("data-warned")[2].partition("<fieldset")[0]
    assert f"<b>Few rows.</b> {ROWS} rows have a target." in warned
    assert f'Also: <a href="{HOME}design/target/">1 class has under 20 rows</a>.' in warned


def test_a_new_plan_does_not_ask_again(analysis: Analysis, as_ada: Any) -> None:
    """The script keeps what the dialog opened with; no choice in it changes the design."""
    lab_stage.node("cpu-01")
    html = as_ada.post(f"{HOME}train/plan/", {"mode": "cpu", "model": 0}).content.decode()
    assert 'data-part="plan"' in html
    assert "data-warned" not in html

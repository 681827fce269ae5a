"""Settings under names of other tools, laid over those that an analysis has already."""

from typing import Any

import pyarrow as pa
import pytest

from recipes.algorithms import ALGORITHMS
from recipes.tasks import TASKS
from tests.web import table_stage
from trackside.client.training import arranged
from trackside.lab import services
from trackside.lab.models import Analysis

pytestmark = pytest.mark.django_db
GIVEN: dict[str, dict[str, Any]] = {
    "n_estimators": {"n_estimators": 7},
    "eta": {"eta": 0.01},
    "shrinkage": {"shrinkage_rate": 0.01},
    "early": {"early_stopping_rounds": 5},
    "hidden": {"hidden_layer_sizes": [48, 48, 48]},
    "reg": {"lambda_l2": 3},
    "neighbours": {"n_neighbors": 9},
}


@pytest.fixture
def analysis(project: Any, ada: Any) -> Analysis:
    table = pa.table({"a": list(range(60)), "good": ["y", "n"] * 30})
    return services.create_analysis(
        project, ada, "t", table_stage.uploaded(project, ada, "rows", table), "good"
    )


def trained_with(analysis: Analysis, algorithm: str, given: dict[str, Any]) -> dict[str, Any]:
    """The model of the design after `client.train` with these."""
    change = arranged(analysis.design, algorithm, given)
    return dict(services.save_design(analysis, "models", change["models"]).design["models"][0])


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_what_was_given_wins_over_what_stood_there(
    analysis: Analysis, given: dict[str, Any]
) -> None:
    known = 0
    for name in TASKS["two_class"].algorithms:
        card = ALGORITHMS[name]
        wanted, notes = card.translate(given)
        if set(wanted) - {one.name for one in card.params.fields}:
            continue  # this one has no such setting
        known += 1
        services.save_design(analysis, "models", [{"algorithm": name, "params": {}}])
        made = trained_with(analysis, name, given)
        assert {**made["params"], **wanted} == made["params"], name
        assert made.get("notes", []) == notes
    assert known


def test_the_second_call_wins_over_the_first(analysis: Analysis) -> None:
    trained_with(analysis, "xgboost", {"eta": 0.01, "n_estimators": 7, "max_depth": 3})
    made = trained_with(analysis, "xgboost", {"eta": 0.05, "early_stopping_rounds": 4})
    params = made["params"]
    assert (params["learning_rate"], params["rounds"], params["max_depth"]) == (0.05, 7, 3)
    assert (params["patience"], params["early_stopping"]) == (4, True)
    assert "'eta' is called 'learning_rate' here, and is used instead of 0.01." in made["notes"]

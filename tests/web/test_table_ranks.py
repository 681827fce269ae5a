"""Several ranks for XGBoost on a table: with the owner's word, and for nothing else."""

from typing import Any

import pyarrow as pa
import pytest
from django.test import Client

from tests.web import table_stage
from trackside.compute.requests import BadCompute
from trackside.jobs.kinds import placed
from trackside.lab import services
from trackside.lab.models import Analysis

pytestmark = pytest.mark.django_db
ALONE = {"X-Fragment": "1"}  # as js/pages/train.js asks
GPUS = {"kind": "gpus", "uuids": ["GPU-1", "GPU-2"]}


@pytest.fixture
def allowed(settings: Any) -> None:
    settings.TRACKSIDE_XGBOOST_RANKS = True


@pytest.fixture
def analysis(project: Any, ada: Any) -> Analysis:
    table = pa.table({"a": list(range(60)), "b": ["x", "y", "z"] * 20, "good": ["y", "n"] * 30})
    return services.create_analysis(
        project, ada, "t", table_stage.uploaded(project, ada, "rows", table), "good"
    )


def spec(algorithm: str, **more: Any) -> dict[str, Any]:
    return {"task": "two_class", "algorithm": algorithm, **more}


@pytest.mark.parametrize("wish", [{"kind": "cpu", "ranks": 2}, GPUS, {"kind": "any", "count": 4}])
def test_xgboost_takes_as_many_as_were_chosen(allowed: None, wish: dict[str, Any]) -> None:
    assert placed(spec("xgboost"), wish) == wish


def test_a_table_is_one_process_where_nothing_is_said(allowed: None) -> None:
    assert placed(spec("xgboost"), {"kind": "cpu"}) == {"kind": "cpu", "ranks": 1}


@pytest.mark.parametrize("wish", [{"kind": "cpu", "ranks": 2}, GPUS, {"kind": "any", "count": 4}])
@pytest.mark.parametrize(
    "asked", [spec("random_forest"), spec("xgboost", bundle="models/1")], ids=["forest", "scoring"]
)
def test_nothing_else_does(allowed: None, asked: dict[str, Any], wish: dict[str, Any]) -> None:
    with pytest.raises(BadCompute):
        placed(asked, wish)


@pytest.mark.parametrize("name", ["deep_mlp", "ft_transformer"])
@pytest.mark.parametrize("wish", [{"kind": "cpu", "ranks": 2}, GPUS, {"kind": "any", "count": 4}])
def test_deep_networks_take_several_without_the_owners_word(
    name: str, wish: dict[str, Any]
) -> None:
    assert placed(spec(name), wish) == wish


@pytest.mark.parametrize("wish", [{"kind": "cpu", "ranks": 2}, GPUS, {"kind": "any", "count": 4}])
def test_a_scoring_is_shared_without_the_owners_word(wish: dict[str, Any]) -> None:
    """Its ranks speak by PyTorch alone, where the owner says."""
    asked = spec("xgboost", bundle="models/1")
    assert placed(asked, wish, "score") == wish
    with pytest.raises(BadCompute):
        placed(asked, wish, "evaluate")


def test_without_the_owners_word_the_sentence_says_how(settings: Any) -> None:
    for wish in ({"kind": "cpu", "ranks": 2}, GPUS):
        with pytest.raises(BadCompute, match="TRACKSIDE_XGBOOST_RANKS=1"):
            placed(spec("xgboost"), wish)


def test_the_dialog_asks_for_ranks_only_where_they_are_of_use(
    analysis: Analysis, as_ada: Client, settings: Any
) -> None:
    def shown() -> str:
        return as_ada.get("/p/INSECTS/lab/t/train/", headers=ALONE).content.decode()

    assert "One process with up to half" in shown()
    settings.TRACKSIDE_XGBOOST_RANKS = True
    assert '<select class="in num" id="ranks"' in shown()


def test_a_regularisation_that_a_gpu_cannot_is_refused_there() -> None:
    asked = spec("logistic_regression", params={"penalty": "l1"})
    with pytest.raises(BadCompute, match="Regularisation 'l1' learns on the CPU alone"):
        placed(asked, {"kind": "any"})
    assert placed(spec("logistic_regression"), {"kind": "any"}) == {"kind": "any"}

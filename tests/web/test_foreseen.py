"""What the Train dialog foresees of a table's training before one like it was measured."""

from typing import Any

import pyarrow as pa
import pytest
from django.test import Client

from tests.web import lab_stage, table_stage
from trackside.datasets.models import Dataset
from trackside.lab import estimates, services
from trackside.lab.models import Analysis

pytestmark = pytest.mark.django_db
MIB = 2**20


@pytest.fixture
def analysis(project: Any, ada: Any) -> Analysis:
    table = pa.table({"a": list(range(60)), "b": ["x", "y", "z"] * 20, "good": ["y", "n"] * 30})
    data = table_stage.uploaded(project, ada, "rows", table)
    Dataset.objects.filter(pk=data.pk).update(rows=1_000_000)
    return services.create_analysis(project, ada, "t", Dataset.objects.get(pk=data.pk), "good")


def need(analysis: Analysis, algorithm: str) -> Any:
    return estimates.need(analysis, {"algorithm": algorithm, "params": {}})


def test_memory_follows_rows_and_encoded_columns(analysis: Analysis) -> None:
    """A number and three categories with two for the missing and the rest: 6 columns."""
    found = need(analysis, "xgboost")
    assert found.basis.startswith("By formula, ±30%: 1,000,000 rows of 6 encoded columns")
    rows = 1_000_000 * (6 * 12 + 5 * 16 + 2 * (8 + 8 + 1))
    assert (found.bytes, found.spread) == (590 * MIB + rows, 0.3)
    analysis.design["split"] |= {"sampling": "random", "sample_rows": 1000}
    assert need(analysis, "xgboost").bytes < 591 * MIB


def test_what_is_not_honest_is_not_said(analysis: Analysis) -> None:
    assert need(analysis, "random_forest").bytes is None, "its trees grow with the rows"
    analysis.design["compute"] = {"kind": "any", "count": 1}
    assert need(analysis, "xgboost").bytes is None, "the memory of a GPU is another"


def test_what_grows_with_the_square_of_the_rows_says_so(analysis: Analysis, as_ada: Client) -> None:
    lab_stage.node("n", 0)
    models = [{"algorithm": name, "params": {}} for name in ("svm", "xgboost")]
    services.save_design(analysis, "models", models)

    def said() -> str:
        wish = {"mode": "cpu", "model": ["0", "1"]}
        return as_ada.post("/p/INSECTS/lab/t/train/plan/", wish).content.decode()

    assert "24,000 rows took 190 s on a CPU; 1,000,000 would take about" in said()
    services.save_design(analysis, "split", {"sampling": "random", "sample_rows": 5000})
    assert "square of the rows" not in said()

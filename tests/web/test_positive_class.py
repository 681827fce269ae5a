"""The positive class of two: chosen on the page and by REST, told where the figures are."""

from typing import Any

import pytest

from tests.web.test_api_lab_tables import HERE, create, people, rest
from tests.web.world import Rest
from trackside.jobs.models import Job
from trackside.lab.diagnostics_table import table_findings
from trackside.lab.models import Analysis
from trackside.lab.subjects import columns_of

__all__ = ["people", "rest"]
pytestmark = pytest.mark.django_db
PAGE = "/p/INSECTS/lab/earners/design/"


def test_it_is_chosen_on_the_target_page_and_named_by_the_metrics(rest: Rest, as_ada: Any) -> None:
    create(rest)
    html = as_ada.get(f"{PAGE}target/").content.decode()
    assert 'value="&gt;50K" checked' in html
    assert "the class &gt;50K" in as_ada.get(f"{PAGE}metrics/").content.decode()
    assert as_ada.post(f"{PAGE}target/", {"positive": "<=50K"}).status_code == 302
    assert 'value="&lt;=50K" checked' in as_ada.get(f"{PAGE}target/").content.decode()
    assert "the class &lt;=50K" in as_ada.get(f"{PAGE}metrics/").content.decode()
    answer = as_ada.post(f"{PAGE}target/", {"positive": "rich"})
    assert answer.status_code == 422
    assert "is no value of the target" in answer.content.decode()


def test_a_training_gets_it_only_where_one_was_named(rest: Rest) -> None:
    create(rest)
    body = {"compute": {"kind": "cpu"}}
    rest.call("POST", f"{HERE}/train", body)
    assert "positive" not in Job.objects.latest("pk").spec
    assert rest.call("PATCH", HERE, {"positive": "<=50K"}).json()["positive"] == "<=50K"
    rest.call("POST", f"{HERE}/train", body)
    assert Job.objects.latest("pk").spec["positive"] == "<=50K"
    design = rest.call("GET", HERE).json()
    assert rest.call("PATCH", HERE, design).status_code == 200  # it may come back whole


@pytest.mark.parametrize(("target", "positive"), [("income", "rich"), ("income", 1), ("pay", "1")])
def test_what_is_no_class_is_refused(rest: Rest, target: str, positive: Any) -> None:
    create(rest, target=target)
    answer = rest.call("PATCH", HERE, {"positive": positive})
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "positive"


def test_a_correction_that_takes_it_away_is_told_before_a_training(rest: Rest) -> None:
    create(rest)
    rest.call("PATCH", HERE, {"positive": ">50K"})
    Analysis.objects.update(design={**Analysis.objects.get().design, "positive": "rich"})
    analysis = Analysis.objects.get()
    found = table_findings(analysis.design, columns_of(analysis.dataset), analysis.dataset.rows)
    assert [one.title for one in found] == ["The target cannot be learned"]
    answer = rest.call("POST", f"{HERE}/train", {"compute": {"kind": "cpu"}})
    assert answer.status_code in (409, 422)
    assert "'rich' is no value of the target" in answer.json()["error"]["message"]

"""Calibration, lift and density of each of several classes against the others; which columns have
a partial dependence."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, RequestFactory

from tests.web import trained_tables
from tests.web.test_comparison import again, said
from tests.web.trained_tables import page
from trackside.accounts.models import User
from trackside.flow import evaluation_report
from trackside.lab import charts_probability, charts_values, document_charts, reports
from trackside.lab.entrants import of_model
from trackside.lab.models import TrainedModel
from trackside.projects.models import Project

PARTS = ("lift", "calibration", "density")
CUTS = ("Fair", "Good", "Ideal", "Premium", "Very Good")


@pytest.fixture
def cuts(learned: dict[str, Path], project: Project, ada: User) -> TrainedModel:
    """A model that tells five cuts of diamonds apart."""
    return trained_tables.placed(project, ada, learned["multiclass"])


def report_of(model: TrainedModel) -> dict[str, Any]:
    return reports.read(Path(settings.TRACKSIDE_STORAGE) / model.bundle)


def test_each_class_is_drawn_and_one_can_be_chosen(cuts: TrainedModel, as_cleo: Client) -> None:
    for tab in PARTS:
        html = page(as_cleo, cuts, tab)
        assert all(f'data-name="{name}"' in html for name in CUTS), tab
        one = page(as_cleo, cuts, tab, "?class=Ideal")
        assert "Ideal" in one, tab
        assert not any(f'data-name="{name}"' in one for name in CUTS if name != "Ideal"), tab


def test_the_figures_are_those_of_the_report(cuts: TrainedModel) -> None:
    told = report_of(cuts)
    (ideal,) = (one for one in told["per_class"] if one["name"] == "Ideal")
    (drawn,) = charts_probability.calibration(told, 0.0, [])
    rows = [row for row in drawn["rows"] if row[0] == "Ideal"]
    assert [row[3] for row in rows] == [f"{one['rows']:,}" for one in ideal["calibration"]]
    gains, tenths = charts_probability.lift(told, 0.0, ["Ideal"])
    assert gains["chart"]["guides"] == ["at random", "perfect"]
    assert sum(one["what"] == "bar" for one in tenths["chart"]["shapes"]) == 10
    spread = charts_probability.density(told, 0.0, [])
    assert [one["title"] for one in spread] == [f"Density of {name}" for name in CUTS]
    assert all(one["chart"]["guides"] == [] for one in spread)


def test_reports_of_before_have_no_such_tabs(cuts: TrainedModel, as_cleo: Client) -> None:
    told = report_of(cuts)
    for one in told["per_class"]:
        for part in PARTS:
            del one[part]
    del told["partial_left_out"]
    (Path(settings.TRACKSIDE_STORAGE) / cuts.bundle / "report.json").write_text(json.dumps(told))
    html = page(as_cleo, cuts, "roc")
    for tab in PARTS:
        assert f"trained-models/{cuts.pk}/{tab}/" not in html
        assert "Not for this model" in page(as_cleo, cuts, tab)
    assert "most important ones" in page(as_cleo, cuts, "partial")
    two = again(cuts)
    assert "Calibration curve" not in said(as_cleo, cuts.pk, two.pk)
    titles = {one.get("title") for one in document_charts.performance(of_model(cuts))}
    assert "ROC curve" in titles
    assert "Calibration curve" not in titles


def test_models_are_compared_by_the_class_that_is_looked_at(
    cuts: TrainedModel, as_cleo: Client
) -> None:
    two = again(cuts)
    html = said(as_cleo, cuts.pk, two.pk)
    assert "Calibration curve, Fair" in html
    assert "Cumulative gain, Fair" in html
    html = said(as_cleo, cuts.pk, two.pk, more="&class=Ideal")
    assert "Calibration curve, Ideal" in html
    assert "Share of Ideal found" in html


def test_the_document_and_an_evaluation_draw_them_too(cuts: TrainedModel) -> None:
    wanted = {"Calibration curve", "Cumulative gain", "Lift by tenth of the rows"}
    titles = {one.get("title") for one in document_charts.performance(of_model(cuts))}
    assert wanted | {f"Density of {name}" for name in CUTS} <= titles
    request = RequestFactory().get("/?class=Fair")
    drawn = evaluation_report._drawings(report_of(cuts), request)
    assert wanted | {"Density of Fair"} <= {one["title"] for one in drawn}


def test_the_page_says_which_columns_have_a_dependence(cuts: TrainedModel, as_cleo: Client) -> None:
    assert "all 9, the most important first" in page(as_cleo, cuts, "partial")
    told = {"partial": [{}] * 12, "partial_left_out": {"text": 1, "slow": 1200}}
    assert charts_values.which(told) == (
        "12 of 1,213 columns, the most important first. Left out: 1 of text, whose values have no "
        "order; 1,200 less important, which would have taken too long."
    )

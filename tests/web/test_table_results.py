"""Results of models of tables: every tab of each task, with the figures of its report."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from recipes.algorithms import ALGORITHMS
from recipes.tasks import TASKS
from tests.web import trained_tables
from tests.web.trained_tables import page
from trackside.accounts.models import User
from trackside.lab import charts_probability, reports, thresholds
from trackside.lab.drawing import Axis, Chart, axis, number, step_of
from trackside.lab.labels import spec_in_words
from trackside.lab.models import TrainedModel
from trackside.projects.models import Project

TABLE_TASKS = sorted(name for name, card in TASKS.items() if card.data == "table")
ALWAYS = {"summary", "training", "curves", "metrics", "predictions", "importance", "partial",
          "diagnostics"}  # fmt: skip
TABS = {
    "two_class": ALWAYS | {"confusion", "decision", "roc", "pr", "lift", "calibration", "density"},
    "multiclass": ALWAYS | {"confusion", "roc", "pr", "lift", "calibration", "density"},
    "regression": ALWAYS | {"scatter", "residuals", "deciles"},
}


def report_of(model: TrainedModel) -> dict[str, Any]:
    return reports.read(Path(settings.TRACKSIDE_STORAGE) / model.bundle)


@pytest.mark.parametrize("task", TABLE_TASKS)
def test_each_tab_of_a_task_renders_and_no_other_is_offered(
    task: str, learned: dict[str, Path], project: Project, ada: User, as_cleo: Client
) -> None:
    model = trained_tables.placed(project, ada, learned[task])
    summary = page(as_cleo, model, "summary")
    offered = set(re.findall(rf"trained-models/{model.pk}/(\w+)/[\"?]", summary)) | {"summary"}
    assert TABS[task] <= offered
    assert not (offered & (TABS["two_class"] | TABS["regression"])) - TABS[task]
    for tab in TABS[task]:
        said = page(as_cleo, model, tab)
        assert "pictures" not in said.lower(), tab
        assert tab == "training" or "None" not in re.sub(r"<[^>]+>", "", said), tab
    missing = next(iter((TABS["two_class"] | TABS["regression"]) - TABS[task]))
    assert "Not for this model" in page(as_cleo, model, missing)
    key = project.key
    assert as_cleo.get(f"/p/{key}/trained-models/{model.pk}/heat/").status_code == 404


def test_the_threshold_moves_the_matrix_and_its_figures(
    learned: dict[str, Path], project: Project, ada: User, as_ada: Client
) -> None:
    model = trained_tables.placed(project, ada, learned["two_class"])
    told = report_of(model)
    for asked in (0.0, 0.37, 1.0):
        said = page(as_ada, model, "confusion", f"?threshold={asked}")
        row = next(one for one in told["thresholds"] if one["threshold"] == asked)
        for place, name in (("00", "tn"), ("01", "fp"), ("10", "fn"), ("11", "tp")):
            assert re.search(rf'data-cell="{place}">{row[name]}<', said), (asked, name)
    own = page(as_ada, model, "confusion")
    assert f'value="{told["threshold"]:.2f}"' in own
    assert f'data-figure="f1">{told["metrics"]["f1"]:.3f}<' in own
    assert f'data-figure="recall">{told["metrics"]["recall"]:.3f}<' in own


@pytest.mark.parametrize("asked", ["nan", "-4", "x", "1e400", "", "0.333"])
def test_a_threshold_that_is_none_shows_a_page(
    asked: str, learned: dict[str, Path], project: Project, ada: User, as_ada: Client
) -> None:
    model = trained_tables.placed(project, ada, learned["two_class"])
    for tab in ("confusion", "decision", "density"):
        page(as_ada, model, tab, f"?threshold={asked}&tp={asked}")


def test_names_with_markup_stay_text(
    learned: dict[str, Path], project: Project, ada: User, as_ada: Client
) -> None:
    model = trained_tables.placed(project, ada, learned["two_class"])
    path = Path(settings.TRACKSIDE_STORAGE) / model.bundle / "report.json"
    told = json.loads(path.read_text())
    evil = "</script><b>x"
    text = json.dumps(told | {"classes": ["no", evil]}).replace('"sex"', json.dumps(evil))
    path.write_text(text)
    for tab in TABS["two_class"]:
        assert evil not in page(as_ada, model, tab), tab


@pytest.mark.parametrize("task", ["two_class", "regression"])
def test_settings_that_do_not_count_are_not_said(task: str) -> None:
    params = ALGORITHMS["xgboost"].params.defaults()
    told = spec_in_words({"task": task, "algorithm": "xgboost", "params": params})
    said = dict(dict(told)["Architecture"])
    assert ("Loss of a regression" in said) == (task == "regression")
    assert "Early stopping rounds" in said
    assert "Dropped trees" not in said


def test_a_cost_matrix_names_its_best_threshold() -> None:
    rows = [
        {"threshold": 0.0, "tp": 10, "fp": 90, "tn": 0, "fn": 0},
        {"threshold": 0.5, "tp": 8, "fp": 5, "tn": 85, "fn": 2},
        {"threshold": 1.0, "tp": 0, "fp": 0, "tn": 90, "fn": 10},
    ]
    gains = {"tp": 1.0, "fp": -1.0, "tn": 0.0, "fn": 0.0}
    assert thresholds.gain(rows[1], gains) == 3
    assert thresholds.best(rows, gains)["threshold"] == 0.5
    assert thresholds.best(rows, {**gains, "fp": 1.0})["threshold"] == 0.0


@given(st.tuples(*[st.integers(0, 1000)] * 4))
def test_figures_of_any_counts_are_shares(counts: tuple[int, int, int, int]) -> None:
    told = thresholds.figures(*counts)
    assert told.keys() == thresholds.FIGURES.keys()
    assert -1 <= told["mcc"] <= 1 + 1e-9
    assert all(0 <= value <= 1 for name, value in told.items() if name != "mcc")


finite = st.floats(-1e12, 1e12, allow_nan=False)


@given(st.lists(finite, min_size=1, max_size=40))
def test_an_axis_holds_its_values_and_its_ticks_are_few(values: list[float]) -> None:
    made = axis("x", values)
    room = made.high - made.low
    assert room > 0
    assert made.low <= min(values) + 1e-6 * room
    assert made.high >= max(values) - 1e-6 * room
    assert 2 <= len(made.ticks()) <= 10
    assert all(made.low - room / 1e6 <= at <= made.high + room / 1e6 for at, _ in made.ticks())


@pytest.mark.parametrize("most", [1.7e308, 1e308, 1e-310, 5e-324])
@pytest.mark.parametrize("least", [-1.7e308, -1e308, -5e-324, 0.0, 1.0])
def test_the_largest_and_smallest_numbers_have_an_axis(least: float, most: float) -> None:
    """As a column may hold: ticks one apart from -1e308 on would have no end."""
    for made in (axis("x", [least, most]), axis("x", [most, most]), axis("x", [least], zero=True)):
        assert math.isfinite(made.high - made.low)
        assert 2 <= len(made.ticks()) <= 10
        assert all(0 <= made.share(one) <= 1 for one in (least, most))


def test_a_line_of_one_point_is_a_dot() -> None:
    drawn = Chart("c", axis("x", [1.0]), axis("y", [0.95])).line("one epoch", [(1.0, 0.95)])
    assert len(drawn.lines[0]["dots"]) == 1


@given(st.lists(st.tuples(finite, finite), min_size=1, max_size=20))
def test_what_is_drawn_stays_inside_its_frame(points: list[tuple[float, float]]) -> None:
    chart = Chart("c", axis("x", [x for x, _ in points]), axis("y", [y for _, y in points]))
    drawn = chart.line("a", points).dots(points).drawn()
    places = [float(one) for one in drawn["lines"][0]["path"][1:].replace("L", " ").split()]
    assert all(drawn["left"] <= x <= drawn["right"] for x in places[::2])
    assert all(drawn["top"] <= y <= drawn["bottom"] for y in places[1::2])


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        (0.25, 0.05, "0.25"), (12_500, 2500, "12,500"), (-0.0, 1, "0"), (7.5, 2.5, "7.5"),
        (3.0e9, None, "3e+09"), (1234.5, None, "1,234"), (0.0, None, "0"), (0.1, 0.1, "0.1"),
    ],
)  # fmt: skip
def test_numbers_have_the_digits_that_tell_them_apart(
    value: float, step: float | None, text: str
) -> None:
    assert number(value, step) == text


def test_steps_are_round() -> None:
    assert [step_of(one) for one in (1, 6, 0.7, 100, 0)] == [0.2, 1, 0.2, 20, 1.0]
    assert Axis("Share").ticks()[0] == (0, "0.0")


def test_lift_is_read_between_the_points_of_its_curve() -> None:
    told = {
        "classes": ["no", "yes"], "rows": 100, "lift": [[0, 0], [0.5, 1.0], [1, 1]],
        "thresholds": [{"threshold": 0.0, "tp": 50, "fp": 50, "tn": 0, "fn": 0}],
    }  # fmt: skip
    gains, _ = charts_probability.lift(told, 0.5, [])
    assert gains["rows"][0] == ["10 %", "20.0 %", "2.00", "2.00"]
    assert gains["rows"][9] == ["100 %", "100.0 %", "1.00", "0.00"]


@pytest.mark.parametrize("task", TABLE_TASKS)
def test_figures_that_are_no_number_leave_the_pages_standing(
    task: str, learned: dict[str, Path], project: Project, ada: User, as_ada: Client
) -> None:
    model = trained_tables.placed(project, ada, learned[task])
    path = Path(settings.TRACKSIDE_STORAGE) / model.bundle / "report.json"
    told = json.loads(path.read_text())
    for one in told["importance"]["permutation"]["columns"]:
        one["value"] = one["share"] = None
    for one in told["partial"]:
        one["points"][0]["mean"] = [None] * len(told.get("classes", [])) or None
    for one in told["history"]:
        one["val_loss"] = None
    for one in told.get("deciles", []):
        one["mae"] = one["to"] = None
    told |= {"metrics": dict.fromkeys(told["metrics"]), "lift": [], "auc": None, "ap": None}
    if told.get("scatter"):
        told["scatter"][0] = [None, 1.0]
    path.write_text(json.dumps(told))
    for tab in TABS[task]:
        page(as_ada, model, tab)


def test_a_cross_test_shows_its_spread_a_test_set_its_figures_and_one_round_no_curve(
    learned: dict[str, Path], project: Project, ada: User, as_ada: Client
) -> None:
    model = trained_tables.placed(project, ada, learned["regression"])
    path = Path(settings.TRACKSIDE_STORAGE) / model.bundle / "report.json"
    told = json.loads(path.read_text())
    told["history"] = told["history"][:1]
    told["folds"] = {"r2": {"mean": 0.9, "std": 0.0321, "each": [0.9]}}
    told["test"] = {"metrics": {"r2": 0.8765}, "rows": 10}
    path.write_text(json.dumps(told))
    said = page(as_ada, model, "metrics")
    assert "0.032" in said
    assert "0.876" in said or "0.877" in said
    assert "by a cross-test" in page(as_ada, model, "summary")
    assert "learns in one go" in page(as_ada, model, "curves")

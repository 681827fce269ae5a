"""What the report of a model of a table says, and that its figures are right."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

from recipes.engine.peers import Peers
from recipes.engine.tabular import figures, outcome
from recipes.engine.tabular import report as reports
from recipes.job import read
from recipes.kinds import KINDS
from recipes.tasks import TASKS
from tests.recipes import tabling
from tests.recipes.making import events


def report(home: Path, table: pa.Table, target: str, **changes: Any) -> dict[str, Any]:
    folder = tabling.job(home, tabling.dataset(home / "data", table), target, **changes)
    KINDS["train"].run(read(folder), folder, Peers(0, 1, torch.device("cpu")))
    (finished,) = events(folder, "finished")
    task = TASKS[json.loads((folder / "job.json").read_text())["spec"]["task"]]
    assert finished["metrics"].keys() == task.metrics.keys()
    made: dict[str, Any] = json.loads((folder / "bundle" / "report.json").read_text())
    assert made["definitions"].keys() == task.metrics.keys()
    return made


def told(made: dict[str, Any], kind: str) -> str:
    return " ".join(one["text"] for one in made["diagnostics"] if one["kind"] == kind)


def test_titanic_finds_that_alive_tells_survived(tmp_path: Path) -> None:
    made = report(tmp_path, tabling.real("titanic"), "survived", spec={"params": {"rounds": 10}})
    assert "The column 'alive' alone predicts the target" in told(made, "leakage")
    assert "'sex'" not in told(made, "leakage")
    twins = told(made, "twins")
    assert "'pclass' and 'class' say the same" in twins
    assert "'embarked' and 'embark_town' say the same" in twins
    assert "'sex'" not in twins
    assert made["importance"]["permutation"]["columns"][0]["name"] == "alive"
    assert made["importance"]["model"]["columns"][0]["share"] > 0.9
    assert made["partial"][0]["name"] == "alive"
    points = {one["value"]: one["mean"][1] for one in made["partial"][0]["points"]}
    assert points["yes"] > points["no"] + 0.3


def test_two_classes_are_shown_at_every_threshold(tmp_path: Path) -> None:
    features = {"alive": {"role": "ignore"}}
    made = report(tmp_path, tabling.real("titanic"), "survived", spec={"features": features})
    assert told(made, "leakage") == ""
    assert len(made["thresholds"]) == 101
    assert {sum(one[name] for name in ("tp", "fp", "tn", "fn")) for one in made["thresholds"]} == {
        made["rows"]
    }
    assert sum(map(sum, made["confusion"])) == made["rows"]
    assert sum(one["rows"] for one in made["calibration"]) == made["rows"]
    assert made["lift"][-1] == [1.0, 1.0]
    assert sum(sum(one) for one in made["density"]["counts"].values()) == made["rows"]


def test_several_classes_have_a_confusion_and_curves_each(tmp_path: Path) -> None:
    table = tabling.real("diamonds").slice(0, 6000)
    spec = {"params": {"rounds": 3}}
    made = report(tmp_path, table, "cut", task="multiclass", spec=spec)
    assert [one["name"] for one in made["per_class"]] == made["classes"]
    assert len(made["confusion"]) == len(made["classes"]) == 5


def test_a_regression_shows_its_residuals(tmp_path: Path) -> None:
    table = tabling.real("taxis").slice(0, 3000)
    spec = {"params": {"rounds": 20}}
    made = report(tmp_path, table, "total", task="regression", spec=spec)
    assert made["metrics"]["r2"] > 0.8
    assert len(made["deciles"]) == 10
    assert sum(made["residuals"]["counts"]) == made["rows"]
    assert len(made["scatter"]) == min(1000, made["rows"])


def test_what_is_learned_by_heart_and_what_is_rare_is_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = {f"n{one}": rng.normal(size=300) for one in range(20)}
    good = np.where(rng.random(300) < 0.5, "y", "n")
    made = report(tmp_path / "noise", pa.table({**noise, "good": good}), "good")
    assert "learned them by heart" in told(made, "overfit")
    rare = pa.table({**noise, "good": ["y"] * 6 + ["n"] * 294})
    made = report(tmp_path / "rare", rare, "good")
    assert "'y' has 6 rows, 2.0% of all" in told(made, "imbalance")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 20)), min_size=4, max_size=50))
def test_two_class_figures_are_scikit_learns(rows: list[tuple[int, int]]) -> None:
    true = np.array([one for one, _ in rows])
    proba = np.array([one / 20 for _, one in rows])
    if len(set(true.tolist())) < 2:
        return
    made = figures.two_class(true, proba, 0.4)
    said = proba >= 0.4
    assert made["accuracy"] == pytest.approx(theirs.accuracy_score(true, said))
    assert made["f1"] == pytest.approx(theirs.f1_score(true, said, zero_division=0))
    assert made["mcc"] == pytest.approx(theirs.matthews_corrcoef(true, said))
    assert made["roc_auc"] == pytest.approx(theirs.roc_auc_score(true, proba))
    assert made["brier"] == pytest.approx(theirs.brier_score_loss(true, proba))
    best = figures.best_threshold(true, proba, "accuracy")
    at_best = figures.two_class(true, proba, best)["accuracy"]
    assert at_best is not None
    for other in (0.0, 0.3, 0.5, 1.0):
        assert at_best >= theirs.accuracy_score(true, proba >= other) - 1e-12


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0.1, 1e3), st.floats(0.1, 1e3)), min_size=3, max_size=30))
def test_regression_figures_are_scikit_learns(rows: list[tuple[float, float]]) -> None:
    true, said = np.array(rows).T
    if true.std() < 1e-3:
        return
    made = figures.regression(true, said)
    assert made["r2"] == pytest.approx(theirs.r2_score(true, said))
    assert made["rmse"] == pytest.approx(theirs.root_mean_squared_error(true, said))
    assert made["mae"] == pytest.approx(theirs.mean_absolute_error(true, said))
    assert made["mape"] == pytest.approx(theirs.mean_absolute_percentage_error(true, said))
    assert made["explained_variance"] == pytest.approx(
        theirs.explained_variance_score(true, said), abs=1e-9
    )
    log = theirs.root_mean_squared_log_error(true, said)
    assert made["rmsle"] == pytest.approx(log)


def test_rows_of_the_same_probability_are_one_step_of_the_lift() -> None:
    proba = np.array([0.2, 0.8, 0.8, 0.8, 0.8])
    given = np.stack([1 - proba, proba], 1)
    wanted = [[0, 0], [0.8, 1], [1, 1]]
    for true in ([0, 1, 1, 0, 0], [0, 0, 0, 1, 1]):
        made = reports.make("two_class", np.array(true, np.float64), given, ["n", "y"], None)
        assert made["lift"] == wanted


@pytest.mark.parametrize("errors", [[0.0], [1e16, 1e16 + 2], [1e300, 1e300], [3.0, 5.0, 5.0]])
def test_errors_of_any_size_have_a_histogram(errors: list[float]) -> None:
    made = reports.make("regression", np.zeros(len(errors)), np.array(errors), [], None)
    found = made["residuals"]
    assert len(found["edges"]) == len(found["counts"]) + 1
    assert sum(found["counts"]) == len(errors)


def test_judged_rows_stand_worst_first_whatever_the_threshold() -> None:
    true, proba = np.array([1.0, 0, 1, 0, 1]), np.array([0.2, 0.1, 0.9, 0.7, 0.2])
    given = np.stack([1 - proba, proba], 1)
    assert outcome.worst_first(true, given).tolist() == [0, 4, 3, 1, 2]
    assert outcome.worst_first(true, np.array([1.0, 3, -1, 0, 1])).tolist() == [1, 2, 0, 3, 4]


def test_each_class_is_calibrated_lifted_and_spread_as_if_the_others_were_one() -> None:
    classes = ["a", "b", "c", "never"]
    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, 500).astype(np.float64)
    given = rng.dirichlet(np.ones(4), 500)
    made = reports.make("multiclass", true, given, classes, None)
    for place, one in enumerate(made["per_class"][:3]):
        two = np.stack([1 - given[:, place], given[:, place]], 1)
        alone = reports.make("two_class", (true == place) * 1.0, two, ["rest", "it"], 0.5)
        assert (one["calibration"], one["lift"]) == (alone["calibration"], alone["lift"])
        counts = {"rest": one["density"]["others"], "it": one["density"]["own"]}
        assert {"edges": one["density"]["edges"], "counts": counts} == alone["density"]
    assert not {"calibration", "lift", "density"} & made["per_class"][3].keys()

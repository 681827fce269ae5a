"""The learning curve by training-set size: its points, their rows, and what it must not spoil."""

import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recipes.engine.tabular import fitting, learning_curve
from recipes.job import GaveWay
from tests.recipes import tabling
from tests.recipes.making import events
from tests.recipes.tabling import small, train

SHARES = [0.1, 0.25, 0.5, 0.75, 1.0]


def curve_of(folder: Path) -> Any:
    return json.loads((folder / "bundle" / "report.json").read_text())["learning"]


def curved(home: Path, **spec: Any) -> Path:
    changes = {name: spec.pop(name) for name in ("algorithm", "task") if name in spec}
    table = spec.pop("table", None)
    made = small(400) if table is None else table
    return train(home, made, spec={"learning_curve": True, **spec}, **changes)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return curved(tmp_path_factory.mktemp("asked"))


def test_without_being_asked_nothing_is_fitted_twice(tmp_path: Path) -> None:
    folder = train(tmp_path, small(), spec={"refit": False})
    assert curve_of(folder) is None
    names = dict.fromkeys(one["name"] for one in events(folder, "phase"))
    assert list(names) == ["read", "train", "report"]


def test_each_part_of_the_rows_gets_a_point_and_the_last_one_is_the_model(asked: Path) -> None:
    curve, (finished,) = curve_of(asked), events(asked, "finished")
    assert curve["order"] == "random"
    assert [one["share"] for one in curve["points"]] == SHARES
    rows = finished["facts"]["rows"]["train"]
    assert [one["rows"] for one in curve["points"]] == [round(rows * one) for one in SHARES]
    last = curve["points"][-1]
    assert last["val"] == finished["metrics"]
    assert last["seconds"] is None
    assert all(one["seconds"] >= 0 for one in curve["points"][:-1])
    assert last["train"]["roc_auc"] > 0.95
    assert curve["points"][0]["val"]["roc_auc"] < last["val"]["roc_auc"]


def test_the_curve_changes_nothing_of_the_model(asked: Path, tmp_path: Path) -> None:
    plain = train(tmp_path, small(400))
    model = "bundle/model.ubj"
    assert (plain / model).read_bytes() == (asked / model).read_bytes()
    told = [[one["epoch"] for one in events(each, "epoch")] for each in (plain, asked)]
    assert told[1][-1] == told[0][-1] == 5
    reports = [json.loads((one / "bundle" / "report.json").read_text()) for one in (plain, asked)]
    assert [len(one["history"]) for one in reports] == [5, 5]


def test_the_report_is_told_step_by_step_with_the_time_that_is_left(asked: Path) -> None:
    told = [one for one in events(asked, "progress") if one["unit"] == "step"]
    assert {int(one["done"]) for one in told} == set(range(6))
    assert [one["of"] for one in told] == [6] * len(told)
    assert all(one["eta"] > 0 for one in told)
    assert [one["share"] for one in told] == sorted(one["share"] for one in told)
    said = [one["text"] for one in events(asked, "phase") if one["name"] == "report"]
    assert (said[0], said[-1]) == ("Judging the model.", "Writing the model.")
    assert said[1] == "Explaining the model: how much it needs each column."


def test_its_progress_is_told_over_all_its_fits(asked: Path) -> None:
    told = [one for one in events(asked, "progress") if one["unit"] == "point"]
    assert (told[-1]["done"], told[-1]["of"]) == (4, 4)
    share = [one["share"] for one in events(asked, "progress")]
    assert share == sorted(share)
    assert share[0] < told[0]["share"] < told[-1]["share"] < share[-1] <= 1  # then the report
    said = [one["text"] for one in events(asked, "phase")]
    assert "Learning curve: 80 of 320 training rows." in said


def test_a_split_by_time_takes_the_newest_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(one * 7 % 400) for one in range(400)]
    learned: list[Any] = []
    run = fitting.Fit.run

    def running(fit: fitting.Fit, rows: Any, *given: Any, **more: Any) -> Any:
        learned.append(rows)
        return run(fit, rows, *given, **more)

    monkeypatch.setattr(fitting.Fit, "run", running)
    spec = {"split": {"policy": "time"}, "features": {"day": {"role": "time"}}, "refit": False}
    folder = curved(tmp_path, table=small(400, day=days), **spec)
    assert curve_of(folder)["order"] == "newest"
    whole, few = (sorted(days[one] for one in rows) for rows in learned[:2])
    assert few == whole[-len(few) :]


def test_a_cross_test_draws_the_curve_of_its_first_fold(tmp_path: Path) -> None:
    folder = curved(tmp_path, split={"policy": "kfold", "folds": 4})
    points = curve_of(folder)["points"]
    assert [one["rows"] for one in points] == [30, 75, 150, 225, 300]
    folds = json.loads((folder / "bundle" / "report.json").read_text())["folds"]
    assert points[-1]["val"]["roc_auc"] == pytest.approx(folds["roc_auc"]["each"][0])


def test_a_rare_class_is_in_each_part(tmp_path: Path) -> None:
    rare = ["y" if one % 20 == 0 else "n" for one in range(600)]
    folder = curved(tmp_path, table=small(600, good=rare))
    assert [one["share"] for one in curve_of(folder)["points"]] == SHARES


def test_a_point_that_cannot_be_fitted_is_left_out_and_said(tmp_path: Path) -> None:
    folder = curved(tmp_path, algorithm="knn", params={"neighbours": 100})
    assert [one["share"] for one in curve_of(folder)["points"]] == [0.5, 0.75, 1.0]
    notes = [one["text"] for one in events(folder, "note")]
    assert any("no point at 80 rows: K is 100" in one for one in notes)


@pytest.mark.parametrize("word", ["finish_early", "yield"])
def test_an_order_ends_the_curve(
    tmp_path: Path, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tabling.dataset(tmp_path / "data", small(400))
    spec = {**tabling.QUICK, "learning_curve": True}
    folder = tabling.job(tmp_path, data, "good", spec=spec)
    point = learning_curve._point

    def made(*given: Any) -> Any:
        (folder / "stop").write_text(word)
        monkeypatch.setattr(learning_curve, "_point", point)
        return point(*given)

    monkeypatch.setattr(learning_curve, "_point", made)
    if word == "yield":
        with pytest.raises(GaveWay):
            tabling.run(folder)
        return
    tabling.run(folder)
    assert [one["share"] for one in curve_of(folder)["points"]] == [0.1, 1.0]
    assert events(folder, "finished")


def test_a_regression_has_one_too(tmp_path: Path) -> None:
    numbers = np.linspace(0, 50, 400) + np.random.default_rng(0).normal(size=400)
    folder = curved(tmp_path, table=small(400, good=numbers), task="regression")
    assert set(curve_of(folder)["points"][0]["val"]) >= {"r2", "rmse", "mae"}

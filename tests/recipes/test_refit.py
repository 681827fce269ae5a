"""The model that learns from all rows at last: what it is, and what it does not judge."""

from pathlib import Path
from typing import Any

import pytest

from recipes.engine.tabular import fitting
from recipes.engine.tabular.model import load
from tests.recipes import tabling
from tests.recipes.making import events
from tests.recipes.tabling import about, report, small


@pytest.fixture(scope="module")
def boosted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same training with refit, as it is by itself, and without."""
    spec = {"split": {"train_share": 0.6}, "params": {"rounds": 40, "patience": 3}}
    made = []
    for name, more in (("with", {}), ("without", {"refit": False})):
        home = tmp_path_factory.mktemp(name)
        made.append(tabling.train(home, small(200), spec={**spec, **more}))
    return made[0], made[1]


def test_the_final_model_has_learned_from_the_validation_rows_too(
    boosted: tuple[Path, Path],
) -> None:
    with_, without = (about(one) for one in boosted)
    assert (with_["refit"], without["refit"]) == (True, False)
    assert [report(one)["refit"] for one in boosted] == [True, False]
    assert with_["learned"]["rounds"] == without["learned"]["rounds"]
    models = [(one / "bundle" / "model.ubj").read_bytes() for one in boosted]
    assert models[0] != models[1]
    assert with_["judged"] == without["judged"]


def test_the_losses_told_at_the_end_are_those_of_the_round_that_is_kept(tmp_path: Path) -> None:
    spec = {"params": {"rounds": 60, "patience": 5, "learning_rate": 0.8}}
    folder = tabling.train(tmp_path, small(), spec=spec)
    finished, model = events(folder, "finished")[0], about(folder)
    kept, last = finished["kept"], report(folder)["history"][-1]
    assert kept["epoch"] == model["learned"]["rounds"] == finished["facts"]["best_epoch"]
    assert kept["val_loss"] == pytest.approx(model["metrics"]["log_loss"], rel=1e-4)
    assert last["epoch"] > kept["epoch"]
    assert last["val_loss"] > kept["val_loss"]


def test_what_judges_the_validation_rows_is_the_first_model_and_the_test_rows_the_final_one(
    boosted: tuple[Path, Path],
) -> None:
    with_, without = (about(one) for one in boosted)
    assert with_["metrics"] == without["metrics"]
    assert with_["threshold"] == without["threshold"]
    assert with_["test_metrics"] != without["test_metrics"]
    histories = [[one["val_loss"] for one in report(each)["history"]] for each in boosted]
    assert histories[0] == histories[1]
    files = [(one / "bundle" / "predictions.parquet").read_bytes() for one in boosted]
    assert files[0] == files[1]


def test_finished_early_nothing_more_is_learned(tmp_path: Path) -> None:
    data = tabling.dataset(tmp_path / "data", small(200))
    folder = tabling.job(tmp_path, data, "good", spec=tabling.QUICK)
    (folder / "stop").write_text("finish_early")
    tabling.run(folder)
    assert not about(folder)["refit"]


def test_a_forest_learns_all_its_trees_again_from_all_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, run = list[int](), fitting.Fit.run

    def running(fit: fitting.Fit, rows: Any, *given: Any, **more: Any) -> Any:
        sizes.append(len(rows))
        return run(fit, rows, *given, **more)

    monkeypatch.setattr(fitting.Fit, "run", running)
    spec = {"params": {"trees": 7}}
    folder = tabling.train(tmp_path, small(100), algorithm="random_forest", spec=spec)
    assert sizes == [80, 100]
    model: Any = load(folder / "bundle", threads=1).learner
    assert len(model._model.estimators_) == 7
    assert about(folder)["features"]["colour"]["encoding"] == "ordinal"

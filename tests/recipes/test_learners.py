"""Every algorithm for tables: it trains on real data, and its bundle predicts as it did then."""

import datetime
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from recipes.algorithms import ALGORITHMS
from recipes.engine.peers import Peers
from recipes.engine.tabular import fitting, outcome
from recipes.engine.tabular.model import Model, load
from recipes.job import read
from recipes.kinds import KINDS
from recipes.learners.learner import Rows, Setup, Told, WrongDevice
from tests.recipes import boosting, tabling
from tests.recipes.adult_cases import CASES
from tests.recipes.brief import few_rows
from tests.recipes.making import events

__all__ = ["few_rows"]
ALONE = torch.device("cpu")
LEAST = {"threads": 1}  # on cores that others use, LightGBM's threads wait for each other, busily


class Trained(NamedTuple):
    """A job that has run, and the model as it was in memory when it was written."""

    home: Path
    table: pa.Table
    model: Model

    @property
    def bundle(self) -> Path:
        return self.home / "job" / "bundle"


def run(folder: Path, kind: str) -> None:
    KINDS[kind].run(read(folder), folder, Peers(0, 1, ALONE))


@pytest.fixture(scope="module", params=CASES)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    target, task, rows, params, _ = CASES[request.param]
    home = tmp_path_factory.mktemp(request.param)
    table = tabling.real("adult").slice(0, rows)
    data = tabling.dataset(home / "data", table)
    spec = {"params": params, "refit": False}
    folder = tabling.job(
        home, data, target, task=task, algorithm=request.param, spec=spec, compute=LEAST
    )
    kept: list[Model] = []
    publish = outcome.publish

    def keeping(fit: fitting.Fit, ended: outcome.Ended, used: dict[str, Any]) -> None:
        kept.append(ended.model)
        publish(fit, ended, used)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outcome, "publish", keeping)
        run(folder, "train")
    return Trained(home, table, kept[0])


def test_each_algorithm_for_tables_is_tried_on_adult() -> None:
    assert set(CASES) == {name for name, card in ALGORITHMS.items() if card.learner is not None}


def test_it_learns(trained: Trained, request: pytest.FixtureRequest) -> None:
    algorithm = json.loads((trained.bundle / "model.json").read_text())["algorithm"]
    (finished,) = events(trained.home / "job", "finished")
    assert finished["score"] >= CASES[algorithm][-1]
    assert finished["score"] == finished["metrics"][finished["metric"]]
    assert finished["facts"]["rows"]["train"] > finished["facts"]["rows"]["val"]
    proof = finished["facts"]["proof"]
    assert (proof["agrees"], proof["on"], proof["rows"]) == (True, "cpu", 200), proof


def test_the_bundle_predicts_as_the_model_did_in_memory(trained: Trained) -> None:
    strange = _strange(trained.table.slice(0, 300).select(_inputs(trained)))
    loaded = load(trained.bundle, threads=1)
    for rows in (trained.table.slice(300, 300), strange):
        rows = rows.select(_inputs(trained))
        given = loaded.predict(rows)
        assert np.isfinite(given).all()
        np.testing.assert_allclose(given, trained.model.predict(rows), rtol=1e-6, atol=1e-9)


def test_a_score_job_says_of_the_validation_rows_what_the_training_said(trained: Trained) -> None:
    data = {"folder": str(trained.home / "data"), "fingerprint": "x"}
    folder = tabling.score_job(trained.home, trained.bundle, data)
    run(folder, "score")
    scored = pq.read_table(folder / "output" / "table.parquet")
    assert scored.column_names[: trained.table.num_columns] == trained.table.column_names
    known = pq.read_table(trained.bundle / "predictions.parquet")
    rows = scored.take(known.column("number"))
    for name in known.column_names[2:]:
        if pa.types.is_string(known.column(name).type):
            assert rows.column(name).equals(known.column(name))
        else:
            given, then = rows.column(name).to_numpy(), known.column(name).to_numpy()
            np.testing.assert_allclose(given, then, rtol=1e-6, atol=1e-9)
    (finished,) = events(folder, "finished")
    assert finished["rows"] == len(trained.table)
    assert [one["name"] for one in finished["columns"]] == scored.column_names


def test_the_bundle_holds_no_pickle(trained: Trained) -> None:
    for file in trained.bundle.iterdir():
        assert file.suffix in {
            ".json",
            ".ubj",
            ".cbm",
            ".txt",
            ".parquet",
            ".skops",
            ".safetensors",
        }
        assert not file.read_bytes()[:2].startswith(b"\x80")


EACH = [
    (name, task, policy)
    for name, card in ALGORITHMS.items()
    if card.learner is not None
    for task in card.tasks
    for policy in ("random", "kfold")
    if (name, policy) != ("tensorflow", "kfold")  # each fit is traced anew, and Keras was tried
]


@pytest.mark.parametrize(("name", "task", "policy"), EACH)
def test_every_algorithm_solves_each_of_its_tasks(
    tmp_path: Path, name: str, task: str, policy: str
) -> None:
    """On a small, nasty table: gaps, a class of two rows, weights, dates, words."""
    table, score = _nasty(task)
    settings = ALGORITHMS[name].params.defaults()
    few = {key: 8 for key in ("rounds", "trees") if key in settings}
    if name in ("mlp", "catboost"):
        few = {"rounds": 60}
    if name in ("deep_mlp", "ft_transformer"):
        few = {"rounds": 12, "width": 16, "learning_rate": 0.01}
    spec = {
        "params": few,
        "metric": "accuracy" if task == "multiclass" else None,
        "weights": "weight",
        "features": {"words": {"role": "input", "type": "text"}},
        "split": {"policy": policy, "folds": 3},
    }
    data = tabling.dataset(tmp_path / "data", table)
    folder = tabling.job(
        tmp_path, data, "target", task=task, algorithm=name, spec=spec, compute=LEAST
    )
    run(folder, "train")
    (finished,) = events(folder, "finished")
    assert finished["score"] > score
    assert finished["facts"]["proof"]["agrees"], finished["facts"]["proof"]
    run(tabling.score_job(tmp_path, folder / "bundle", data), "score")
    scored = pq.read_table(tmp_path / "score" / "output" / "table.parquet")
    assert scored.column("prediction").null_count == 0


FORMS: list[tuple[str, dict[str, Any]]] = [
    ("two_class", {"booster": "dart"}),
    ("two_class", {"tree_method": "approx"}),
    ("two_class", {"tree_method": "exact"}),
    ("two_class", {"grow_policy": "lossguide", "max_leaves": 8, "max_depth": 0}),
    ("two_class", {"early_stopping": False, "subsample": 0.5, "colsample_bylevel": 0.5}),
    ("regression", {"loss": "absolute", "learning_rate": 0.5}),
]


@pytest.mark.parametrize(("task", "params"), FORMS)
def test_xgboost_learns_in_each_of_its_forms(
    tmp_path: Path, task: str, params: dict[str, Any]
) -> None:
    table, _ = _nasty(task)
    spec = {"params": {"rounds": 30, **params}, "metric": "mae" if task == "regression" else None}
    data = tabling.dataset(tmp_path / "data", table)
    run(tabling.job(tmp_path, data, "target", task=task, spec=spec), "train")
    (finished,) = events(tmp_path / "job", "finished")
    if task == "regression":
        assert finished["score"] < 1500
    else:
        assert finished["score"] > 0.9


@pytest.mark.parametrize(
    ("method", "kind"), [("hist", "QuantileDMatrix"), ("approx", "DMatrix"), ("exact", "DMatrix")]
)
def test_xgboost_trains_from_quantised_numbers_where_it_can(
    method: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They need a fraction of the memory; those that judge are cut where those that teach are."""
    from recipes.learners import boosted

    given: list[Any] = []
    train = boosted.xgboost.train

    def watched(params: Any, data: Any, **more: Any) -> Any:
        given.extend([data, *(judges for judges, _ in more["evals"])])
        return train(params, data, **more)

    monkeypatch.setattr(boosted.xgboost, "train", watched)
    learner = boosted.build(boosting.setup(ALGORITHMS["xgboost"], tree_method=method))
    learner.fit(boosting.rows(), boosting.rows(60, seed=1), Told())
    assert [type(one).__name__ for one in given] == [kind, kind]
    if method == "hist":
        cuts = [one.get_quantile_cut() for one in given]
        assert all(np.array_equal(*pair) for pair in zip(*cuts, strict=True))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU to train on")
def test_a_training_that_fell_back_to_the_cpu_fails() -> None:
    from recipes.learners.boosted import Boosted

    params = {**ALGORITHMS["xgboost"].params.defaults(), "rounds": 1}
    setup = Setup(classes=2, params=params, seed=0, threads=1, device="cuda", names=["x"])
    matrix, target = np.zeros((4, 1), np.float32), np.array([0.0, 1.0, 0.0, 1.0])
    with pytest.raises(WrongDevice, match="was to train on cuda and XGBoost trained on cpu"):
        Boosted(setup).fit(Rows(matrix, target, None), None, Told())


def test_a_bundle_with_a_type_of_nobody_is_not_opened(tmp_path: Path) -> None:
    import skops.io

    from recipes.learners.linear import ridge

    params = ALGORITHMS["ridge"].params.defaults()
    setup = Setup(classes=0, params=params, seed=0, threads=1, device="cpu", names=["x"])
    skops.io.dump({"model": tmp_path}, tmp_path / "model.skops")
    with pytest.raises(ValueError, match="which no model of ours has"):
        ridge(setup).load(tmp_path)


def _nasty(task: str) -> tuple[pa.Table, float]:
    """The table, and a score that guessing does not reach."""
    rng = np.random.default_rng(1)
    size, count = rng.normal(size=240), 240
    colour = rng.choice(["red", "green", "blue"], count)
    truth = size * 2 + (colour == "red") * 2 + rng.normal(size=count) * 0.2
    targets: dict[str, Any] = {
        "two_class": np.where(truth > 1, "yes", "no"),
        "multiclass": np.where(np.arange(count) < 2, "rare", np.where(truth > 1, "high", "low")),
        "regression": truth * 1000 + 5000,
    }
    gaps = rng.random((2, count)) < 0.05
    columns = {
        "size": pa.array(size, mask=gaps[0]),
        "colour": pa.array(colour.tolist(), pa.string(), mask=gaps[1]),
        "flag": (size > 0).tolist(),
        "day": [datetime.date(2024, 1, 1 + one % 28) for one in range(count)],
        "words": [f"the {one} thing" for one in colour],
        "weight": rng.random(count) + 0.5,
        "target": targets[task],
    }
    return pa.table(columns), 0.5 if task == "regression" else 0.7


def _inputs(trained: Trained) -> list[str]:
    return [one.name for one in trained.model.encoder.columns]


def _strange(table: pa.Table) -> pa.Table:
    """Texts that were never seen, and a gap in each column in turn."""
    columns = {}
    for place, name in enumerate(table.column_names):
        values = table.column(name).to_pylist()
        if pa.types.is_string(table.column(name).type):
            values = [
                f"never seen {row}" if row % 3 == 0 else one for row, one in enumerate(values)
            ]
        gapped = [None if row % 7 == place % 7 else one for row, one in enumerate(values)]
        columns[name] = pa.array(gapped, table.column(name).type)
    return pa.table(columns)

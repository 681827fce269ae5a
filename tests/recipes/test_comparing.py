"""Comparing judged models: the same rows, an interval that holds what is true, honest refusals."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recipes import job
from recipes.engine import comparing
from recipes.engine.comparing import Judged, pair, read
from recipes.job import Job, write
from recipes.kinds import KINDS
from tests.recipes.making import events

LUCK = np.random.default_rng(3)
ROWS = 600
TRUE = (LUCK.random(ROWS) < 0.4).astype(np.float64)


def judged(
    noise: float, rows: slice = slice(None), fingerprint: str = "f", seed: int = 1
) -> Judged:
    luck = np.random.default_rng(seed)
    proba = np.clip(TRUE * 0.6 + 0.2 + luck.normal(0, noise, ROWS), 0.001, 0.999)
    given = np.stack([1 - proba, proba], 1)
    return Judged(fingerprint, np.arange(ROWS)[rows], TRUE[rows], given[rows], 0.5)


def asked(champion: Judged, other: Judged, task: str = "two_class") -> dict[str, Any]:
    return pair(task, champion, other, seconds=2.0, seed=5)


def test_a_clearly_better_model_has_an_interval_above_zero() -> None:
    found = asked(judged(0.5), judged(0.1))["metrics"]["roc_auc"]
    assert found["low"] > 0
    assert found["low"] <= found["difference"] <= found["high"]
    worse = asked(judged(0.5), judged(0.1))["metrics"]["log_loss"]
    assert worse["high"] < 0


def test_two_draws_of_the_same_model_differ_by_chance_alone() -> None:
    found = asked(judged(0.3, seed=1), judged(0.3, seed=2))["metrics"]["roc_auc"]
    assert found["low"] < 0 < found["high"]


def test_the_more_challengers_and_the_fewer_rows_the_wider_an_interval() -> None:
    def ends(rows: int, of: int) -> tuple[float, float]:
        models = (judged(0.4, slice(rows)), judged(0.2, slice(rows), seed=2))
        found = pair("two_class", *models, seconds=2.0, seed=5, of=of)["metrics"]["brier"]
        return found["low"], found["high"]

    alone, beside = ends(ROWS, 1), ends(ROWS, 7)
    assert beside[0] < alone[0] < alone[1] < beside[1]
    assert comparing._tail(30, 1) < comparing._tail(10_000, 1) <= 0.025
    assert comparing._tail(10_000, 7) == pytest.approx(0.025 / 7, rel=0.01)


def test_a_model_beside_itself_differs_by_nothing() -> None:
    found = asked(judged(0.3), judged(0.3))["metrics"]["accuracy"]
    assert (found["difference"], found["low"], found["high"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("other", "why", "shared"),
    [
        (judged(0.1, fingerprint="g"), "dataset", 0),
        (judged(0.1, slice(0, 29)), "few", 29),
        (judged(0.1, slice(100, 400)), "", 300),
    ],
)
def test_only_rows_that_judged_both_are_compared(other: Judged, why: str, shared: int) -> None:
    found = asked(judged(0.3), other)
    assert (found["why"], found["shared"], bool(found["metrics"])) == (why, shared, not why)


def test_rows_with_another_truth_are_not_the_same_rows() -> None:
    one = judged(0.1)
    turned = Judged("f", one.numbers, 1 - one.true, one.given, 0.5)
    assert asked(judged(0.3), turned)["why"] == "truth"


def test_an_interval_of_a_sample_is_as_narrow_as_that_of_all_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def width(found: dict[str, Any]) -> float:
        one = found["metrics"]["brier"]
        assert one["low"] < one["difference"] < one["high"]
        return float(one["high"] - one["low"])

    whole = width(asked(judged(0.4), judged(0.2, seed=2)))
    monkeypatch.setattr(comparing, "NUMBERS", 400)
    assert 0.6 < width(asked(judged(0.4), judged(0.2, seed=2))) / whole < 1.6


def test_the_time_is_bounded_and_some_drawings_are_always_made() -> None:
    found = pair("two_class", judged(0.3), judged(0.2), seconds=0.0, seed=5)
    assert found["resamples"] == comparing.LEAST
    assert found["metrics"]["f1"]["low"] is not None


def test_values_are_compared_by_their_errors() -> None:
    true = LUCK.normal(100, 10, 300)
    models = [
        Judged("f", np.arange(300), true, true + LUCK.normal(0, spread, 300), None)
        for spread in (5.0, 1.0)
    ]
    found = asked(models[0], models[1], task="regression")["metrics"]
    assert found["mae"]["high"] < 0 < found["r2"]["low"]


def bundle(folder: Path, rows: list[dict[str, Any]] | pa.Table, classes: list[str]) -> Path:
    folder.mkdir()
    about = {"classes": classes, "fingerprint": "f", "threshold": None}
    (folder / "model.json").write_text(json.dumps(about))
    if isinstance(rows, pa.Table):
        pq.write_table(rows, folder / "predictions.parquet")
    else:
        lines = [json.dumps(row) + "\n" for row in rows]
        (folder / "predictions.jsonl").write_text("".join(lines))
    return folder


def test_pictures_and_rows_are_read_alike(tmp_path: Path) -> None:
    classes = ["ants", "bees"]
    lines = [
        {"number": n, "true": classes[n % 2], "probas": {"ants": 0.25, "bees": 0.75}}
        for n in (2, 0, 1)
    ]
    table = pa.table(
        {
            "number": [2, 0, 1],
            "true": ["ants", "ants", "bees"],
            "prediction": ["bees"] * 3,
            "proba_ants": [0.25] * 3,
            "proba_bees": [0.75] * 3,
        }
    )
    one = read(bundle(tmp_path / "a", lines, classes))
    two = read(bundle(tmp_path / "b", table, classes))
    for each in (one, two):
        assert each.numbers.tolist() == [0, 1, 2]
        assert each.true.tolist() == [0, 1, 0]
        assert each.given[:, 1].tolist() == [0.75] * 3


def test_a_job_answers_a_pair_for_each_challenger(tmp_path: Path) -> None:
    luck = np.random.default_rng(0)
    true = luck.normal(0, 1, 50)
    places = []
    for n, spread in enumerate((1.0, 0.5, 0.1)):
        table = pa.table(
            {"number": range(50), "true": true, "prediction": true + luck.normal(0, spread, 50)}
        )
        places.append(str(bundle(tmp_path / f"m{n}", table, [])))
    folder = tmp_path / "job"
    spec = {"task": "regression", "bundles": places}
    write(folder, Job(job=1, kind="compare", spec=spec, seed=3))
    KINDS["compare"].run(job.read(folder), folder, None)
    (told,) = events(folder, "finished")
    assert [one["shared"] for one in told["pairs"]] == [50, 50]
    assert all(one["metrics"]["mae"]["high"] < 0 for one in told["pairs"])


def test_a_torn_bundle_is_named(tmp_path: Path) -> None:
    (bundle(tmp_path / "a", [], ["ants"]) / "predictions.jsonl").write_text("{")
    with pytest.raises(comparing.Unreadable, match="a cannot be read"):
        read(tmp_path / "a")

"""Rows a CPU second of each scoring engine, beside the model's own library, on adult's rows.

One thread, the same encoded rows, in turn in one process; the median of the pairs with their
spread. An engine that does not predict as the own library does is not timed, and said.

    python -m bench.table_engines

TRACKSIDE_BENCH_ROUNDS makes it shorter.
"""

import os
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ADULT = ROOT.parent / "shared" / "data" / "adult.csv"
ROUNDS = int(os.environ.get("TRACKSIDE_BENCH_ROUNDS", "7"))
LEARNED, LEAST = 8_000, 0.05  # rows; seconds of a call, at least
MODELS: dict[str, tuple[dict[str, Any], int]] = {  # its params, and rows of a block
    "xgboost": ({"rounds": 100, "early_stopping": False}, 32_561),
    "lightgbm": ({"rounds": 100, "early_stopping": False}, 32_561),
    "random_forest": ({"trees": 50, "min_samples_leaf": 3}, 32_561),
    "hist_gradient_boosting": ({"rounds": 50, "early_stopping": False}, 32_561),
    "logistic_regression": ({}, 32_561),
    "mlp": ({"rounds": 3}, 32_561),
    "svm": ({}, 2_000),
}


def main() -> int:
    if not ADULT.exists():
        print("table_engines: skipped, ../shared/data/adult.csv is not here")
        return 0
    import torch
    from threadpoolctl import threadpool_limits

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    with threadpool_limits(1), tempfile.TemporaryDirectory() as place:
        for name, (params, rows) in MODELS.items():
            _compare(Path(place) / name, name, params, rows)
    return 0


def _compare(home: Path, name: str, params: dict[str, Any], rows: int) -> None:
    from recipes import extras
    from recipes.algorithms import ALGORITHMS
    from recipes.data.table import opened
    from recipes.engine.tabular import devices, parity
    from recipes.scorers import able

    model, table = _model(home, name, params)
    matrix = model.encoder.transform(table.slice(0, rows))
    judged = parity.sample(model, devices.first_rows(model, opened(home / "data")))
    label = ALGORITHMS[name].label
    for card in able(name, "cpu"):
        if not extras.installed(card.library):
            print(f"table_engines: {label}, {card.label}: not installed", flush=True)
            continue
        gated = _gated(card, model, judged)
        if gated.scores is None:
            print(f"table_engines: {label}, {card.label}: {gated.told.why}", flush=True)
            continue
        told = _timed(matrix, model.learner.predict, gated.scores.predict)
        print(f"table_engines: {label}, {card.label}: {told}", flush=True)


def _gated(card: Any, model: Any, judged: Any) -> Any:
    from recipes.engine.tabular import parity
    from recipes.scorers.scorer import Where

    who = parity.Who(engine=card.label, own="the own library")
    where = Where(device="cpu", threads=1)
    told = judged.report(card.name, "CPU", {})
    return parity.gate(told, judged, lambda: card.make(model.learner, where), who)


def _model(home: Path, name: str, params: dict[str, Any]) -> Any:
    from recipes.engine.tabular.model import load
    from tests.recipes import tabling

    table = tabling.real("adult")
    spec = {"params": params, "refit": False}
    learned = table.slice(0, 2_000 if name == "svm" else LEARNED)
    tabling.train(home, learned, "income", algorithm=name, spec=spec, compute={"threads": 1})
    model = load(home / "job" / "bundle", 1)
    return model, table.select([one.name for one in model.encoder.columns])


def _timed(matrix: Any, own: Any, engine: Any) -> str:
    calls = max(1, int(LEAST / max(_cpu(own, matrix, 1), 1e-6)))
    pairs = [(_cpu(own, matrix, calls), _cpu(engine, matrix, calls)) for _ in range(ROUNDS)]
    ratios = sorted(one / other for one, other in pairs)
    speeds = [len(matrix) * calls / statistics.median(each) for each in zip(*pairs, strict=True)]
    mid = statistics.median(ratios)
    return (
        f"own {speeds[0]:,.0f} rows a CPU second, engine {speeds[1]:,.0f}, "
        f"{mid:.2f} [{ratios[0]:.2f} to {ratios[-1]:.2f}] times as fast"
    )


def _cpu(predict: Any, matrix: Any, calls: int) -> float:
    began = time.process_time()
    for _ in range(calls):
        predict(matrix)
    return time.process_time() - began


if __name__ == "__main__":
    sys.exit(main())

"""How good Trackside's defaults are: against those of the libraries, on rows that nobody has seen.

Of each real table a fifth is held out, drawn anew for each seed; ours and the peers get the same
other rows. Ours is a job with nothing changed: it keeps a part of them to stop early and to judge,
and its final model learns from all. With `--search` there is a second job of the boosted trees,
which first searches its params as the form proposes it; `best` is that of all jobs with the best
value of its own validation rows. The peers get all rows, with their own defaults, as an able user
calls them: categories as categories, gaps left to them. Told are the differences of ROC AUC or R2,
paired by seed; more than 0 is better. It fails where a default is worse than its library's beyond
chance and, with `--search`, unless `best` is better than HistGradientBoosting's defaults by the
mean on three of the four tables (of fewer: on all).

    python -m bench.table_accuracy [--search] [SEEDS [TABLE ...]]
"""

import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import xgboost
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.metrics import r2_score, roc_auc_score

from bench.real_tables import REAL, Real, here, imported, some_rows, spec_of
from recipes.engine.peers import Peers
from recipes.engine.tabular.model import load
from recipes.job import Compute, Job, read, write
from recipes.kinds import KINDS

SEEDS, HELD, THREADS = 5, 5, 2  # one row in five is held out
LEAST = -0.002  # a difference that is worse than that, beyond chance, is a miss
ALONE = torch.device("cpu")
T95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}  # Student's t of a 95 % interval, by the seeds
Scores = dict[str, float]
Jobs = tuple[tuple[str, dict[str, Any]], ...]  # a name, and what the spec has beside the usual


def main(seeds: int = SEEDS, *names: str, search: bool = False) -> int:
    if not here():
        print("table_accuracy: skipped, it needs ../shared/data")
        return 0
    missed, ahead = False, []
    with tempfile.TemporaryDirectory() as place:
        for one in REAL:
            if names and one.name not in names:
                continue
            dataset = imported(Path(place), one.name)
            told = [_seed(Path(place), one, dataset, seed, search) for seed in range(seeds)]
            missed |= _tell(one, told, AGAINST + (AFTER if search else ()))
            if search:
                ahead.append(_apart(told, *BEST)[0] > 0)
    behind = search and _behind(ahead)
    return 1 if missed or behind else 0


def _behind(ahead: list[bool]) -> bool:
    """Whether the search is not better on enough of the tables: on one of four it need not be."""
    wanted = len(ahead) - len(ahead) // 4
    text = f"{sum(ahead)} of {len(ahead)} tables (wanted: at least {wanted})"
    print(f"table_accuracy: the search is better than HistGradientBoosting on {text}", flush=True)
    return sum(ahead) < wanted


def _seed(work: Path, one: Real, dataset: Path, seed: int, search: bool) -> Scores:
    table = _with_target(pq.read_table(dataset / "table.parquet"), one.target)
    order = np.random.default_rng(seed).permutation(len(table))
    held, rest = (np.sort(part) for part in np.split(order, [len(order) // HELD]))
    true = _truth(table, one, held)
    scores = {}
    part = some_rows(dataset, work / f"{one.name}-{seed}", _places(dataset, one, rest))
    judged = {}
    for algorithm in ALGORITHMS:
        jobs: Jobs = (("ours", {}), ("searched", {"search": STANDARD}))
        for name, more in jobs[: 1 + (search and algorithm in SEARCHED)]:
            folder = work / f"{one.name}-{seed}-{name}-{algorithm}"
            spec = {**spec_of(one, part, algorithm), **more}
            compute = Compute(threads=THREADS)
            write(folder, Job(job=1, kind="train", spec=spec, seed=seed, compute=compute))
            _run(folder)
            model = load(folder / "bundle", threads=THREADS)
            given = model.predict(table.take(pa.array(held)))
            scores[f"{name} {algorithm}"] = _score(one, true, given)
            judged[f"{name} {algorithm}"] = model.about["metrics"][model.about["metric"]]
    if search:
        scores["best"] = scores[max(judged, key=lambda each: judged[each])]
    matrix, kinds = _matrix(table, one)
    for name, make in PEERS.items():
        model = make(one.task != "regression", kinds, seed)
        model.fit(matrix[rest], _truth(table, one, rest))
        ask = model.predict_proba if one.task != "regression" else model.predict
        scores[name] = _score(one, true, ask(matrix[held]))
    return scores


def _run(folder: Path) -> None:
    KINDS["train"].run(read(folder), folder, Peers(0, 1, ALONE))


def _with_target(table: pa.Table, target: str) -> pa.Table:
    return table.filter(table.column(target).is_valid())


def _places(dataset: Path, one: Real, rows: Any) -> Any:
    """The rows' places in the dataset: those without a target are no rows here."""
    column = pq.read_table(dataset / "table.parquet", columns=[one.target]).column(0)
    return np.flatnonzero(column.is_valid().to_numpy())[rows]


def _truth(table: pa.Table, one: Real, rows: Any) -> Any:
    column = table.column(one.target).take(pa.array(rows))
    if one.task == "regression":
        return column.to_numpy().astype(np.float64)
    texts = [str(value) for value in column.to_pylist()]
    return np.array([text == max(map(str, table.column(one.target).unique().to_pylist()))
                     for text in texts]).astype(np.int64)  # fmt: skip


def _score(one: Real, true: Any, given: Any) -> float:
    if one.task == "regression":
        return float(r2_score(true, given))
    return float(roc_auc_score(true, given[:, 1]))


def _matrix(table: pa.Table, one: Real) -> tuple[Any, list[bool]]:
    """Numbers as they are, dates as seconds, texts as codes; which columns are texts."""
    columns, kinds = [], []
    for name in table.column_names:
        if name in (one.target, *one.without):
            continue
        values = table.column(name)
        text = pa.types.is_string(values.type)
        if text:
            values = values.combine_chunks().dictionary_encode().indices
        elif pa.types.is_timestamp(values.type):
            values = values.cast(pa.int64())
        elif pa.types.is_boolean(values.type):
            values = values.cast(pa.int8())
        columns.append(values.cast(pa.float64()).to_numpy(zero_copy_only=False))
        kinds.append(text)
    return np.stack(columns, 1), kinds


def _xgboost(classes: bool, kinds: list[bool], seed: int) -> Any:
    kind = xgboost.XGBClassifier if classes else xgboost.XGBRegressor
    types = ["c" if text else "q" for text in kinds]
    return kind(enable_categorical=True, feature_types=types, random_state=seed, n_jobs=THREADS)


def _leafwise(classes: bool, kinds: list[bool], seed: int) -> Any:
    kind = lightgbm.LGBMClassifier if classes else lightgbm.LGBMRegressor
    texts = [place for place, text in enumerate(kinds) if text]
    return kind(categorical_feature=texts, random_state=seed, n_jobs=THREADS, verbose=-1)


def _boosting(classes: bool, kinds: list[bool], seed: int) -> Any:
    kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    return kind(categorical_features=kinds, random_state=seed)


def _forest(classes: bool, kinds: list[bool], seed: int) -> Any:
    kind = RandomForestClassifier if classes else RandomForestRegressor
    return kind(random_state=seed, n_jobs=THREADS)


PEERS: dict[str, Callable[[bool, list[bool], int], Any]] = {
    "XGBoost": _xgboost,
    "LightGBM": _leafwise,
    "HistGradientBoosting": _boosting,
    "RandomForest": _forest,
}
ALGORITHMS = ("xgboost", "lightgbm", "hist_gradient_boosting", "random_forest")
SEARCHED = ("xgboost", "lightgbm")  # a forest's trials would take hours here
STANDARD = {"strategy": "tpe"}  # all else as the form proposes it
BEST = ("best", "HistGradientBoosting")
AFTER = (
    ("searched xgboost", "HistGradientBoosting"),
    ("searched lightgbm", "HistGradientBoosting"),
    BEST,
)
AGAINST = (
    ("ours xgboost", "XGBoost"),
    ("ours xgboost", "HistGradientBoosting"),
    ("ours lightgbm", "LightGBM"),
    ("ours hist_gradient_boosting", "HistGradientBoosting"),
    ("ours random_forest", "RandomForest"),
)


def _tell(one: Real, told: list[Scores], against: tuple[tuple[str, str], ...]) -> bool:
    """Whether ours was worse somewhere, beyond chance."""
    what = "R2" if one.task == "regression" else "ROC AUC"
    for name in told[0]:
        values = [each[name] for each in told]
        print(f"table_accuracy: {one.name}, {name}: {what} {statistics.mean(values):.4f}")
    missed = False
    for ours, theirs in against:
        mean, wide = _apart(told, ours, theirs)
        missed |= mean + wide < LEAST
        print(
            f"table_accuracy: {one.name}, {ours} against {theirs}: {mean:+.4f} "
            f"[{mean - wide:+.4f} to {mean + wide:+.4f}] {what} (wanted: not below {LEAST})",
            flush=True,
        )
    return missed


def _apart(told: list[Scores], ours: str, theirs: str) -> tuple[float, float]:
    """The mean difference, and how wide its 95 % interval is to either side."""
    apart = [each[ours] - each[theirs] for each in told]
    if len(apart) == 1:
        return apart[0], 0.0
    wide = T95[len(apart)] * statistics.stdev(apart) / len(apart) ** 0.5
    return statistics.mean(apart), wide


if __name__ == "__main__":
    given = [one for one in sys.argv[1:] if one != "--search"]
    seeds = int(given[0]) if given else SEEDS
    sys.exit(main(seeds, *given[1:], search="--search" in sys.argv))

"""What a model of a table said of the rows that judged its training, beside what it says now."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recipes.engine import evaluation
from recipes.engine.metrics import Floats
from recipes.engine.tabular import figures
from recipes.engine.tabular.figures import Figures, chosen
from recipes.engine.tabular.outcome import PREDICTIONS

Json = dict[str, Any]
MOVING = 10_000  # predictions whose spread is compared


def metrics(bundle: Path, about: Json) -> Figures:
    """Those of the training, at the threshold of `about`."""
    table = _read(bundle)
    if table is None:
        return dict(about["metrics"])
    true = pc.index_in(table.column("true"), value_set=pa.array(about["classes"])).to_numpy()
    given = _probas(table, about["classes"])
    return figures.judge(about["task"], true.astype(np.float64), given, about["threshold"])


def tested(bundle: Path, about: Json) -> Figures | None:
    """Those of its test rows, at the one of the report's thresholds that is nearest to that of
    `about`. None: it was not tested."""
    if not about.get("test_metrics"):
        return None
    part = json.loads((bundle / "report.json").read_text())["test"]
    near = min(part["thresholds"], key=lambda one: abs(one["threshold"] - about["threshold"]))
    counts = np.array([[near[one]] for one in ("tp", "fp", "tn", "fn")], np.float64)
    moved = {name: float(value[0]) for name, value in figures.rates(counts).items()}
    return {**about["test_metrics"], **moved}


def compared(
    bundle: Path, about: Json, true: Floats, given: Floats
) -> tuple[list[Json], list[Json]]:
    """How predictions and truth are spread now, beside then: entries of a drift, not ranked."""
    table = _read(bundle)
    if table is None:
        return [], []
    before, target = table.take(pa.array(_few(len(table), 2))), about["target"]
    places = _few(len(true), 3)
    true, given = true[places], given[places]
    if not about["classes"]:
        said, was = (before.column(one).to_numpy() for one in ("prediction", "true"))
        return (
            evaluation.moved_numbers("prediction", said, given),
            evaluation.moved_numbers(target, was, true),
        )
    names, threshold = np.array(about["classes"], object), about["threshold"]
    probas = _probas(before, about["classes"])
    moved = evaluation.moved_classes(
        "prediction", names[chosen(probas, threshold)], names[chosen(given, threshold)]
    )
    if len(names) == 2:
        moved += evaluation.moved_numbers(f"proba_{names[1]}", probas[:, 1], given[:, 1])
    else:
        moved += evaluation.moved_numbers("highest probability", probas.max(1), given.max(1))
    was_true = before.column("true").to_pylist()
    return moved, evaluation.moved_classes(target, was_true, names[true.astype(np.int64)])


def _read(bundle: Path) -> pa.Table | None:
    return pq.read_table(bundle / PREDICTIONS) if (bundle / PREDICTIONS).is_file() else None


def _probas(table: pa.Table, classes: list[str]) -> Floats:
    """[rows, classes] of a bundle's predictions."""
    return np.stack([table.column(f"proba_{one}").to_numpy() for one in classes], 1)


def _few(count: int, seed: int) -> Any:
    """Places of a fair sample, in their order."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:MOVING])

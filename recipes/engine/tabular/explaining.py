"""Why a row is predicted as it is: its prediction, and the columns that moved it most."""

from typing import Any

import numpy as np
import pyarrow as pa

from recipes.engine.metrics import Floats
from recipes.engine.tabular.contributions import Contributions, of_matrix
from recipes.engine.tabular.model import Model
from recipes.engine.tabular.seen import CUT, plain

Json = dict[str, Any]
MOST = 12  # columns that are named


def explained(
    model: Model, table: pa.Table, classes: list[str], threshold: float | None
) -> list[Json]:
    """An item a row (docs/jobs.md). The rows drop nothing."""
    matrix = model.encoder.transform(table)
    given = model.learner.predict(matrix)
    found = of_matrix(model, matrix)
    return [_item(table, row, given[row], found, classes, threshold) for row in range(len(table))]


def _item(
    table: pa.Table,
    row: int,
    given: Any,
    found: Contributions,
    classes: list[str],
    threshold: float | None,
) -> Json:
    moved, base = found.values[row], found.base
    if not classes:
        item: Json = {"prediction": float(given), "probas": None, "of": None}
    else:
        place = predicted(given, threshold)
        item = {"prediction": classes[place], "of": classes[1]}
        item["probas"] = dict(zip(classes, map(float, given), strict=True))
        if moved.ndim == 2:
            item["of"], moved, base = classes[place], moved[place], base[place]
    return item | _strongest(table, row, found.names, moved, float(base))


def predicted(given: Floats, threshold: float | None) -> int:
    """The place of the predicted class of one row."""
    if threshold is None:
        return int(given.argmax())
    return int(given[1] >= threshold)


def _strongest(table: pa.Table, row: int, names: list[str], moved: Floats, base: float) -> Json:
    order = np.argsort(-np.abs(moved), kind="stable")
    columns = [
        {
            "name": names[place],
            "value": _short(table.column(names[place])[row].as_py()),
            "moved": float(moved[place]),
        }
        for place in order[:MOST].tolist()
    ]
    others = moved[order[MOST:]]
    total = base + float(moved.sum())
    return {
        "base": base,
        "total": total,
        "columns": columns,
        "others": {"count": len(others), "moved": float(others.sum())},
    }


def _short(value: Any) -> Any:
    shown = plain(value)
    return shown[:CUT] if isinstance(shown, str) else shown

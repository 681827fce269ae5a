"""What a report says of contributions: importance by their size, how they fall, single rows."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from recipes.data.encode import Matrix
from recipes.engine.metrics import Floats
from recipes.engine.tabular import explaining, seen
from recipes.engine.tabular.contributions import (
    BACKGROUND,
    SCALES,
    Contributions,
    is_exact,
    of_matrix,
    scale,
)
from recipes.engine.tabular.effects import Sample, ranked
from recipes.engine.tabular.fitting import Judged
from recipes.engine.tabular.model import Model
from recipes.engine.tabular.rows import Ready

Json = dict[str, Any]
SECONDS = 10.0  # that it may take, about
ROWS, ESTIMATED, LEAST, TIMED = 1000, 200, 20, 500
DRAWN, COLUMNS, CLASSES = 200, 15, 5  # points of a column, columns, and classes that are drawn
PARTS = 10  # in which they are told
INTERESTING = 12  # rows of interest, about
EACH = 4  # rows of interest of a kind


class Shown(NamedTuple):
    """The ranking by mean size, the points to draw, rows of interest; None: there are none."""

    ranking: Json | None = None
    points: Json | None = None
    rows: Json | None = None


def shown(
    model: Model,
    sample: Sample,
    ready: Ready,
    judged: Judged,
    threshold: float | None,
    told: Callable[[float], None] = lambda part: None,
) -> Shown:
    """All of it. `told` hears how large a part is made. Raises NotAddingUp."""
    ranking, points = attribution(model, sample, ready.classes, told)
    rows = individual(model, ready, judged, threshold) if points else None
    return Shown(ranking, points, rows)


def attribution(
    model: Model,
    sample: Sample,
    classes: list[str],
    told: Callable[[float], None] = lambda part: None,
) -> tuple[Json | None, Json | None]:
    """The ranking by mean size, and the points to draw; None where it would take too long."""
    rows = affordable(model, sample)
    if not rows:
        return None, None
    found = _in_parts(model, sample.matrix[:rows], told)
    sizes = np.abs(found.values).reshape(-1, len(found.names)).mean(0)
    how = "exact Shapley values" if is_exact(model) else "Shapley values, estimated"
    what = (
        f"The mean size of its contributions to the predictions of {rows:,} rows: {how}, in "
        f"{SCALES[scale(model)].format(*classes[1:2])}"
    )
    return ranked(what, found.names, sizes), _drawn(model, sample, found, sizes, classes)


def _in_parts(model: Model, matrix: Matrix, told: Callable[[float], None]) -> Contributions:
    """The contributions of all rows; `told` leaves room for the rows of interest."""
    made = []
    for part in np.array_split(matrix, max(1, min(PARTS, len(matrix) // LEAST))):
        made.append(of_matrix(model, part))
        told(sum(len(one.values) for one in made) / (len(matrix) + INTERESTING))
    values = np.concatenate([one.values for one in made])
    return Contributions(made[0].names, values, made[0].base)


def affordable(model: Model, sample: Sample) -> int:
    """How many rows can be explained in time; 0 if they would be fewer than LEAST."""
    exact = is_exact(model)
    few = sample.matrix[:LEAST]
    if not exact:  # a call costs something by itself, and the walks make few of them
        few = np.resize(few, (TIMED, few.shape[1]))
    began = time.monotonic()
    of_matrix(model, few) if exact else model.learner.predict(few)
    a_row = max(1e-9, (time.monotonic() - began) / max(1, len(few)))
    if not exact:
        a_row *= BACKGROUND * (len(model.encoder.columns) + 1)
    most = ROWS if exact else ESTIMATED
    return min(most, len(sample.matrix), int(SECONDS / a_row)) if a_row * LEAST <= SECONDS else 0


def _drawn(
    model: Model, sample: Sample, found: Contributions, sizes: Floats, classes: list[str]
) -> Json:
    handled = {one.name: one.handling["type"] for one in model.encoder.columns}
    few = found.values[:DRAWN]
    if few.ndim == 3:
        few = few[:, :CLASSES]
    columns = []
    for place in np.argsort(-sizes, kind="stable")[:COLUMNS].tolist():
        name = found.names[place]
        values = sample.table.column(name)[: len(few)].to_pylist()
        moved = few[..., place].reshape(len(few), -1).T
        columns.append(
            {
                "name": name,
                "type": handled[name],
                "values": [_cut(seen.plain(one)) for one in values],
                "moved": [[float(f"{one:.5g}") for one in each] for each in moved.tolist()],
            }
        )
    several = classes[:CLASSES] if few.ndim == 3 else classes[1:]
    return {
        "scale": scale(model),
        "exact": is_exact(model),
        "rows": len(found.values),
        "classes": several,
        "columns": columns,
    }


def _cut(value: Any) -> Any:
    return value[:40] if isinstance(value, str) else value


def individual(model: Model, ready: Ready, judged: Judged, threshold: float | None) -> Json:
    """Rows that are worth a look, each with what moved it."""
    true, classes = ready.target[judged.rows], ready.classes
    picked = picks(true, judged.given, threshold)
    places = sorted({place for each in picked.values() for place in each})
    table = ready.take(judged.rows[np.array(places, np.int64)])
    items = explaining.explained(model, table, classes, threshold)
    told = {
        place: {
            "number": int(ready.numbers[judged.rows[place]]),
            "true": classes[int(true[place])] if classes else float(true[place]),
            **item,
        }
        for place, item in zip(places, items, strict=True)
    }
    groups = [{"why": why, "rows": [told[one] for one in each]} for why, each in picked.items()]
    return {"scale": scale(model), "exact": is_exact(model), "groups": groups}


def picks(true: Floats, given: Floats, threshold: float | None) -> dict[str, list[int]]:
    """Places of the worst rows, and of the most and least certain, or highest and lowest."""
    if given.ndim == 1:
        worst = -np.abs(given - true)
        return {"worst": _first(worst), "highest": _first(-given), "lowest": _first(given)}
    right = given[np.arange(len(true)), true.astype(np.int64)]
    if threshold is not None:
        doubt = np.abs(given[:, 1] - threshold)
    else:
        two = np.sort(given, axis=1)[:, -2:]
        doubt = two[:, 1] - two[:, 0]
    return {
        "worst": _first(right),
        "least_certain": _first(doubt),
        "most_certain": _first(-doubt),
    }


def _first(order: Floats) -> list[int]:
    found: list[int] = np.argsort(order, kind="stable")[:EACH].tolist()
    return found

"""What is foreseen of a training on a table before one like it was measured, and no more."""

from typing import Any, NamedTuple

from recipes import boosted_room, encoded, features
from recipes.algorithms import ALGORITHMS, Algorithm
from recipes.params import ParamError
from recipes.tasks import table_split
from trackside.compute.fit import FORMULA_SPREAD, Need
from trackside.lab import handling
from trackside.lab.models import Analysis
from trackside.lab.subjects import columns_of
from trackside.ui.words import plural

MIB, MOST_COLUMNS = 2**20, 1000  # more columns cost more than their numbers
FROM = 0.5  # of the rows that were measured: fewer take seconds


def memory(analysis: Analysis, model: dict[str, Any], key: str) -> Need | None:
    """Of a rank on a CPU, by rows and encoded columns; None where it depends on more than these."""
    card = ALGORITHMS[model["algorithm"]]
    if not (card.process and _on_cpu(analysis)):
        return None
    found = _encoded(analysis, card)
    if found is None:
        return None
    rows = _rows(analysis)
    size = rows * (encoded.of_row(found.widths) + sum(map(encoded.of_value, found.used)))
    said = f"By formula, ±{FORMULA_SPREAD:.0%}: {plural(rows, 'row')} of {sum(found.widths):,} "
    said += "encoded columns; no like training has been measured."
    return Need(bytes=card.process * MIB + size, spread=FORMULA_SPREAD, key=key, basis=said)


def on_gpu(analysis: Analysis, model: dict[str, Any], gpus: int) -> boosted_room.Need | None:
    """What boosted trees take of each of so many GPUs; None where nobody foresees it."""
    card = ALGORITHMS[model["algorithm"]]
    if card.gpu_room is None or _on_cpu(analysis):
        return None
    found = _encoded(analysis, card)
    if found is None:
        return None
    rows, columns = -(-_rows(analysis) // gpus), encoded.columns(found.handled, found.widths)
    return card.gpu_room(_params(card, model), rows, columns, found.classes)


def learns_in_pages(model: dict[str, Any], gpus: int) -> bool:
    """Whether what a GPU cannot hold may lie beside it."""
    card = ALGORITHMS[model["algorithm"]]
    return gpus == 1 and card.learns_from_disk(_params(card, model), "cuda")


def paged(analysis: Analysis, model: dict[str, Any], gpus: int) -> int:
    """Bytes of a GPU that do in pages; 0 where it does not learn in these."""
    found = on_gpu(analysis, model, gpus) if learns_in_pages(model, gpus) else None
    return found.in_pages() if found else 0


class _Encoded(NamedTuple):
    """The inputs, how they are handled, how wide each is, and the classes that are known."""

    used: list[dict[str, Any]]
    handled: list[dict[str, Any]]
    widths: list[int]
    classes: int


def _encoded(analysis: Analysis, card: Algorithm) -> _Encoded | None:
    facts = analysis.dataset.facts
    if int(facts.get("columns") or 0) > MOST_COLUMNS:
        return None
    columns = handling.inputs(columns_of(analysis.dataset), analysis.target)
    try:
        made, _ = features.resolve(
            columns,
            analysis.design["features"],
            rows=analysis.dataset.rows,
            takes_missing=card.takes_missing,
            scales=card.scales,
            ranks=card.ranks,
        )
    except ParamError:
        return None
    used = [one for one in columns if made[one["name"]]["role"] == "input"]
    classes = len(facts.get("classes") or []) or 2
    handled = [made[one["name"]] for one in used]
    pairs = zip(used, handled, strict=True)
    widths = [encoded.width(how, one["distinct"], classes) for one, how in pairs]
    return _Encoded(used, handled, widths, classes)


def _on_cpu(analysis: Analysis) -> bool:
    compute: dict[str, Any] = analysis.design.get("compute") or {}
    return bool(compute.get("kind", "cpu") == "cpu")


def _params(card: Algorithm, model: dict[str, Any]) -> dict[str, Any]:
    return {**card.params.defaults(), **model.get("params", {})}


def slow(analysis: Analysis, models: list[dict[str, Any]]) -> list[str]:
    """Of which the time grows with the square of the rows, where these are many."""
    said = []
    rows = _rows(analysis)
    for name in dict.fromkeys(one["algorithm"] for one in models):
        card = ALGORITHMS[name]
        if card.squared is None or rows < FROM * card.squared[0]:
            continue
        measured, seconds = card.squared
        minutes = max(1, round(seconds * (rows / measured) ** 2 / 60))
        said.append(
            f"{card.label}: its time grows with the square of the rows. {measured:,} rows took "
            f"{seconds} s on a CPU; {rows:,} would take about {plural(minutes, 'minute')}, or more "
            "by the data and settings. Learn from fewer rows in Train / Test set, or choose trees."
        )
    return said


def _rows(analysis: Analysis) -> int:
    return table_split.used(analysis.design["split"], analysis.dataset.rows)

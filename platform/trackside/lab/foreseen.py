"""What is foreseen of a training on a table before one like it was measured, and no more."""

from typing import Any

from recipes import encoded, features
from recipes.algorithms import ALGORITHMS
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
    compute, facts = analysis.design.get("compute") or {}, analysis.dataset.facts
    on_cpu = compute.get("kind", "cpu") == "cpu"
    if not (card.process and on_cpu) or int(facts.get("columns") or 0) > MOST_COLUMNS:
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
    widths = [encoded.width(made[one["name"]], one["distinct"], classes) for one in used]
    rows = _rows(analysis)
    size = rows * (encoded.of_row(widths) + sum(map(encoded.of_value, used)))
    said = f"By formula, ±{FORMULA_SPREAD:.0%}: {plural(rows, 'row')} of {sum(widths):,} encoded "
    said += "columns; no like training has been measured."
    return Need(bytes=card.process * MIB + size, spread=FORMULA_SPREAD, key=key, basis=said)


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

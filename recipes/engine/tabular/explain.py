"""An explain job on a table: rows of the dataset, a row that a person made up, or groups."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from recipes import whatif
from recipes.data import places
from recipes.data import table as source
from recipes.data.listing import BadData
from recipes.engine.tabular import counterfactuals, explaining, seen, subpopulations
from recipes.engine.tabular.contributions import is_exact, scale
from recipes.engine.tabular.counterfactuals import Goal
from recipes.engine.tabular.model import Model, load
from recipes.events import Journal, finite
from recipes.job import BadJob, Job
from recipes.params import ParamError

Json = dict[str, Any]
MOST = 24  # rows of one job
CHANGED = "The dataset has been changed since the model was trained: its rows are other ones now."


def explain_table(job: Job, folder: Path) -> None:
    """Answer what the spec asks (docs/jobs.md). The page that waits shows `finished`."""
    asks = {"rows": _rows, "whatif": _whatif, "subpopulations": _subpopulations}
    ask = asks.get(str(job.spec.get("ask")))
    if ask is None:
        raise BadJob(f"The job asks {job.spec.get('ask')!r}; it may ask {', '.join(asks)}.")
    with threadpool_limits(job.compute.threads), closing(Journal(folder)) as journal:
        journal.write("phase", name="read", text="Reading the model.")
        model = load(Path(job.spec["bundle"]), max(1, job.compute.threads))
        if (threshold := job.spec.get("threshold")) is not None:
            model = replace(model, about={**model.about, "threshold": float(threshold)})
        journal.write("finished", **finite(ask(job, model)))


def _rows(job: Job, model: Model) -> Json:
    """Rows of the dataset by their numbers."""
    numbers = [int(one) for one in job.spec.get("numbers") or []][:MOST]
    if not numbers:
        raise BadJob("The job names no rows.")
    about = model.about
    names = [one.name for one in model.encoder.columns]
    table = rows_at(_dataset(job, about), numbers, [*names, about["target"]])
    whole = model.complete(table.select(names)).to_pylist()
    kept = [place for place, there in enumerate(whole) if there]
    inputs = table.select(names).take(pa.array(kept, pa.int64()))
    made = explaining.explained(model, inputs, about["classes"], about["threshold"])
    by_place = dict(zip(kept, made, strict=True))
    true = table.column(about["target"]).to_pylist()
    why = "A value is missing without which the model predicts nothing."
    items = [
        {"number": number, "true": _true(true[place], about["classes"])}
        | by_place.get(place, {"trouble": why})
        for place, number in enumerate(numbers)
    ]
    return {"items": items, "learned_from": _knows(about), **_unit(model)}


def _whatif(job: Job, model: Model) -> Json:
    """A made-up row: its prediction, what moved it, and what would turn it."""
    columns, about = seen.read(Path(job.spec["bundle"])), model.about
    try:
        row = whatif.cleaned(columns, dict(job.spec.get("row") or {}))
    except ParamError as wrong:
        raise BadData(str(wrong)) from None
    classes, threshold = about["classes"], about["threshold"]
    table = seen.table_of([row], columns)
    (item,) = explaining.explained(model, table, classes, threshold)
    strongest = [one["name"] for one in item["columns"]]
    goals = _goals(str(job.spec.get("toward") or ""), classes)
    found = []
    for one in goals:
        goal, already = Goal(classes, threshold, one), item["prediction"] == one
        turns = [] if already else counterfactuals.hints(
            model, columns, row, goal, job.spec.get("fixed") or [], strongest
        )  # fmt: skip
        found.append({"toward": one, "already": already, "found": turns})
    return {"items": [{"number": None, **item}], "row": row, "hints": found, **_unit(model)}


def _goals(toward: str, classes: list[str]) -> list[str]:
    """Of a class any other one, of a value both ways, if nothing was said."""
    may = classes or ["up", "down"]
    if toward and toward not in may:
        raise BadJob(f"A prediction can be turned to {', '.join(may[:10])}, not to {toward!r}.")
    if toward or classes:
        return [toward]
    return may


def _subpopulations(job: Job, model: Model) -> Json:
    column, bundle = str(job.spec.get("column") or ""), Path(job.spec["bundle"])
    groups = subpopulations.compare(bundle, model.about, _dataset(job, model.about), column)
    return {"items": groups, "column": column}


def rows_at(folder: Path, numbers: list[int], names: list[str]) -> pa.Table:
    """These rows in this order, from the row groups that hold them. Raises BadData."""
    file = source.opened(folder)
    gone = sorted(set(names) - set(file.schema_arrow.names), key=names.index)
    if gone:
        raise BadData(f"The dataset lacks the column {gone[0]!r}.")
    last = file.metadata.num_rows
    if strange := [one for one in numbers if not 0 <= one < last]:
        raise BadData(f"The dataset has no row {strange[0] + 1:,}: it has {last:,} rows.")
    return places.taken(file, names, np.array(numbers, np.int64))


def _dataset(job: Job, about: Json) -> Path:
    given = job.spec.get("dataset") or {}
    if about["fingerprint"] != given.get("fingerprint"):
        raise BadData(CHANGED)
    return source.unchanged(given)


def _true(value: Any, classes: list[str]) -> Any:
    found = seen.plain(value)
    if found is None or not classes:
        return found
    return source.as_text(pa.chunked_array([pa.array([value])]))[0].as_py()


def _knows(about: Json) -> bool:
    """Whether the bundle's model learned from the judged rows too, which people ask about most."""
    return about["split"].get("policy") == "kfold" or bool(about.get("refit"))


def _unit(model: Model) -> Json:
    about = model.about
    return {
        "scale": scale(model),
        "exact": is_exact(model),
        "classes": about["classes"],
        "threshold": about["threshold"],
        "target": about["target"],
    }

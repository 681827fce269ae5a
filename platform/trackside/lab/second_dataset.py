"""The second dataset that a design on a table may name as its test set; the rows of each part."""

from typing import Any, NamedTuple

from django.http import Http404

from recipes import drift
from recipes.tasks import data_of
from recipes.tasks.table_split import shares, sizes, used
from trackside.datasets import holding, tables
from trackside.datasets.models import Dataset, DatasetState
from trackside.datasets.queries import dataset_for, datasets_of
from trackside.lab import handling
from trackside.lab.diagnostics import Finding
from trackside.lab.models import Analysis
from trackside.lab.subjects import columns_of
from trackside.lab.trouble import BadDesign, Refused

Split = dict[str, Any]
FIELD = "split.test_dataset"


class Parts(NamedTuple):
    """Rows, as far as the profiles tell: rows that a gap drops are only known when it trains."""

    train: int
    val: int
    test: int
    folds: int = 0

    def told(self) -> dict[str, int]:
        """By REST's names, without what there is none of."""
        return {name: count for name, count in self._asdict().items() if count}


def is_named(split: Split) -> bool:
    return bool(split.get("policy") == "dataset")


def named(analysis: Analysis, split: Split) -> Dataset:
    """The dataset that the split names, when it can test. Raises Refused with the sentence."""
    name = str(split.get("test_dataset") or "")
    if not name:
        raise Refused("Choose the dataset to test on, or draw the test rows at random.")
    try:
        found = dataset_for(analysis.project, name)
    except Http404:
        raise Refused(
            f"There is no dataset {name!r} in this project to test on. Choose another one in "
            "Train / Test set."
        ) from None
    if said := trouble(analysis, found):
        raise Refused(said)
    return found


def trouble(analysis: Analysis, second: Dataset) -> str:
    """Why the dataset cannot test the analysis' models; "" when it can."""
    if second.pk == analysis.dataset_id:
        return f"The models learn from {second.name}: choose another dataset to test them on."
    if second.kind != "table" or second.state != DatasetState.READY:
        what = "images" if second.kind == "images" else second.get_state_display().lower()
        return f"The dataset {second.name} cannot be the test set: it is {what}."
    if not tables.is_parquet(second) or not (here := tables.types(second)):
        return f"The dataset {second.name} cannot be the test set: its columns are not known."
    learned, written = _learned(analysis)
    if said := drift.trouble(learned, here, written, table=f"the test set {second.name}"):
        return said
    if not second.rows or here[analysis.target] is None:
        return f"The test set {second.name} has no value of {analysis.target!r} to judge by."
    return ""


def _learned(analysis: Analysis) -> tuple[dict[str, str], set[str]]:
    """Inputs and target with their types, and those of them whose values are texts to a model."""
    columns, rows = columns_of(analysis.dataset), analysis.dataset.rows
    inputs = handling.inputs(columns, analysis.target)
    own, _ = handling.fitting(inputs, analysis.design["features"], rows)
    made = handling.resolved(inputs, own, rows)
    used = {name for name, one in made.items() if one["role"] == "input"} | {analysis.target}
    written = drift.written(made)
    if analysis.task != "regression":
        written.add(analysis.target)
    return {one["name"]: one["type"] for one in columns if one["name"] in used}, written


def check(analysis: Analysis, split: Split) -> None:
    """Raises BadDesign where the split names a dataset that cannot test."""
    if data_of(analysis.task) == "table" and is_named(split):
        try:
            named(analysis, split)
        except Refused as refused:
            raise BadDesign({FIELD: str(refused)}) from None


def frozen(analysis: Analysis) -> dict[str, Any]:
    """What a job's spec says of the test set. Raises Refused."""
    split = analysis.design["split"]
    return {"test": holding.source(named(analysis, split))} if is_named(split) else {}


def hold(analysis: Analysis) -> None:
    """Nobody deletes or corrects what a training reads until this transaction ends.

    In the order of their rows: two trainings may read the same two datasets the other way round.
    Raises Refused, Http404.
    """
    split, needed = analysis.design["split"], [analysis.dataset]
    if data_of(analysis.task) == "table" and is_named(split):
        needed.append(named(analysis, split))
    rows = [holding.held(one) for one in sorted(needed, key=lambda one: one.pk)]
    analysis.dataset = next(one for one in rows if one.pk == analysis.dataset_id)


def refusal(analysis: Analysis) -> str:
    """Why the design's test set cannot test, where it names one; "" when it can."""
    split = analysis.design["split"]
    try:
        if is_named(split):
            named(analysis, split)
    except Refused as refused:
        return str(refused)
    return ""


def findings(analysis: Analysis) -> list[Finding]:
    """What is wrong with the test set that the design names."""
    split = analysis.design["split"]
    if said := refusal(analysis):
        return [Finding("wn", "The test set cannot test", said, "split")]
    if not is_named(split) or named(analysis, split).fingerprint != analysis.dataset.fingerprint:
        return []
    text = (
        f"{split['test_dataset']} was read from the same file as {analysis.dataset.name}: the "
        "models learn from the rows that test them."
    )
    return [Finding("wn", "The test set is what is learned from", text, "split")]


def options(analysis: Analysis) -> list[tuple[str, str]]:
    """The project's other tables with their rows, for the form."""
    found = [
        (one.name, f"{one.name} · {one.rows:,} rows")
        for one in datasets_of(analysis.project)
        if one.kind == "table" and one.pk != analysis.dataset_id and tables.is_parquet(one)
    ]
    now = str(analysis.design["split"].get("test_dataset") or "")
    gone = [(now, f"{now} · not here")] if now and now not in dict(found) else []
    return [("", "Choose a dataset" if found else "No other table is here"), *found, *gone]


def parts(analysis: Analysis) -> Parts:
    """How many rows would train, validate and test."""
    split = analysis.design["split"]
    columns = columns_of(analysis.dataset)
    gaps = [int(one["missing"]) for one in columns if one["name"] == analysis.target]
    rows = used(split, analysis.dataset.rows - sum(gaps))
    if split["policy"] == "kfold":
        return Parts(rows, 0, 0, folds=int(split["folds"]))
    own = Parts(*sizes(rows, shares(split)))
    return own._replace(test=_rows(analysis, split)) if is_named(split) else own


def _rows(analysis: Analysis, split: Split) -> int:
    try:
        second = named(analysis, split)
    except Refused:
        return 0
    column = next(one for one in tables.columns(second) if one["name"] == analysis.target)
    return second.rows - int(column.get("missing") or 0)

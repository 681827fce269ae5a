"""The page of a model's judged rows: what was true, what was predicted, what stands beside it."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest

from trackside.datasets import tables
from trackside.datasets.models import DatasetState
from trackside.datasets.table_parquet import ParquetTable
from trackside.lab import judged
from trackside.lab.drawing import number
from trackside.lab.entrants import Entrant
from trackside.lab.results import Json, threshold_of

ROWS, BESIDE = 50, 5  # of a page; columns beside a prediction
LETTERS = 200  # of a text beside a prediction


def fill(request: HttpRequest, model: Entrant, report: Json) -> Json:
    at = threshold_of(request, report) if report.get("thresholds") else None
    wish = judged.Wish(
        wrong=request.GET.get("only") == "wrong",
        true=request.GET.get("true", ""),
        predicted=request.GET.get("predicted", ""),
        threshold=at,
    )
    try:
        rows = judged.Rows(model.bundle, wish, wish.counted(report))
        page = Paginator(rows, ROWS).get_page(request.GET.get("page"))
        shown = [_shown(one) for one in page.object_list]
    except judged.Torn:
        return {"gone": True}
    ranked = (report.get("importance") or {}).get("permutation") or {}
    names = [one["name"] for one in ranked.get("columns", [])[:BESIDE]]
    names, beside = _beside(model, [one["number"] for one in shown], names)
    for one, values in zip(shown, beside, strict=False):
        one["beside"] = values
    return {
        "page": page, "shown": shown, "wish": wish, "classed": bool(rows.classes),
        "names": names, "at": at,
    }  # fmt: skip


def _shown(row: Json) -> Json:
    if "error" not in row:
        return {**row, "percent": 100 * (row["sure"] or 0)}
    return {**row, **{name: number(row[name]) for name in ("true", "prediction", "error")}}


def _beside(
    model: Entrant, numbers: list[int], names: list[str]
) -> tuple[list[str], list[list[Any]]]:
    """What stands in those rows of these columns, as far as they are there.

    Nothing where the dataset is no longer the one of the training.
    """
    dataset = model.dataset
    if dataset is None or model.told.get("fingerprint") != dataset.fingerprint:
        return [], []
    if dataset.state != DatasetState.READY or not tables.is_parquet(dataset):
        return [], []
    try:
        table = tables.table(dataset)
        replaced = model.told.get("fingerprint") != dataset.fingerprint  # before it was opened
        if replaced or not isinstance(table, ParquetTable):
            return [], []
        there = [name for name in names if name in table.names]
        rows = table.at(numbers, [table.names.index(name) for name in there], cut=LETTERS)
    except (OSError, ValueError):  # it was replaced meanwhile
        return [], []
    return there, [[_said(one) for one in row] for row in rows]


def _said(value: Any) -> Any:
    """A cell as the dataset's own page has it; a long text is cut."""
    if isinstance(value, bool):
        return str(value).lower()
    text = isinstance(value, str) and len(value) > LETTERS
    return f"{value[:LETTERS]}\u2026" if text else value

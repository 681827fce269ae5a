"""The one door to the rows of a table, whether an import or a recipe wrote it.

Imports leave `table.parquet` and `columns.json` (docs/jobs.md); scoring leaves a CSV so far.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from django.http import Http404

from trackside.datasets import storage
from trackside.datasets.columns_kept import KEPT, Column
from trackside.datasets.models import Dataset, DatasetState
from trackside.datasets.table_csv import CsvTable
from trackside.datasets.table_parquet import ParquetTable

PARQUET, CSV, COLUMNS = "table.parquet", "data.csv", "columns.json"


class Table(Protocol):
    """`names` are the columns in their order; a missing value is None."""

    names: list[str]

    def window(
        self, offset: int, limit: int, columns: list[int], cut: int | None = None
    ) -> list[list[Any]]:
        """Rows from `offset` on, `limit` at most, with these columns, as JSON has values.

        `cut`: of a longer text only so many characters, and one more. Raises TooLarge.
        """

    def lines(self) -> Iterator[list[Any]]:
        """All rows, in bounded memory; infinite numbers are numbers here."""


def parquet_file(dataset: Dataset) -> Path | None:
    """Its Parquet file; None where the rows are a CSV. Raises Http404 where there are none."""
    path = _file(dataset)
    return path if path.suffix == ".parquet" else None


def is_parquet(dataset: Dataset) -> bool:
    """Whether it can be downloaded as Parquet."""
    return _readable(dataset) and (storage.folder(dataset) / PARQUET).is_file()


def _readable(dataset: Dataset) -> bool:
    """While a table is corrected, its rows of before are there."""
    corrected = dataset.state == DatasetState.IMPORTING and bool(dataset.fingerprint)
    return dataset.kind == "table" and (corrected or dataset.state == DatasetState.READY)


def table(dataset: Dataset) -> Table:
    """Raises Http404 where there are no rows that can be read."""
    path = _file(dataset)
    try:
        return ParquetTable(path) if path.suffix == ".parquet" else CsvTable(path)
    except OSError:
        raise Http404(f"The rows of {dataset.name} cannot be read: the file is damaged.") from None


def _file(dataset: Dataset) -> Path:
    home = storage.folder(dataset)
    found = [path for name in (PARQUET, CSV) if (path := home / name).is_file()]
    if not found or not _readable(dataset):
        raise Http404(f"{dataset.name} has no rows yet.")
    return found[0]


def described(dataset: Dataset) -> bool:
    """Whether it has a profile of its columns: all but CSVs, which scorings of pictures leave."""
    return dataset.kind == "table" and dataset.facts.get("layout") == "table"


def imported(dataset: Dataset) -> bool:
    """Whether an import read it and no recipe wrote it: it has problems, and is read anew."""
    return described(dataset) and "scored_by" not in dataset.facts


def in_order(dataset: Dataset, names: list[str]) -> list[int]:
    """The places of the columns as pages show them: what a recipe made of the rows comes first."""
    made = set(dataset.facts.get("made") or [])
    if not made:
        return list(range(len(names)))
    return sorted(range(len(names)), key=lambda place: names[place] not in made)


def columns(dataset: Dataset) -> list[Column]:
    """What is known of each column: `name` and `type` at least; [] while nothing is."""
    path = storage.folder(dataset) / COLUMNS
    if described(dataset) and path.is_file():
        return KEPT.columns(path, dataset.fingerprint)
    told = dataset.facts.get("columns")
    return list(told) if isinstance(told, list) else []


def types(dataset: Dataset) -> dict[str, str | None]:
    """The type of each column, None where all its values are missing."""
    rows = dataset.rows
    return {
        one["name"]: None if rows and one.get("missing") == rows else one["type"]
        for one in columns(dataset)
    }

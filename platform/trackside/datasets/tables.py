"""The one door to the rows of a table, whether an import or a recipe wrote it.

Imports leave `table.parquet` and `columns.json` (docs/jobs.md); scoring leaves a CSV so far.
"""

from collections.abc import Iterator
from contextlib import suppress
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
    for home in _homes(dataset):
        for name in (PARQUET, CSV):
            if _readable(dataset) and (home / name).is_file():
                return home / name if name == PARQUET else None
    raise Http404(f"{dataset.name} has no rows yet.")


def is_parquet(dataset: Dataset) -> bool:
    """Whether it can be downloaded as Parquet."""
    return _readable(dataset) and (storage.folder(dataset) / PARQUET).is_file()


def _readable(dataset: Dataset) -> bool:
    """While a table is corrected, its rows of before are there."""
    corrected = dataset.state == DatasetState.IMPORTING and bool(dataset.fingerprint)
    return dataset.kind == "table" and (corrected or dataset.state == DatasetState.READY)


def table(dataset: Dataset) -> Table:
    """Opened: newer rows may take their place, these stay. Raises Http404 where there are none.

    Where newer ones came before it was opened, it has those, and `dataset` their fingerprint.
    """
    for home in _homes(dataset):
        try:
            found = _opened(home) if _readable(dataset) else None
        except OSError:
            said = f"The rows of {dataset.name} cannot be read: the file is damaged."
            raise Http404(said) from None
        if found is not None:
            return found
    raise Http404(f"{dataset.name} has no rows yet.")


def _opened(home: Path) -> Table | None:
    """Raises OSError for a file that is no table."""
    with suppress(FileNotFoundError):
        return ParquetTable(home / PARQUET)
    with suppress(FileNotFoundError):
        return CsvTable(home / CSV)
    return None


def _homes(dataset: Dataset) -> Iterator[Path]:
    """Its folder; asked for another one, that of newer rows where there are any.

    `dataset` was read a moment ago, and the folder goes as soon as newer rows have taken the place
    of these: what is not found there may be where the row says now.
    """
    seen = None
    while (home := storage.folder(dataset)) != seen:
        seen = home
        yield home
        try:
            dataset.refresh_from_db()
        except Dataset.DoesNotExist:
            raise Http404(f"{dataset.name} was deleted meanwhile.") from None


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
    for home in _homes(dataset) if described(dataset) else ():
        with suppress(FileNotFoundError):
            return KEPT.columns(home / COLUMNS, dataset.fingerprint)
    told = dataset.facts.get("columns")
    return list(told) if isinstance(told, list) else []


def types(dataset: Dataset) -> dict[str, str | None]:
    """The type of each column, None where all its values are missing."""
    rows = dataset.rows
    return {
        one["name"]: None if rows and one.get("missing") == rows else one["type"]
        for one in columns(dataset)
    }

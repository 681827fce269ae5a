"""The judged rows of a model of a table, the worst first, a window at a time.

The bundle has them in this order (docs/jobs.md), so that memory depends on the window alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, overload

from trackside.datasets.table_parquet import ParquetTable

Json = dict[str, Any]
FILE = "predictions.parquet"
PROBA = "proba_"


class Torn(Exception):
    """The bundle has no predictions, or they cannot be read."""


@dataclass(frozen=True)
class Wish:
    """Which rows: only wrong ones, or those of one cell of the confusion matrix.

    `threshold`: of two classes, from which probability on the second one is predicted.
    """

    wrong: bool = False
    true: str = ""
    predicted: str = ""
    threshold: float | None = None

    @property
    def all(self) -> bool:
        return not (self.wrong or self.true or self.predicted)


class Rows(Sequence[Json]):
    """`{"number", "true", "prediction", "sure" or "error", "right"}`, the worst first.

    `sure` is the probability of the predicted class.
    """

    def __init__(self, bundle: Path, wish: Wish) -> None:
        """Raises Torn."""
        self.wish = wish
        try:
            self.table = ParquetTable(bundle / FILE)
        except (OSError, ValueError) as torn:
            raise Torn(str(torn)) from torn
        self.all = sum(self.table.groups)
        names = [one for one in self.table.names if one.startswith(PROBA)]
        self.classes = [one.removeprefix(PROBA) for one in names]

    def __len__(self) -> int:
        return self.all if self.wish.all else sum(self._counts)

    @overload
    def __getitem__(self, place: int) -> Json: ...
    @overload
    def __getitem__(self, place: slice) -> list[Json]: ...
    def __getitem__(self, place: int | slice) -> Json | list[Json]:
        if isinstance(place, int):
            return self[place : place + 1][0]
        start, stop, _ = place.indices(len(self))
        return [self._row(one) for one in self._window(start, max(0, stop - start))]

    def _window(self, start: int, limit: int) -> list[list[Any]]:
        """Raises Torn."""
        try:
            if self.wish.all:
                return self.table.window(start, limit, self._columns)
            return self._found(start, limit)
        except (OSError, ValueError) as torn:
            raise Torn(str(torn)) from torn

    def _row(self, values: list[Any]) -> Json:
        row: Json = dict(zip(self.table.names, values, strict=True))
        told = {name: row[name] for name in ("number", "true", "prediction")}
        if not self.classes:
            error = None if None in told.values() else row["prediction"] - row["true"]
            return {**told, "error": error}
        threshold = self.wish.threshold
        if threshold is not None:
            told["prediction"] = self.classes[row[f"{PROBA}{self.classes[1]}"] >= threshold]
        sure = row.get(f"{PROBA}{told['prediction']}")
        return {**told, "sure": sure, "right": told["true"] == told["prediction"]}

    @cached_property
    def _counts(self) -> list[int]:
        """How many rows of each row group are wished for."""
        try:
            groups = range(len(self.table.groups))
            return [len(_true(self._hits(group))) for group in groups]
        except (OSError, ValueError) as torn:
            raise Torn(str(torn)) from torn

    @property
    def _columns(self) -> list[int]:
        return list(range(len(self.table.names)))

    def _hits(self, group: int) -> Any:
        """A boolean a row of the group, from the few columns that decide."""
        import pyarrow as arrow  # noqa: PLC0415 - the web starts without it
        import pyarrow.compute as compute  # noqa: PLC0415

        wish, two = self.wish, self.wish.threshold is not None
        decides = f"{PROBA}{self.classes[1]}" if two else "prediction"
        found = self.table.group(group, ["true", decides])
        true, given = found.column("true"), found.column(decides)
        if two:
            second = compute.greater_equal(given, wish.threshold)
            given = compute.if_else(second, self.classes[1], self.classes[0])
        hits = arrow.repeat(arrow.scalar(True), found.num_rows)
        if wish.wrong:
            hits = compute.and_(hits, compute.not_equal(true, given))
        for column, value in ((true, wish.true), (given, wish.predicted)):
            if value:
                hits = compute.and_(hits, compute.equal(column, value))
        return hits

    def _found(self, start: int, limit: int) -> list[list[Any]]:
        """The wished rows from the start-th on: only the row groups that hold them are read."""
        places: list[int] = []
        first = 0
        for group, (rows, count) in enumerate(zip(self.table.groups, self._counts, strict=True)):
            if start < count and len(places) < limit:
                hits = _true(self._hits(group))[start : start + limit - len(places)]
                places += [first + one for one in hits]
            start = max(0, start - count)
            first += rows
        return self.table.at(places, self._columns)


def _true(hits: Any) -> list[int]:
    import pyarrow.compute as compute  # noqa: PLC0415

    places: list[int] = compute.indices_nonzero(hits).to_pylist()
    return places

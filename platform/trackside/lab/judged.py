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
SAME = 1e-9  # thresholds: those of a report are rounded


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

    def counted(self, report: Json) -> int | None:
        """How many rows there are by the report's own counts; None where it has none of these."""
        classes, table = report.get("classes") or [], report.get("confusion")
        if self.threshold is not None:
            rows = report.get("thresholds") or []
            here = [one for one in rows if abs(one["threshold"] - self.threshold) < SAME]
            table = (
                [[here[0]["tn"], here[0]["fp"]], [here[0]["fn"], here[0]["tp"]]] if here else None
            )
        if not table or len(table) != len(classes):
            return None
        counts = (
            int(table[t][p])
            for t, true in enumerate(classes)
            for p, predicted in enumerate(classes)
            if self.true in ("", true)
            and self.predicted in ("", predicted)
            and not (self.wrong and true == predicted)
        )
        return sum(counts)


class Rows(Sequence[Json]):
    """`{"number", "true", "prediction", "sure" or "error", "right"}`, the worst first.

    `sure` is the probability of the predicted class.
    """

    def __init__(self, bundle: Path, wish: Wish, count: int | None = None) -> None:
        """`count` of the wished rows, as far as it is known: else all are looked at to count them.
        Raises Torn."""
        self.wish, self._count = wish, count
        try:
            self.table = ParquetTable(bundle / FILE)
        except (OSError, ValueError) as torn:
            raise Torn(str(torn)) from torn
        self.all: int = sum(self.table.groups)
        self._known: dict[int, Any] = {}  # row groups that were looked at
        names = [one for one in self.table.names if one.startswith(PROBA)]
        self.classes = [one.removeprefix(PROBA) for one in names]

    def __len__(self) -> int:
        if self.wish.all:
            return self.all
        return self._counted if self._count is None else self._count

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
    def _counted(self) -> int:
        try:
            return sum(len(self._places(group)) for group in range(len(self.table.groups)))
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
        """The wished rows from the start-th on: no row group behind the last of them is read."""
        places: list[int] = []
        first = 0
        for group, rows in enumerate(self.table.groups):
            hits = self._places(group)
            places += [first + one for one in hits[start : start + limit - len(places)].tolist()]
            if len(places) >= limit:
                break
            start = max(0, start - len(hits))
            first += rows
        return self.table.at(places, self._columns)

    def _places(self, group: int) -> Any:
        """Of the wished rows in the group, as an array."""
        import pyarrow.compute as compute  # noqa: PLC0415

        if group not in self._known:
            hits = compute.indices_nonzero(self._hits(group))
            self._known[group] = hits.to_numpy(zero_copy_only=False)
        return self._known[group]

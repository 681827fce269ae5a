"""The judged rows of a model of a table: the worst predictions first, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

Json = dict[str, Any]
FILE = "predictions.parquet"
MOST = 1_000_000  # rows that are put into an order
CELLS = 20_000_000  # of them: with many classes there are fewer rows


@dataclass(frozen=True)
class Wish:
    """Which rows: only wrong ones, or those of one cell of the confusion matrix."""

    wrong: bool = False
    true: str = ""
    predicted: str = ""


class Rows(Sequence[Json]):
    """`{"number", "true", "prediction", "sure" or "error", "right"}`, the worst first.

    Classes: wrong rows first, the surest of them on top. Values: by the size of the error.
    """

    def __init__(self, bundle: Path, wish: Wish) -> None:
        """Raises OSError where the bundle has no predictions."""
        import pyarrow.parquet as parquet  # noqa: PLC0415 - the web starts without it

        with parquet.ParquetFile(bundle / FILE) as file:
            self.all = file.metadata.num_rows
            names = file.schema_arrow.names
            self.most = min(MOST, CELLS // len(names))
            table = next(file.iter_batches(batch_size=self.most), None)
        self.classes = [one.removeprefix("proba_") for one in names if one.startswith("proba_")]
        self.table = _ordered(table, names, wish)

    def __len__(self) -> int:
        return 0 if self.table is None else int(self.table.num_rows)

    @overload
    def __getitem__(self, place: int) -> Json: ...
    @overload
    def __getitem__(self, place: slice) -> list[Json]: ...
    def __getitem__(self, place: int | slice) -> Json | list[Json]:
        if self.table is None:
            return []
        if isinstance(place, int):
            return self[place : place + 1][0]
        start, stop, _ = place.indices(len(self))
        rows: list[Json] = self.table.slice(start, max(0, stop - start)).to_pylist()
        return rows


def _ordered(batch: Any, names: list[str], wish: Wish) -> Any:
    """The rows as a table with `wrong` and `sure`, or `error`, in their order."""
    if batch is None:
        return None
    import pyarrow as arrow  # noqa: PLC0415
    import pyarrow.compute as compute  # noqa: PLC0415

    table = arrow.Table.from_batches([batch])
    probas = [table.column(name) for name in names if name.startswith("proba_")]
    table = table.select(["number", "true", "prediction"])
    if not probas:
        error = compute.subtract(table.column("prediction"), table.column("true"))
        table = table.append_column("error", error)
        order = compute.array_sort_indices(compute.abs(error), order="descending")
        return table.take(order)
    right = compute.equal(table.column("true"), table.column("prediction"))
    table = table.append_column("right", right)
    table = table.append_column("sure", compute.max_element_wise(*probas))
    if wish.wrong:
        table = table.filter(compute.invert(right))
    for name, value in (("true", wish.true), ("prediction", wish.predicted)):
        if value:
            table = table.filter(compute.equal(table.column(name), value))
    keys = [("right", "ascending"), ("sure", "descending"), ("number", "ascending")]
    return table.take(compute.sort_indices(table, sort_keys=keys))


def inputs(table: Path, numbers: list[int], names: list[str]) -> list[dict[str, Any]]:
    """Some columns of these rows of a dataset; only their row groups are read."""
    import pyarrow.parquet as parquet  # noqa: PLC0415

    found: dict[int, dict[str, Any]] = {}
    with parquet.ParquetFile(table) as file:
        there = [name for name in names if name in file.schema_arrow.names]
        first = 0
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            wanted = [one - first for one in numbers if first <= one < first + rows]
            if wanted and there:
                taken = file.read_row_group(group, columns=there).take(wanted).to_pylist()
                found |= {first + n: row for n, row in zip(wanted, taken, strict=True)}
            first += rows
    return [found.get(one, {}) for one in numbers]

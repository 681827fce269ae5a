"""The rows of a Parquet file of ours, in bounded memory. pyarrow is loaded at the first table."""

import math
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

AT_ONCE = 1024  # rows
CELLS_AT_ONCE = 2**16  # a table of many columns is read in fewer rows,
BYTES_AT_ONCE = 8 << 20  # and one of long texts too
WINDOW = 64 << 20  # bytes
INFINITE = (math.inf, -math.inf)


class TooLarge(Exception):
    """A window has more bytes than a process should hold for one page."""


class ParquetTable:
    """Row groups before the window are skipped; within one, rows are read up to the window."""

    def __init__(self, path: Path) -> None:
        """Raises OSError when it cannot be opened or is no Parquet."""
        import pyarrow.parquet as parquet  # noqa: PLC0415 - the web starts without it

        try:
            self.about = parquet.read_metadata(path)
        except ValueError as torn:
            raise OSError(f"{path} is no Parquet file: {torn}") from torn
        self.names: list[str] = list(self.about.schema.to_arrow_schema().names)
        self.groups = [
            self.about.row_group(one).num_rows for one in range(self.about.num_row_groups)
        ]
        self.path = path

    def window(
        self, offset: int, limit: int, columns: list[int], cut: int | None = None
    ) -> list[list[Any]]:
        """`cut`: texts to so many characters. Raises TooLarge, but not for texts that are cut."""
        groups, skip = self._groups(offset, limit)
        names = [self.names[place] for place in columns]
        rows: list[list[Any]] = []
        size = 0
        for batch in self._batches(groups, names) if names and limit else ():
            if skip < batch.num_rows:
                piece = _cut(batch.slice(skip, limit - len(rows)), cut)
                size += piece.nbytes
                if size > WINDOW:
                    raise TooLarge
                rows += _rows(piece, names)
            skip = max(0, skip - batch.num_rows)
            if len(rows) >= limit:
                break
        return rows

    def at(self, numbers: Sequence[int], columns: list[int]) -> list[list[Any]]:
        """The rows of these numbers, in their order; one beyond the end is empty."""
        names = [self.names[place] for place in columns]
        found: dict[int, list[Any]] = {}
        first = 0
        for group, rows in enumerate(self.groups):
            wanted = {one for one in numbers if first <= one < first + rows}
            start = first
            for batch in self._batches([group], names) if wanted and names else ():
                here = sorted(one for one in wanted if start <= one < start + batch.num_rows)
                if here:
                    taken = batch.take([one - start for one in here])
                    found |= dict(zip(here, _rows(taken, names), strict=True))
                start += batch.num_rows
            first += rows
        return [found.get(one, []) for one in numbers]

    def group(self, place: int, names: list[str]) -> Any:
        """Some columns of a row group, as Arrow has them."""
        with self._opened() as file:
            return file.read_row_group(place, columns=names, use_threads=False)

    def lines(self) -> Iterator[list[Any]]:
        for batch in self._batches(list(range(len(self.groups))), self.names):
            yield from _rows(batch, self.names, infinite=True)

    def _groups(self, offset: int, limit: int) -> tuple[list[int], int]:
        """The row groups that hold the window, and the rows before it in the first of them."""
        found: list[int] = []
        first = skip = 0
        for place, rows in enumerate(self.groups):
            if first + rows > offset and first < offset + limit:
                skip = skip if found else offset - first
                found.append(place)
            first += rows
        return found, skip

    def _batches(self, groups: list[int], names: list[str]) -> Iterator[Any]:
        rows = min(AT_ONCE, CELLS_AT_ONCE // max(1, len(names)))
        rows = max(1, min(rows, BYTES_AT_ONCE // max(1, self._row_bytes(groups, names))))
        with self._opened() as file:
            yield from file.iter_batches(
                batch_size=rows, row_groups=groups, columns=names, use_threads=False
            )

    def _opened(self) -> Any:
        """Without another look at its end, and without holding whole columns of a row group."""
        import pyarrow.parquet as parquet  # noqa: PLC0415 - the web starts without it

        return parquet.ParquetFile(
            self.path, metadata=self.about, pre_buffer=False, buffer_size=BYTES_AT_ONCE // 8
        )

    def _row_bytes(self, groups: list[int], names: list[str]) -> int:
        """Of a row in these columns, on the average of the group where it is largest."""
        places = {name: place for place, name in enumerate(self.names)}
        wanted = [places[name] for name in names]
        found = [0]
        for one in groups:
            group = self.about.row_group(one)
            whole = sum(group.column(place).total_uncompressed_size for place in wanted)
            found.append(whole // max(1, group.num_rows))
        return max(found)


def _cut(batch: Any, most: int | None) -> Any:
    """Its texts to `most` characters and one more, which tells that there was more."""
    import pyarrow as pa  # noqa: PLC0415 - the web starts without it
    import pyarrow.compute as pc  # noqa: PLC0415

    if most is None:
        return batch
    columns = [
        pc.utf8_slice_codeunits(one, 0, most + 1) if pa.types.is_string(one.type) else one
        for one in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _rows(batch: Any, names: list[str], *, infinite: bool = False) -> list[list[Any]]:
    """A batch has the columns in the file's order, not in the order of `names`.

    `infinite`: such numbers stay numbers, which JSON has none of: a spreadsheet's -inf is no text.
    """
    columns = [
        [one if infinite and one in INFINITE else plain(one) for one in values]
        for values in (batch.column(name).to_pylist() for name in names)
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def plain(value: Any) -> Any:
    """As JSON has values: a date as ISO text, a long whole number exact, no number as None."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return _finite(value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else str(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date) else str(value)


def _finite(value: float) -> float | str | None:
    """JSON knows no infinity: it is the text that a CSV has."""
    return None if math.isnan(value) else value if math.isfinite(value) else str(value)

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
        import pyarrow as pa  # noqa: PLC0415 - the web starts without it
        import pyarrow.parquet as parquet  # noqa: PLC0415

        # Held, so that the rows stay readable when the file is replaced.
        self._file = pa.OSFile(str(path))
        try:
            self.about = parquet.read_metadata(self._file)
        except ValueError as torn:
            raise OSError(f"{path} is no Parquet file: {torn}") from torn
        schema = self.about.schema.to_arrow_schema()
        self.names: list[str] = list(schema.names)
        self.places = {name: place for place, name in enumerate(self.names)}
        self._texts = {one.name for one in schema if pa.types.is_string(one.type)}
        self.groups = [
            self.about.row_group(one).num_rows for one in range(self.about.num_row_groups)
        ]

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

    def at(
        self, numbers: Sequence[int], columns: list[int], cut: int | None = None
    ) -> list[list[Any]]:
        """The rows of these numbers, in their order; one beyond the end is empty.

        `cut`: as for a window.
        """
        names = [self.names[place] for place in columns]
        found: dict[int, list[Any]] = {}
        first = 0
        for group, rows in enumerate(self.groups):
            wanted = {one for one in numbers if first <= one < first + rows}
            start = first
            for batch in self._batches([group], names) if wanted and names else ():
                here = sorted(one for one in wanted if start <= one < start + batch.num_rows)
                if here:
                    taken = _cut(batch.take([one - start for one in here]), cut)
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
        """Of some BYTES_AT_ONCE, or of one row.

        A text that many rows have stands in the file once: how large rows are is not known before
        they are written out, which therefore happens piece by piece.
        """
        rows = min(AT_ONCE, CELLS_AT_ONCE // max(1, len(names)))
        rows = max(1, min(rows, BYTES_AT_ONCE // max(1, self._row_bytes(groups, names))))
        with self._opened(self._repeated(groups, names, rows)) as file:
            for batch in file.iter_batches(
                batch_size=rows, row_groups=groups, columns=names, use_threads=False
            ):
                yield from _written_out(batch)

    def _opened(self, once: Sequence[str] = ()) -> Any:
        """Without another look at its end, and without holding whole columns of a row group.

        `once`: columns of text where one that many rows have is held once.
        """
        import pyarrow.parquet as parquet  # noqa: PLC0415 - the web starts without it

        return parquet.ParquetFile(
            self._file,
            metadata=self.about,
            pre_buffer=False,
            buffer_size=BYTES_AT_ONCE // 8,
            read_dictionary=list(once) or None,
        )

    def _repeated(self, groups: list[int], names: list[str], rows: int) -> list[str]:
        """The texts that might take more than WINDOW together if so many rows had the longest."""
        places = [(name, self.places[name]) for name in names if name in self._texts]
        whole = [self.about.row_group(one) for one in groups]
        most = WINDOW // max(1, rows * len(names))
        return [
            name
            for name, place in places
            if any(one.column(place).total_uncompressed_size > most for one in whole)
        ]

    def _row_bytes(self, groups: list[int], names: list[str]) -> int:
        """Of a row in these columns as the file has it, in the group where it is largest."""
        wanted = [self.places[name] for name in names]
        found = [0]
        for one in groups:
            group = self.about.row_group(one)
            whole = sum(group.column(place).total_uncompressed_size for place in wanted)
            found.append(whole // max(1, group.num_rows))
        return max(found)


def _written_out(batch: Any) -> Iterator[Any]:
    """The batch in pieces where each row has its texts."""
    if batch.num_rows > 1 and _size(batch) > BYTES_AT_ONCE:
        half = batch.num_rows // 2
        for piece in (batch.slice(0, half), batch.slice(half)):
            yield from _written_out(piece)
        return
    import pyarrow as pa  # noqa: PLC0415 - the web starts without it

    columns = [
        one.dictionary_decode() if pa.types.is_dictionary(one.type) else one
        for one in batch.columns
    ]
    yield pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _size(batch: Any) -> int:
    """Bytes of its texts when each row has them."""
    import pyarrow as pa  # noqa: PLC0415 - the web starts without it
    import pyarrow.compute as pc  # noqa: PLC0415

    texts = [one for one in batch.columns if pa.types.is_dictionary(one.type)]
    if sum(one.dictionary.nbytes for one in texts) * batch.num_rows <= BYTES_AT_ONCE:
        return 0  # it cannot be more, whatever each row has
    lengths = (pc.binary_length(one.dictionary).take(one.indices) for one in texts)
    return sum(pc.sum(one, min_count=0).as_py() for one in lengths)


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

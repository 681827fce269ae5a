"""Writes the table: Parquet in row groups, so that windows and single columns are read quickly."""

from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from recipes.data.sandbox import BadInput

GROUP = 65_536  # rows
HELD = 64 << 20  # bytes of a row group at most, once its texts are written out row by row


class Writer:
    """Writes to `path`, which is whole after `close`."""

    def __init__(self, path: Path) -> None:
        self.rows = 0
        self._path = path
        self._file: pq.ParquetWriter | None = None
        self._waiting: list[pa.RecordBatch] = []
        self._held = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._file:
            self._file.close()

    def add(self, batch: pa.RecordBatch) -> None:
        """The batches have one schema. Raises BadInput for a row that no reader could hold."""
        while batch.num_rows:
            waiting = sum(one.num_rows for one in self._waiting)
            now = batch.slice(0, GROUP - waiting)
            while now.num_rows > 1 and self._held + now.nbytes > HELD:
                now = now.slice(0, now.num_rows // 2)
            if self._waiting and self._held + now.nbytes > HELD:
                self._flush()
                continue
            if now.nbytes > HELD:
                raise BadInput(f"A row has more than {HELD >> 20} MB: it is no table.")
            self._waiting.append(now)
            self._held += now.nbytes
            batch = batch.slice(now.num_rows)
            if waiting + now.num_rows == GROUP:
                self._flush()

    def close(self, schema: pa.Schema) -> None:
        """Also a table without rows has a file."""
        if self._waiting or self._file is None:
            self._flush(schema)
        if self._file is not None:
            self._file.close()
            self._file = None

    def _flush(self, schema: pa.Schema | None = None) -> None:
        schema = self._waiting[0].schema if self._waiting else schema
        table = pa.Table.from_batches(self._waiting, schema)
        if self._file is None:
            self._file = pq.ParquetWriter(self._path, schema, compression="zstd")
        self._file.write_table(table, row_group_size=GROUP)
        self.rows += table.num_rows
        self._waiting, self._held = [], 0
